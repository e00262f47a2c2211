package shard

import "testing"

func TestArray(t *testing.T) {
	for _, c := range []struct {
		indexes []int
		want    string
	}{
		{nil, ""},
		{[]int{3}, "3"},
		{[]int{19, 3, 18, 17}, "3,17-19"},
		{[]int{0, 1, 3, 4, 6}, "0-1,3-4,6"},
	} {
		if got := Array(c.indexes); got != c.want {
			t.Errorf("%v: %s, want %s", c.indexes, got, c.want)
		}
	}
}

func TestName(t *testing.T) {
	for name, want := range map[string]bool{
		"shard-00017-of-00100.json":     true,
		"shard-00017-of-00100.npy":      true,
		"shard-123456-of-1000000.npy":   true,
		"shard-00100-of-00100.npy":      false,
		"shard-17-of-100.npy":           false,
		"shard-000017-of-00100.npy":     false,
		"shard-00017-of-00100.npy.0":    false,
		".shard-00017-of-00100.npy":     false,
		"shard-00017-of-00100.txt":      false,
		"shard-00000-of-999999999.json": false,
	} {
		if got := IsName(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got, want := (Part{17, 100}).Name(), "shard-00017-of-00100"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
