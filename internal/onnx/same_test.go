package onnx

import "testing"

// TestSame: what was repeated, and changed element by element since.
func TestSame(t *testing.T) {
	g := &Graph{}
	x, row := g.Input("x", Float32, Shape(2, 1, 3)...), grid(2, 3, 1, 2, 3, 1, 2, 3)
	repeated := g.Op("Expand", nil, x, vec(2, 4, 3))
	changed := g.Op("Sub", nil, reals(1), repeated)
	differs := g.Op("Add", nil, changed, g.Input("y", Float32, Shape(1, 4, 1)...))
	turned := g.Op("Transpose", Attrs{"perm": []int64{1, 0, 2}}, repeated)
	for _, v := range []*Value{repeated, changed, differs, turned} {
		if err := infer(v.Node); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		v    *Value
		d    int
		want bool
	}{
		{"of size 1", x, 1, true},
		{"an input", x, 2, false},
		{"repeated", repeated, 1, true},
		{"before that", repeated, 2, false},
		{"changed", changed, 1, true},
		{"changed differently", differs, 1, false},
		{"turned", turned, 0, false},
		{"a constant", row, 0, false},
	} {
		if got := Same(c.v, c.d); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
