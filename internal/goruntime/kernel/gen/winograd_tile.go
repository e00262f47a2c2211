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
	offTileStepLines
	offTileAdds // to pixels; 0 for none
	offTileStepAdds
	offTileStepPixels
)

// slot is the bytes from one vector of the room to the next.
const slot = 64

// winogradTile writes the two transforms of tiles of four lines of so many outputs: vector by
// vector of the blocks, one way into the room, then the other way out of it.
func winogradTile(outputs, taps, high int) {
	points, rows := outputs+taps-1, 4+high-1
	name := fmt.Sprintf("%d%dx4%d%s", outputs, taps, high, set.name)

	tiles("winogradTileIn"+name, "transforms the pixels of a tile", func(b Register) func() {
		lines, pixels := transformIn(rows), transformIn(points)
		return func() {
			column, q := field(b, offTileDone), field(b, offTileFirst)
			times("column", field(b, offTileColumns), func() {
				lines(func(k int) Mem {
					return Mem{Base: field(b, offTileLines+8*k), Index: column, Scale: 1}
				}, func(j int, v VecVirtual) { VMOVUPS(v, Mem{Base: q, Disp: j * points * slot}) })
				ADDQ(Mem{Base: b, Disp: offTileStepColumns}, column)
				ADDQ(U32(slot), q)
			})
			to, moved := here(b, offTilePoints, points)
			q = field(b, offTileRoom)
			times("row", number(rows), func() {
				pixels(func(k int) Mem { return Mem{Base: q, Disp: k * slot} }, func(j int, v VecVirtual) { VMOVUPS(v, to[j]) })
				ADDQ(U32(uint32(points*slot)), q)
				for _, p := range moved {
					ADDQ(Mem{Base: b, Disp: offTileStepRows}, p)
				}
			})
		}
	})

	tiles("winogradTileOut"+name, "makes the pixels of a tile", func(b Register) func() {
		pixels, lines := transformOut(points), transformOut(rows)
		return func() {
			from, moved := here(b, offTilePoints, points)
			q := field(b, offTileRoom)
			times("row", number(rows), func() {
				pixels(func(k int) Mem { return from[k] }, func(k int, v VecVirtual) { VMOVUPS(v, Mem{Base: q, Disp: k * slot}) })
				ADDQ(U32(uint32(outputs*slot)), q)
				for _, p := range moved {
					ADDQ(Mem{Base: b, Disp: offTileStepRows}, p)
				}
			})
			columns := func(label string, add bool) {
				q, step := field(b, offTileRoom), field(b, offTileStepPixels)
				to, moved := here(b, offTilePixels, 4)
				var adds []Mem
				if add {
					var more []Register
					adds, more = here(b, offTileAdds, 4)
					moved = append(moved, more...)
				}
				times(label, number(outputs), func() {
					lines(func(k int) Mem { return Mem{Base: q, Disp: k * outputs * slot} }, func(k int, v VecVirtual) {
						if add {
							VADDPS(adds[k], v, v)
						}
						VMOVUPS(v, to[k])
					})
					ADDQ(U32(slot), q)
					for _, p := range moved {
						ADDQ(step, p)
					}
				})
			}
			CMPQ(Mem{Base: b, Disp: offTileAdds}, U32(0))
			JE(LabelRef("nothing"))
			columns("add", true)
			JMP(LabelRef("done"))
			Label("nothing")
			columns("column", false)
			Label("done")
		}
	})
}

// here is [apart] of the vectors that it is the turn of. Pointers in memory stay where they are: they
// may not leave their slices.
func here(b Register, offset, blocks int) (list []Mem, moved []Register) {
	p := field(b, offset)
	ADDQ(Mem{Base: b, Disp: offTileDone}, p)
	return spread(p, field(b, offset+8), blocks)
}

// tiles writes a loop over the vectors of blocks, of which prepare gives one round.
func tiles(name, does string, prepare func(b Register) (round func())) {
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
