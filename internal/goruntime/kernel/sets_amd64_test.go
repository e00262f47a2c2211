package kernel

import "testing"

// forEachSet runs a test with each set of instructions that the processor has.
func forEachSet(t *testing.T, test func(t *testing.T)) {
	two, five := hasAVX2, hasAVX512
	defer func() { hasAVX2, hasAVX512 = two, five }()
	for _, set := range []struct {
		name      string
		two, five bool
	}{{"portable", false, false}, {"AVX2", true, false}, {"AVX512", true, true}} {
		if set.two && !two || set.five && !five {
			t.Logf("no %s here", set.name)
			continue
		}
		hasAVX2, hasAVX512 = set.two, set.five
		t.Run(set.name, test)
	}
}
