package kernel

import "unsafe"

// A WinogradTile is a tile of outputs of a convolution with so many taps: [WinogradSide] in each of one
// or four lines. What it sees is transformed from line to line and from pixel to pixel. The transform
// is points, row by row, each a block of numbers, a step apart from the one before. Between the two
// transforms numbers are in a room, of [WinogradRoom].
type WinogradTile struct {
	High, Wide int // lines of taps, one to three, and columns, two or three
}

const (
	// WinogradSide is how many outputs of a line a tile has.
	WinogradSide = 8
	// WinogradRoom is what a tile needs at most for what is between its two transforms.
	WinogradRoom = 6 * 10 * winogradSlot
)

// winogradSlot is the numbers from one vector of the room to the next.
const winogradSlot = 16

// Lines is how many lines of outputs there are.
func (t WinogradTile) Lines() int {
	if t.High == 1 {
		return 1
	}
	return 4
}

// Rows is how many points there are from line to line, as many as lines that it sees.
func (t WinogradTile) Rows() int { return t.Lines() + t.High - 1 }

// Points is how many points a row has, as many as pixels of a line that it sees.
func (t WinogradTile) Points() int { return WinogradSide + t.Wide - 1 }

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
	winogradIn struct {
		winogradTile
		first       unsafe.Pointer // place of the first pixel in the room
		columns     uintptr
		stepColumns uintptr
		lines       [6]unsafe.Pointer
	}
	winogradOut struct {
		winogradTile
		pixels     unsafe.Pointer
		adds       unsafe.Pointer
		stepLines  uintptr
		stepPixels uintptr
	}
)

// Inputs transforms the pixels of as many lines as there are rows, the first n numbers of each. Pixels
// lie pixel numbers apart in a line. Of those that the tile sees only some are in the picture: columns
// of them, from number first on, which begin the lines. The others are zero. It panics where slices
// are too short.
func (t WinogradTile) Inputs(room, dst []float32, step int, lines [][]float32, pixel, first, columns, n int) {
	rows, points := t.Rows(), t.Points()
	if n <= 0 {
		return
	}
	if columns = max(0, columns); columns > 0 && (first < 0 || first+columns > points) {
		panic("kernel: pixels outside the tile")
	}
	_, _ = dst[(rows*points-1)*step+n-1], room[WinogradRoom-1]
	for _, l := range lines[:rows] {
		if columns > 0 {
			_ = l[(columns-1)*pixel+n-1]
		}
	}
	for i := t.inputs(room, dst, step, lines, pixel, first, columns, n); i < n; i++ {
		var between [6][10]float32
		for k := range columns {
			var d [10]float32
			for r := range rows {
				d[r] = lines[r][k*pixel+i]
			}
			out := winogradOfInputs(rows, d)
			for r, x := range out[:rows] {
				between[r][first+k] = x
			}
		}
		for r := range rows {
			out := winogradOfInputs(points, between[r])
			for k, x := range out[:points] {
				dst[(r*points+k)*step+i] = x
			}
		}
	}
}

// Sums makes outputs of their transform x, the first n numbers of each. Outputs lie pixel numbers apart
// in a line, and lines line numbers. What lies likewise in add is added to them, unless that is nil.
// It panics where slices are too short.
func (t WinogradTile) Sums(room, y, add []float32, line, pixel int, x []float32, step, n int) {
	rows, points, lines := t.Rows(), t.Points(), t.Lines()
	if n <= 0 {
		return
	}
	last := (lines-1)*line + (WinogradSide-1)*pixel + n - 1
	_, _, _ = y[last], x[(rows*points-1)*step+n-1], room[WinogradRoom-1]
	if add != nil {
		_ = add[last]
	}
	for i := t.sums(room, y, add, line, pixel, x, step, n); i < n; i++ {
		var between [WinogradSide][10]float32
		for r := range rows {
			var m [10]float32
			for k := range points {
				m[k] = x[(r*points+k)*step+i]
			}
			for k, x := range winogradOfSums(points, m) {
				between[k][r] = x
			}
		}
		for k := range between {
			out := winogradOfSums(rows, between[k])
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
