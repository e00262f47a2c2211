package kernel

import "unsafe"

// A WinogradTile is a tile of four lines of outputs. What it sees is transformed from line to line and
// from pixel to pixel. The transform has Rows rows of Points points, row by row, each a block of
// numbers, Step apart from the one before. Room, of [WinogradRoom] numbers, holds what is between the
// two transforms.
type WinogradTile struct {
	Rows, Points int // 5 or 6, for two or three taps; 5, 6, 9 or 10
	Step         int
	Room         []float32
}

// WinogradRoom is what a tile needs at most for what is between its two transforms.
const WinogradRoom = 6 * 10 * winogradSlot

// winogradSlot is the elements from one vector of the room to the next.
const winogradSlot = 16

// What the assembly works on. Distances are in bytes.
type (
	winogradTile struct {
		length     uintptr
		done       uintptr
		points     unsafe.Pointer
		stepPoints uintptr
		stepRows   uintptr
		room       unsafe.Pointer
	}
	winogradTileIn struct {
		winogradTile
		first       unsafe.Pointer // place of the first pixel in the room
		columns     uintptr
		stepColumns uintptr
		lines       [6]unsafe.Pointer
	}
	winogradTileOut struct {
		winogradTile
		pixels     unsafe.Pointer
		stepLines  uintptr
		adds       unsafe.Pointer
		stepAdds   uintptr
		stepPixels uintptr
	}
)

// Inputs transforms the pixels of as many lines as there are rows, the first n numbers of each. Pixels
// lie pixel numbers apart in a line. Of those that the tile sees only some are in the picture: columns
// of them, from number first on, which begin the lines. The others are zero. It panics where slices
// are too short.
func (t WinogradTile) Inputs(dst []float32, lines [][]float32, pixel, first, columns, n int) {
	if n <= 0 {
		return
	}
	if columns = max(0, columns); columns > 0 && (first < 0 || first+columns > t.Points) {
		panic("kernel: pixels outside the tile")
	}
	_, _ = dst[(t.Rows*t.Points-1)*t.Step+n-1], t.Room[WinogradRoom-1]
	for _, l := range lines[:t.Rows] {
		if columns > 0 {
			_ = l[(columns-1)*pixel+n-1]
		}
	}
	for i := t.inputs(dst, lines, pixel, first, columns, n); i < n; i++ {
		var room [6][10]float32
		for k := range columns {
			var d [10]float32
			for r := range t.Rows {
				d[r] = lines[r][k*pixel+i]
			}
			out := winogradOfInputs(t.Rows, d)
			for r, x := range out[:t.Rows] {
				room[r][first+k] = x
			}
		}
		for r := range t.Rows {
			out := winogradOfInputs(t.Points, room[r])
			for k, x := range out[:t.Points] {
				dst[(r*t.Points+k)*t.Step+i] = x
			}
		}
	}
}

// Sums makes outputs of their transform x, the first n numbers of each. Outputs lie pixel numbers apart
// in a line, and lines line numbers. What lies likewise in add is added to them, unless that is nil.
// It panics where slices are too short.
func (t WinogradTile) Sums(y, add []float32, line, pixel int, x []float32, n int) {
	if n <= 0 {
		return
	}
	lines, outputs := winogradOutputs(t.Rows), winogradOutputs(t.Points)
	last := (lines-1)*line + (outputs-1)*pixel + n - 1
	_, _, _ = y[last], x[(t.Rows*t.Points-1)*t.Step+n-1], t.Room[WinogradRoom-1]
	if add != nil {
		_ = add[last]
	}
	for i := t.sums(y, add, line, pixel, x, n); i < n; i++ {
		var room [8][10]float32
		for r := range t.Rows {
			var m [10]float32
			for k := range t.Points {
				m[k] = x[(r*t.Points+k)*t.Step+i]
			}
			out := winogradOfSums(t.Points, m)
			for k, x := range out[:outputs] {
				room[k][r] = x
			}
		}
		for k := range outputs {
			out := winogradOfSums(t.Rows, room[k])
			for l, x := range out[:lines] {
				at := l*line + k*pixel + i
				if add != nil {
					x += add[at]
				}
				y[at] = x
			}
		}
	}
}
