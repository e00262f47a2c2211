package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offsets into the structs of package kernel, which tests check: both transforms have the first
// three fields, then one has a list of pixels, the other what lies a step apart.
const (
	offLength = 8 * iota // bytes of a block
	offPoints
	offStepPoints
	offPixels
	offStepPixels
	offAdds // to pixels
	offStepAdds
)

// winograd writes the two transforms for so many taps. What they compute is said in package
// kernel, of which the operations and their order are the same here.
func winograd(taps int) {
	prepareIn, prepareOut := in2, out2
	if taps == 3 {
		prepareIn, prepareOut = in3, out3
	}
	points := taps + 3
	transform(fmt.Sprint("winogradIn", taps, set.name), "transforms pixels", func(b Register) ([]Register, func()) {
		to, moved := apart(b, offPoints)
		var from []Mem
		for k := range points {
			p := GP64()
			MOVQ(Mem{Base: b, Disp: offPixels + 8*k}, p)
			from, moved = append(from, Mem{Base: p}), append(moved, p)
		}
		in := prepareIn()
		return moved, func() {
			for j, v := range in(read(from)) {
				VMOVUPS(v, to[j])
			}
		}
	})
	transform(fmt.Sprint("winogradOut", taps, set.name), "makes pixels and adds to them", func(b Register) ([]Register, func()) {
		from, moved := apart(b, offPoints)
		to, more := apart(b, offPixels)
		adds, most := apart(b, offAdds)
		out := prepareOut()
		return append(append(moved, more...), most...), func() {
			for k, y := range out(read(from[:points])) {
				VADDPS(adds[k], y, y)
				VMOVUPS(y, to[k])
			}
		}
	})
}

// linear makes vectors of as many others, or of a few more.
type linear func(x []VecVirtual) []VecVirtual

// transform writes a loop over the vectors of blocks. prepare gives one round and the pointers that
// it moves along.
func transform(name, does string, prepare func(b Register) (moved []Register, round func())) {
	TEXT(name, NOSPLIT, "func(b *uint64)")
	Doc(name + " " + does + ".")
	b := Load(Param("b"), GP64())
	moved, round := prepare(b)
	left := GP64()
	MOVQ(Mem{Base: b, Disp: offLength}, left)
	Label("loop")
	round()
	for _, p := range moved {
		ADDQ(U32(uint32(set.bytes)), p)
	}
	SUBQ(U32(uint32(set.bytes)), left)
	JG(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// apart is where up to six blocks are that lie a step apart: a pointer to the first is at an offset,
// the step behind it. The registers are to be moved along.
func apart(b Register, offset int) (list []Mem, moved []Register) {
	first, third, step := GP64(), GP64(), GP64()
	MOVQ(Mem{Base: b, Disp: offset}, first)
	MOVQ(Mem{Base: b, Disp: offset + 8}, step)
	LEAQ(Mem{Base: first, Index: step, Scale: 2}, third)
	ADDQ(step, third)
	moved = []Register{first, third}
	for _, p := range moved {
		list = append(list, Mem{Base: p}, Mem{Base: p, Index: step, Scale: 1}, Mem{Base: p, Index: step, Scale: 2})
	}
	return list, moved
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

// The transforms are prepared with the constants that they need, in registers.

func in2() linear {
	two, three := splat("two", 2), splat("three", 3)
	return func(d []VecVirtual) []VecVirtual {
		t := minus(d[3], d[1])
		return []VecVirtual{
			plusTimes(t, two, minus(d[0], d[2])),
			minus(t, plus(d[1], d[2])),
			plusTimes(t, three, minus(d[1], d[2])),
			t,
			minusTimes(minus(d[4], d[2]), two, t),
		}
	}
}

func out2() linear {
	two, four, eight := splat("two", 2), splat("four", 4), splat("eight", 8)
	return func(m []VecVirtual) []VecVirtual {
		s, d := plus(m[1], m[2]), minus(m[1], m[2])
		return []VecVirtual{
			plus(plus(m[0], s), m[3]),
			plusTimes(d, two, m[3]),
			plusTimes(s, four, m[3]),
			plus(plusTimes(d, eight, m[3]), m[4]),
		}
	}
}

func in3() linear {
	two, four, five := splat("two", 2), splat("four", 4), splat("five", 5)
	return func(d []VecVirtual) []VecVirtual {
		a, b := minusTimes(d[4], four, d[2]), minusTimes(d[3], four, d[1])
		c, e := minus(d[4], d[2]), minus(d[3], d[1])
		return []VecVirtual{
			plusTimes(minusTimes(d[4], five, d[2]), four, d[0]),
			plus(a, b), minus(a, b),
			plusTimes(c, two, e), minusTimes(c, two, e),
			plusTimes(minusTimes(d[5], five, d[3]), four, d[1]),
		}
	}
}

func out3() linear {
	two, four, eight := splat("two", 2), splat("four", 4), splat("eight", 8)
	return func(m []VecVirtual) []VecVirtual {
		s, d := plus(m[1], m[2]), minus(m[1], m[2])
		s2, d2 := plus(m[3], m[4]), minus(m[3], m[4])
		return []VecVirtual{
			plus(plus(m[0], s), s2),
			plusTimes(d, two, d2),
			plusTimes(s, four, s2),
			plus(plusTimes(d, eight, d2), m[5]),
		}
	}
}
