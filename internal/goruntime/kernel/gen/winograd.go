package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// transformIn and transformOut are those of so many points.
func transformIn(points int) linear {
	return map[int]func() linear{1: one, 5: in42, 6: in43, 9: in82, 10: in83}[points]()
}

func transformOut(points int) linear {
	return map[int]func() linear{5: out42, 6: out43, 9: out82, 10: out83}[points]()
}

// linear makes vectors of others, which it reads where it needs them, and gives each away when it
// is made.
type linear func(from func(k int) Mem, give func(k int, v VecVirtual))

// spread is where so many blocks are that lie a step apart, the first at p. The registers are to be moved
// along.
func spread(p, step Register, blocks int) (list []Mem, moved []Register) {
	for {
		list = append(list, Mem{Base: p}, Mem{Base: p, Index: step, Scale: 1}, Mem{Base: p, Index: step, Scale: 2})
		moved = append(moved, p)
		if len(list) >= blocks {
			return list[:blocks], moved
		}
		next := GP64()
		LEAQ(Mem{Base: p, Index: step, Scale: 2}, next)
		ADDQ(step, next)
		p = next
	}
}

// read reads a vector from each place.
func read(from []Mem) (all []VecVirtual) {
	for _, m := range from {
		v := set.vector()
		VMOVUPS(m, v)
		all = append(all, v)
	}
	return all
}

func plus(x, y VecVirtual) VecVirtual {
	z := set.vector()
	VADDPS(y, x, z)
	return z
}

func minus(x, y VecVirtual) VecVirtual {
	z := set.vector()
	VSUBPS(y, x, z)
	return z
}

// plusTimes is x + n·y, rounded once.
func plusTimes(x, n, y VecVirtual) VecVirtual {
	z := set.vector()
	VMOVAPS(x, z)
	VFMADD231PS(n, y, z)
	return z
}

// minusTimes is x − n·y, rounded once.
func minusTimes(x, n, y VecVirtual) VecVirtual {
	z := set.vector()
	VMOVAPS(x, z)
	VFNMADD231PS(n, y, z)
	return z
}

// all reads so many.
func all(from func(k int) Mem, n int) (list []VecVirtual) {
	for k := range n {
		list = append(list, read([]Mem{from(k)})[0])
	}
	return list
}

// The transforms are prepared with constants that they need, in registers.

// one is that of one point.
func one() linear {
	return func(from func(k int) Mem, give func(k int, v VecVirtual)) { give(0, all(from, 1)[0]) }
}

func in42() linear {
	two, three := splat("two", 2), splat("three", 3)
	return func(from func(k int) Mem, give func(k int, v VecVirtual)) {
		d := all(from, 5)
		t := minus(d[3], d[1])
		give(0, plusTimes(t, two, minus(d[0], d[2])))
		give(1, minus(t, plus(d[1], d[2])))
		give(2, plusTimes(t, three, minus(d[1], d[2])))
		give(3, t)
		give(4, minusTimes(minus(d[4], d[2]), two, t))
	}
}

func out42() linear {
	two, four, eight := splat("two", 2), splat("four", 4), splat("eight", 8)
	return func(from func(k int) Mem, give func(k int, v VecVirtual)) {
		m := all(from, 5)
		s, d := plus(m[1], m[2]), minus(m[1], m[2])
		give(0, plus(plus(m[0], s), m[3]))
		give(1, plusTimes(d, two, m[3]))
		give(2, plusTimes(s, four, m[3]))
		give(3, plus(plusTimes(d, eight, m[3]), m[4]))
	}
}

func in43() linear {
	two, four, five := splat("two", 2), splat("four", 4), splat("five", 5)
	return func(from func(k int) Mem, give func(k int, v VecVirtual)) {
		d := all(from, 6)
		a, b := minusTimes(d[4], four, d[2]), minusTimes(d[3], four, d[1])
		c, e := minus(d[4], d[2]), minus(d[3], d[1])
		give(0, plusTimes(minusTimes(d[4], five, d[2]), four, d[0]))
		give(1, plus(a, b))
		give(2, minus(a, b))
		give(3, plusTimes(c, two, e))
		give(4, minusTimes(c, two, e))
		give(5, plusTimes(minusTimes(d[5], five, d[3]), four, d[1]))
	}
}

func out43() linear {
	two, four, eight := splat("two", 2), splat("four", 4), splat("eight", 8)
	return func(from func(k int) Mem, give func(k int, v VecVirtual)) {
		m := all(from, 6)
		s, d := plus(m[1], m[2]), minus(m[1], m[2])
		s2, d2 := plus(m[3], m[4]), minus(m[3], m[4])
		give(0, plus(plus(m[0], s), s2))
		give(1, plusTimes(d, two, d2))
		give(2, plusTimes(s, four, s2))
		give(3, plus(plusTimes(d, eight, d2), m[5]))
	}
}

// held are constants in registers, as many as there is room for; others are read when they are
// needed.
var held map[float32]VecVirtual

func hold(constants ...float64) {
	held = map[float32]VecVirtual{}
	if set == avx512 {
		for _, c := range constants {
			held[float32(c)] = splat(named(float32(c)), float32(c))
		}
	}
}

func named(c float32) string { return fmt.Sprintf("winograd%x", math.Float32bits(c)) }

