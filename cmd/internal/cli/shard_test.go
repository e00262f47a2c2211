package cli

import "testing"

func TestShard(t *testing.T) {
	for _, c := range []struct {
		n    int
		text string
		// of each part
		first, count []int
	}{
		{7, "0/3", []int{0, 3, 5}, []int{3, 2, 2}},
		{8, "0/4", []int{0, 2, 4, 6}, []int{2, 2, 2, 2}},
		{3, "0/3", []int{0, 1, 2}, []int{1, 1, 1}},
		{5, "0/1", []int{0}, []int{5}},
	} {
		var s Part
		if err := s.Set(c.text); err != nil {
			t.Fatal(err)
		}
		for s.At = range s.Of {
			if first, count := s.Range(c.n); first != c.first[s.At] || count != c.count[s.At] {
				t.Errorf("part %s of %d: %d from %d, want %d from %d", &s, c.n, count, first, c.count[s.At], c.first[s.At])
			}
		}
	}
	var none Part
	if first, count := none.Range(9); first != 0 || count != 9 || none.String() != "" {
		t.Errorf("no shard: %d from %d of 9", count, first)
	}
}
