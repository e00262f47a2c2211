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
// polynomial over what the transform of inputs leaves out. One tap is its own.
func WinogradTaps(dst, taps []float64) {
	if len(taps) == 1 {
		dst[0] = taps[0]
		return
	}
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

// What the assembly works on. Distances are in bytes.
type (
	winogradIn struct {
		length     uintptr
		points     unsafe.Pointer
		stepPoints uintptr
		pixels     [6]unsafe.Pointer
	}
	winogradOut struct {
		length     uintptr
		points     unsafe.Pointer
		stepPoints uintptr
		pixels     unsafe.Pointer
		stepPixels uintptr
		adds       unsafe.Pointer
		stepAdds   uintptr
	}
)

// WinogradInputs transforms the first n numbers of five or six pixels: a point of the result is a
// block of dst, step apart. It panics where slices are too short.
func WinogradInputs(dst []float32, step int, pixels [][]float32, n int) {
	if n <= 0 {
		return
	}
	_ = dst[(len(pixels)-1)*step+n-1]
	for _, p := range pixels {
		_ = p[n-1]
	}
	done := winogradInputs(dst, step, pixels, n)
	var d, v [6]float32
	for i := done; i < n; i++ {
		for k, p := range pixels {
			d[k] = p[i]
		}
		if len(pixels) == 6 {
			v = in3(d)
		} else {
			v = in2(d)
		}
		for j := range pixels {
			dst[j*step+i] = v[j]
		}
	}
}

// WinogradSums makes four blocks y of outputs, stepY apart, of their transform x, whose blocks are
// step apart, and adds others to them, stepAdd apart. It panics where slices are too short.
func WinogradSums(taps int, y []float32, stepY int, add []float32, stepAdd int, x []float32, step, n int) {
	if n <= 0 {
		return
	}
	points := WinogradPoints(taps)
	_, _, _ = y[(WinogradOutputs-1)*stepY+n-1], add[(WinogradOutputs-1)*stepAdd+n-1], x[(points-1)*step+n-1]
	done := winogradSums(taps, y, stepY, add, stepAdd, x, step, n)
	var m [6]float32
	for i := done; i < n; i++ {
		for j := range points {
			m[j] = x[j*step+i]
		}
		out := out3(m)
		if taps == 2 {
			out = out2(m)
		}
		for k, o := range out {
			y[k*stepY+i] = o + add[k*stepAdd+i]
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
