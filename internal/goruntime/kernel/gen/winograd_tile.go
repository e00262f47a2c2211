package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offsets into the structs of package kernel, which tests check: both begin alike.
const (
	offTileLength = 8 * iota // bytes of a block
	offTileDone              // of them
	offTilePoints
	offTileStepPoints
	offTileStepRows
	offTileRoom
	offTileRest
)

const (
	offTileFirst = offTileRest + 8*iota // of inputs
	offTileColumns
	offTileStepColumns
	offTileLines
)

const (
	offTilePixels = offTileRest + 8*iota // of outputs
	offTileAdds                          // to pixels; 0 for none
	offTileStepLines
	offTileStepPixels
)

// slot is the bytes from one vector of the room to the next.
const slot = 64

// side is how many outputs of a line a tile has.
const side = 8

// winograd writes the two transforms of tiles for so many taps: vector by vector of the blocks, one way
// into the room, then the other way out of it.
func winograd(high, wide int) {
	name := fmt.Sprintf("%dx%d%s", high, wide, set.name)
	points, rows := side+wide-1, 1
	if high > 1 {
		rows = 4 + high - 1
	}

	vectorsOf("winogradIn"+name, "transforms the pixels of a tile", func(b Register) func() {
		lines, pixels := transformIn(rows), transformIn(points)
		return func() {
			if rows == 1 { // where all pixels are there, they need no room
				CMPQ(Mem{Base: b, Disp: offTileColumns}, U32(uint32(points)))
				JNE(LabelRef("some"))
				from, _ := spread(here(b, offTileLines), field(b, offTileStepColumns), points)
				to, _ := spread(here(b, offTilePoints), field(b, offTileStepPoints), points)
				pixels(func(k int) Mem { return from[k] }, func(j int, v VecVirtual) { VMOVUPS(v, to[j]) })
				JMP(LabelRef("done"))
				Label("some")
			}
			column, q := field(b, offTileDone), field(b, offTileFirst)
			times("column", field(b, offTileColumns), func() {
				lines(func(k int) Mem {
					return Mem{Base: field(b, offTileLines+8*k), Index: column, Scale: 1}
				}, func(j int, v VecVirtual) { VMOVUPS(v, Mem{Base: q, Disp: j * points * slot}) })
				ADDQ(Mem{Base: b, Disp: offTileStepColumns}, column)
				ADDQ(U32(slot), q)
			})
			to, moved := spread(here(b, offTilePoints), field(b, offTileStepPoints), points)
			q = field(b, offTileRoom)
			times("row", number(rows), func() {
				pixels(func(k int) Mem { return Mem{Base: q, Disp: k * slot} }, func(j int, v VecVirtual) { VMOVUPS(v, to[j]) })
				ADDQ(U32(uint32(points*slot)), q)
				for _, p := range moved {
					ADDQ(Mem{Base: b, Disp: offTileStepRows}, p)
				}
			})
			Label("done")
		}
	})

	vectorsOf("winogradOut"+name, "makes the pixels of a tile", func(b Register) func() {
		pixels := transformOut(points)
		if rows == 1 { // there is no other way, and no need of a room
			return func() {
				from, _ := spread(here(b, offTilePoints), field(b, offTileStepPoints), points)
				added(b, side, offTileStepPixels, func(_ string, give func(k int, v VecVirtual), _ []Register) {
					pixels(func(k int) Mem { return from[k] }, give)
				})
			}
		}
		lines := transformOut(rows)
		return func() {
			from, moved := spread(here(b, offTilePoints), field(b, offTileStepPoints), points)
			q := field(b, offTileRoom)
			times("row", number(rows), func() {
				pixels(func(k int) Mem { return from[k] }, func(k int, v VecVirtual) { VMOVUPS(v, Mem{Base: q, Disp: k * slot}) })
				ADDQ(U32(side*slot), q)
				for _, p := range moved {
					ADDQ(Mem{Base: b, Disp: offTileStepRows}, p)
				}
			})
			added(b, 4, offTileStepLines, func(label string, give func(k int, v VecVirtual), moved []Register) {
				q, step := field(b, offTileRoom), field(b, offTileStepPixels)
				times(label, number(side), func() {
					lines(func(k int) Mem { return Mem{Base: q, Disp: k * side * slot} }, give)
					ADDQ(U32(slot), q)
					for _, p := range moved {
						ADDQ(step, p)
					}
				})
			})
		}
	})
}

// added writes body twice: give writes one of so many outputs, whose distance is at an offset, with and
// without what is added to it. moved are the pointers to the first.
func added(b Register, outputs, distance int, body func(label string, give func(k int, v VecVirtual), moved []Register)) {
	CMPQ(Mem{Base: b, Disp: offTileAdds}, U32(0))
	JE(LabelRef("nothing"))
	step := field(b, distance)
	to, moved := spread(here(b, offTilePixels), step, outputs)
	adds, more := spread(here(b, offTileAdds), step, outputs)
	body("add", func(k int, v VecVirtual) {
		VADDPS(adds[k], v, v)
		VMOVUPS(v, to[k])
	}, append(moved, more...))
	JMP(LabelRef("done"))
	Label("nothing")
	to, moved = spread(here(b, offTilePixels), field(b, distance), outputs)
	body("plain", func(k int, v VecVirtual) { VMOVUPS(v, to[k]) }, moved)
	Label("done")
}

// here is where the vectors are that it is the turn of. Pointers in memory stay where they are: they may
// not leave their slices.
func here(b Register, offset int) Register {
	p := field(b, offset)
	ADDQ(Mem{Base: b, Disp: offTileDone}, p)
	return p
}

// vectorsOf writes a loop over the vectors of blocks, of which prepare gives one round.
func vectorsOf(name, does string, prepare func(b Register) (round func())) {
	TEXT(name, NOSPLIT, "func(b *uint64)")
	Doc(name + " " + does + ".")
	b := Load(Param("b"), GP64())
	round := prepare(b)
	Label("loop")
	round()
	done := field(b, offTileDone)
	ADDQ(U32(uint32(set.bytes)), done)
	MOVQ(done, Mem{Base: b, Disp: offTileDone})
	CMPQ(done, Mem{Base: b, Disp: offTileLength})
	JLT(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// times writes a loop.
func times(label string, n Register, body func()) {
	Label(label)
	body()
	DECQ(n)
	JNZ(LabelRef(label))
}

func number(n int) Register {
	r := GP64()
	MOVQ(U32(uint32(n)), r)
	return r
}
