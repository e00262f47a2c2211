package ir

import "slices"

// A Lattice is how many times there are from a position of a unit to the next one to the
// right, X, and, for each column that the picture's rows are apart in time, to the one below, Y.
type Lattice struct{ Y, X int }

// Lattices is that of each unit, if as many symbols are drawn at a pixel of the picture as
// there are outputs, one after the other. A unit on every r-th row of the picture has r times
// the picture's Y, one on every r-th column r times its X. units are the network's, in order.
// It is nil where a unit reads one source as if it lay on one lattice, and another as if it lay
// on another.
func (n *Network) Lattices(units []*Unit) []Lattice {
	down, ok := n.spread(units, func(a Access) Axis { y, _ := a.Scale(); return y })
	right, too := n.spread(units, func(a Access) Axis { _, x := a.Scale(); return x })
	if !ok || !too {
		return nil
	}
	all := len(n.Outputs)
	for _, s := range slices.Concat(down, right) {
		all *= s.over / gcd(all, s.over)
	}
	out := make([]Lattice, len(units))
	for i := range out {
		out[i] = Lattice{down[i].times * (all / down[i].over), right[i].times * (all / right[i].over)}
	}
	return out
}

// A spacing is how far positions are apart, times/over in pixels of the picture.
type spacing struct{ times, over int }

// spread is the spacing of each unit in one direction; not ok where one has two.
func (n *Network) spread(units []*Unit, along func(Access) Axis) (of []spacing, ok bool) {
	of = slices.Repeat([]spacing{{0, 1}}, len(units)) // 0 where nothing says
	set := func(i, times, over int) bool {
		d := gcd(times, over)
		s := spacing{times / d, over / d}
		if of[i].times == 0 {
			of[i] = s
		}
		return of[i] == s
	}
	for i, u := range units {
		if u.Kind == Picture {
			set(i, 1, 1)
		}
		for _, a := range u.Args {
			if from := of[a.Src.ID]; from.times > 0 {
				if by := along(a.Access); !set(i, from.times*by.Times, from.over*by.Over) {
					return nil, false
				}
			}
		}
	}
	// What does not depend on the picture lies as who reads it does.
	for i, u := range slices.Backward(units) {
		for _, a := range u.Args {
			if by := along(a.Access); of[i].times > 0 && a.Src.OverPixels() {
				set(a.Src.ID, of[i].times*by.Over, of[i].over*by.Times)
			}
		}
	}
	return of, true
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
