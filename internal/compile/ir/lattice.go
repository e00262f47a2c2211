package ir

import "slices"

// Lattices is how many times there are between two pixels of each unit, if as many symbols
// are drawn at a pixel of the picture as there are outputs, one after the other. A unit on a
// lattice that is r times as wide as the picture's has r times as many. units are the
// network's, in order. It is nil where a unit reads one source as if it lay on one lattice,
// and another as if it lay on another.
func (n *Network) Lattices(units []*Unit) []int {
	times, over := make([]int, len(units)), make([]int, len(units)) // in pixels of the picture
	set := func(i, t, o int) bool {
		d := gcd(t, o)
		t, o = t/d, o/d
		if times[i] == 0 {
			times[i], over[i] = t, o
		}
		return times[i] == t && over[i] == o
	}
	for i, u := range units {
		if u.Kind == Picture {
			set(i, 1, 1)
		}
		for _, a := range u.Args {
			if j := a.Src.ID; times[j] > 0 {
				if t, o := a.Access.Scale(); !set(i, times[j]*t, over[j]*o) {
					return nil
				}
			}
		}
	}
	// What does not depend on the picture lies as who reads it does.
	for i, u := range slices.Backward(units) {
		for _, a := range u.Args {
			if t, o := a.Access.Scale(); times[i] > 0 && a.Src.OverPixels() {
				set(a.Src.ID, times[i]*o, over[i]*t)
			}
		}
	}
	all := len(n.Outputs)
	for _, o := range over {
		all *= max(1, o) / gcd(all, max(1, o))
	}
	for i := range times {
		times[i] *= all / max(1, over[i])
	}
	return times
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
