package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offsets into the struct blocks of package kernel, which tests check.
const (
	offLength = 8 * iota // bytes of a block
	offStep              // bytes from a point to the next
	offPoints
	offPixels
	offAdds = offPixels + 6*8
)

// winograd writes the two transforms for so many taps. What they compute is said in package
// kernel, of which the operations and their order are the same here.
func winograd(taps int) {
	prepareIn, prepareOut := in2, out2
	if taps == 3 {
		prepareIn, prepareOut = in3, out3
	}
	transform(fmt.Sprint("winogradIn", taps, set.name), "transforms pixels", func(b Register) round {
		pixels, in := load(b, offPixels, taps+3), prepareIn()
		return func(i Register, points []Mem) {
			var d []VecVirtual
			for _, p := range pixels {
				d = append(d, read(Mem{Base: p, Index: i, Scale: 1}))
			}
			for j, v := range in(d) {
				VMOVUPS(v, points[j])
			}
		}
	})
	transform(fmt.Sprint("winogradOut", taps, set.name), "makes pixels and adds to them", func(b Register) round {
		pixels, adds, out := load(b, offPixels, 4), load(b, offAdds, 4), prepareOut()
		return func(i Register, points []Mem) {
			var m []VecVirtual
			for _, p := range points[:taps+3] {
				m = append(m, read(p))
			}
			for k, y := range out(m) {
				VADDPS(Mem{Base: adds[k], Index: i, Scale: 1}, y, y)
				VMOVUPS(y, Mem{Base: pixels[k], Index: i, Scale: 1})
			}
		}
	})
}

// linear makes vectors of as many others, or of a few more.
type linear func(x []VecVirtual) []VecVirtual

// A round does one vector of each block: i is how many bytes on in pixels, and the points are
// where they are now.
type round func(i Register, points []Mem)

// transform writes a loop over the vectors of blocks.
func transform(name, does string, prepare func(b Register) round) {
	TEXT(name, NOSPLIT, "func(b *uint64)")
	Doc(name + " " + does + ".")
	b := Load(Param("b"), GP64())
	step, first, third := GP64(), GP64(), GP64()
	MOVQ(Mem{Base: b, Disp: offStep}, step)
	MOVQ(Mem{Base: b, Disp: offPoints}, first)
	LEAQ(Mem{Base: first, Index: step, Scale: 2}, third)
	ADDQ(step, third)
	var points []Mem
	for _, p := range []Register{first, third} {
		points = append(points, Mem{Base: p}, Mem{Base: p, Index: step, Scale: 1}, Mem{Base: p, Index: step, Scale: 2})
	}
	round := prepare(b)
	end, i := GP64(), GP64()
	MOVQ(Mem{Base: b, Disp: offLength}, end)
	XORQ(i, i)
	Label("loop")
	CMPQ(i, end)
	JGE(LabelRef("end"))
	round(i, points)
	for _, p := range []Register{i, first, third} {
		ADDQ(U32(uint32(set.bytes)), p)
	}
	JMP(LabelRef("loop"))
	Label("end")
	VZEROUPPER()
	RET()
}

// load loads so many pointers.
func load(b Register, offset, n int) (all []Register) {
	for k := range n {
		p := GP64()
		MOVQ(Mem{Base: b, Disp: offset + 8*k}, p)
		all = append(all, p)
	}
	return all
}

func read(m Mem) VecVirtual {
	v := set.vector()
	VMOVUPS(m, v)
	return v
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