// addTimes is x + n·y, rounded once, of a constant n.
func addTimes(x VecVirtual, n float32, y Op) VecVirtual {
	z := set.vector()
	VMOVAPS(x, z)
	if c, ok := held[n]; ok {
		VFMADD231PS(y, c, z)
		return z
	}
	if y, ok := y.(VecVirtual); ok && set == avx512 {
		VFMADD231PS_BCST(splatOf(named(n), n), y, z)
		return z
	}
	VFMADD231PS(y, splat(named(n), n), z)
	return z
}

// without is a − b.
func without(a, b Op) VecVirtual {
	v := set.vector()
	if a, ok := a.(VecVirtual); ok {
		VSUBPS(b, a, v)
		return v
	}
	VMOVUPS(a, v)
	VSUBPS(b, v, v)
	return v
}

// inputs are as many as there are, in registers where there is room, else where they lie.
func inputs(from func(k int) Mem, n int) func(k int) Op {
	if set == avx512 {
		d := all(from, n)
		return func(k int) Op { return d[k] }
	}
	return func(k int) Op { return from(k) }
}

// inPairs gives the transforms at 0, ±1, ±2 and ±1/2.
func inPairs(q []VecVirtual, give func(k int, v VecVirtual)) {
	give(0, addTimes(minus(q[6], q[0]), 5.25, minus(q[2], q[4])))
	even, odd := addTimes(plus(q[6], q[2]), -4.25, q[4]), addTimes(plus(q[5], q[1]), -4.25, q[3])
	give(1, plus(even, odd))
	give(2, minus(even, odd))
	even, odd = addTimes(addTimes(q[6], -1.25, q[4]), 0.25, q[2]), addTimes(addTimes(q[5], -1.25, q[3]), 0.25, q[1])
	give(3, addTimes(even, 2, odd))
	give(4, addTimes(even, -2, odd))
	even, odd = addTimes(addTimes(q[6], -5, q[4]), 4, q[2]), addTimes(addTimes(q[5], -5, q[3]), 4, q[1])
	give(5, addTimes(even, 0.5, odd))
	give(6, addTimes(even, -0.5, odd))
}

func inRest(d func(k int) Op, at int) VecVirtual {
	return addTimes(without(d(at+7), d(at+1)), 5.25, without(d(at+3), d(at+5)))
}

func in82() linear {
	hold(5.25, 4./3, -4.25, -1.25, 0.25)
	return func(from func(k int) Mem, give func(k int, v VecVirtual)) {
		d := inputs(from, 9)
		var q []VecVirtual
		for i := range 8 {
			next, ok := d(i + 1).(VecVirtual)
			if !ok {
				next = read([]Mem{from(i + 1)})[0]
			}
			q = append(q, addTimes(next, 4./3, d(i)))
		}
		inPairs(q, give)
		e0, e1 := inRest(d, 0), inRest(d, 1)
		give(7, e0)
		give(8, addTimes(e1, 4./3, e0))
	}
}

func in83() linear {
	hold(5.25, 7./12, -4.25, -1.25, 0.25)
	return func(from func(k int) Mem, give func(k int, v VecVirtual)) {
		d := inputs(from, 10)
		var q []VecVirtual
		for i := range 8 {
			q = append(q, addTimes(without(d(i+2), d(i)), 7./12, d(i+1)))
		}
		inPairs(q, give)
		e0, e1, e2 := inRest(d, 0), inRest(d, 1), inRest(d, 2)
		give(7, addTimes(e1, -0.75, e0))
		give(8, addTimes(e1, 4./3, e0))
		give(9, addTimes(minus(e2, e0), 7./12, e1))
	}
}

// outPairs gives the outputs of those points and of as many more alone, before infinity.
func outPairs(from func(k int) Mem, give func(k int, v VecVirtual), alone int) {
	m := all(from, 7)
	s := []VecVirtual{plus(m[1], m[2]), plus(m[3], m[4]), plus(m[5], m[6])}
	d := []VecVirtual{minus(m[1], m[2]), minus(m[3], m[4]), minus(m[5], m[6])}
	first := plus(plus(m[0], s[0]), plus(s[1], s[2]))
	var more []VecVirtual
	for k := range alone {
		more = append(more, read([]Mem{from(7 + k)})[0])
		first = plus(first, more[k])
	}
	give(0, first)
	for i := 1; i < 8; i++ {
		x := d
		if i%2 == 0 {
			x = s
		}
		power := func(p float64) float32 { return float32(powers(p)[i-1]) }
		y := addTimes(addTimes(x[0], power(2), x[1]), power(0.5), x[2])
		for k, v := range more {
			y = addTimes(y, power([]float64{-4. / 3, 0.75}[k]), v)
		}
		if i == 7 {
			VADDPS(from(7+alone), y, y)
		}
		give(i, y)
	}
}

func out82() linear {
	hold(powers(-4. / 3)...)
	return func(from func(k int) Mem, give func(k int, v VecVirtual)) { outPairs(from, give, 1) }
}

func out83() linear {
	hold(append(powers(-4./3), powers(0.75)...)...)
	return func(from func(k int) Mem, give func(k int, v VecVirtual)) { outPairs(from, give, 2) }
}

// powers are the first to the seventh, as package kernel makes them.
func powers(x float64) (p []float64) {
	power := 1.0
	for range 7 {
		power *= x
		p = append(p, power)
	}
	return p
}
