package kernel

import "unsafe"

// Four neighbouring outputs of a convolution with two or three taps need five or six products
// in place of eight or twelve, by S. Winograd's minimal algorithms F(4, 2) and F(4, 3)
// (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, section 4):
// both the inputs and the taps are taken for coefficients of polynomials, and multiplied at
// the points 0, 1, −1, 2, for three taps −2, and infinity. Sums are rounded with up to some
// ten times the error of plain ones.

// WinogradOutputs is how many outputs are made at once.
const WinogradOutputs = 4

// WinogradPoints is how many products those of so many taps, 2 or 3, need.
func WinogradPoints(taps int) int { return WinogradOutputs + taps - 1 }

// WinogradTaps writes the transform of two or three taps: for every point the value of their
// polynomial over what the transform of inputs leaves out.
func WinogradTaps(dst, taps []float64) {
	points := [...]float64{0, 1, -1, 2, -2}
	finite := points[:WinogradPoints(len(taps))-1]
	for j, p := range finite {
		value, scale := 0.0, 1.0
		for k := range taps {
			value = value*p + taps[len(taps)-1-k]
		}
		for k, q := range finite {
			if k != j {
				scale *= p - q
			}
		}
		dst[j] = value / scale
	}
	dst[len(finite)] = taps[len(taps)-1]
}

// Tiles are groups of four outputs, side by side. A block is a number for each of some images
// and channels.
type Tiles struct {
	Taps  int // 2 or 3
	Block int // its elements
	Count int // tiles
	Step  int // elements of a transform from one point to the next; a tile's block is next to that before it
}

// blocks is what the assembly works on: one tile. Distances are in bytes.
type blocks struct {
	length uintptr
	step   uintptr
	points unsafe.Pointer
	pixels [6]unsafe.Pointer
	adds   [WinogradOutputs]unsafe.Pointer
}

// Inputs transforms inputs to dst, where block k of the first tile is the beginning of pixels[k], and those of each
// further tile are four blocks on. It panics where slices are too short.
func (t Tiles) Inputs(dst []float32, pixels [][]float32) {
	if t.Count <= 0 || t.Block <= 0 {
		return
	}
	points := WinogradPoints(t.Taps)
	pixels = pixels[:points]
	_ = dst[(points-1)*t.Step+t.Count*t.Block-1]
	for _, p := range pixels {
		_ = p[((t.Count-1)*WinogradOutputs+1)*t.Block-1]
	}
	done := t.inputs(dst, pixels)
	var d, v [6]float32
	for tile := range t.Count {
		for i := done; i < t.Block; i++ {
			for k, p := range pixels {
				d[k] = p[tile*WinogradOutputs*t.Block+i]
			}
			if t.Taps == 3 {
				v = in3(d)
			} else {
				v = in2(d)
			}
			for j := range points {
				dst[j*t.Step+tile*t.Block+i] = v[j]
			}
		}
	}
}

// Sums makes outputs of their transform, and adds others to them. Block k of the first tile is the beginning of
// pixels[k] and adds[k]; those of each further tile are four blocks on, or of adds, where repeat is
// set, the same. It panics where slices are too short.
func (t Tiles) Sums(pixels, adds *[WinogradOutputs][]float32, repeat bool, src []float32) {
	if t.Count <= 0 || t.Block <= 0 {
		return
	}
	points, last := WinogradPoints(t.Taps), (t.Count-1)*WinogradOutputs*t.Block
	next := WinogradOutputs * t.Block
	if repeat {
		next = 0
	}
	_ = src[(points-1)*t.Step+t.Count*t.Block-1]
	for k := range pixels {
		_, _ = pixels[k][last+t.Block-1], adds[k][(t.Count-1)*next+t.Block-1]
	}
	done := t.sums(pixels, adds, next, src)
	var m [6]float32
	for tile := range t.Count {
		for i := done; i < t.Block; i++ {
			for j := range points {
				m[j] = src[j*t.Step+tile*t.Block+i]
			}
			y := out3(m)
			if t.Taps == 2 {
				y = out2(m)
			}
			for k := range y {
				pixels[k][tile*WinogradOutputs*t.Block+i] = y[k] + adds[k][tile*next+i]
			}
		}
	}
}

func in2(d [6]float32) [6]float32 {
	t := d[3] - d[1]
	return [6]float32{
		fma(2, d[0]-d[2], t),
		t - float32(d[1]+d[2]),
		fma(3, d[1]-d[2], t),
		t,
		fma(-2, t, d[4]-d[2]),
	}
}

func out2(m [6]float32) [4]float32 {
	s, d := m[1]+m[2], m[1]-m[2]
	return [4]float32{float32(m[0]+s) + m[3], fma(2, m[3], d), fma(4, m[3], s), fma(8, m[3], d) + m[4]}
}

func in3(d [6]float32) [6]float32 {
	a, b := fma(-4, d[2], d[4]), fma(-4, d[1], d[3])
	c, e := d[4]-d[2], d[3]-d[1]
	return [6]float32{
		fma(4, d[0], fma(-5, d[2], d[4])),
		a + b, a - b,
		fma(2, e, c), fma(-2, e, c),
		fma(4, d[1], fma(-5, d[3], d[5])),
	}
}

func out3(m [6]float32) [4]float32 {
	s, d := m[1]+m[2], m[1]-m[2]
	s2, d2 := m[3]+m[4], m[3]-m[4]
	return [4]float32{float32(m[0]+s) + s2, fma(2, d2, d), fma(4, s2, s), fma(8, d2, d) + m[5]}
}
