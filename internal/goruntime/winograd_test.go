package goruntime_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pixelcnn/internal/goruntime"
	"pixelcnn/internal/onnx"
)

// A convolution of fewer multiplications gives what the plain one gives, whatever its taps, its
// pads, the picture's size, and what is added to it, on any number of threads.
func TestWinograd(t *testing.T) {
	const ins, outs = 16, 32
	rng := rand.New(rand.NewPCG(3, 5))
	random := func(shape ...int) *onnx.Tensor {
		return tensorOf(onnx.Float32, shape, func(int) float64 { return rng.NormFloat64() / 4 })
	}
	worst := 0.0
	for _, c := range []struct {
		kernel [2]int
		live   []int    // taps; nil for all
		pads   [4]int64 // top, left, bottom, right
		size   [2]int
		none   bool // it is not done so
	}{
		{kernel: [2]int{3, 3}, live: []int{0, 1, 2, 3, 4, 5}, pads: [4]int64{1, 1, 1, 1}, size: [2]int{16, 16}},
		{kernel: [2]int{3, 3}, live: []int{0, 1, 2, 3, 4}, pads: [4]int64{1, 1, 1, 1}, size: [2]int{7, 9}},
		{kernel: [2]int{3, 3}, live: []int{1, 2, 3}, pads: [4]int64{1, 1, 1, 1}, size: [2]int{8, 8}},
		{kernel: [2]int{3, 3}, live: []int{2, 3}, pads: [4]int64{1, 1, 1, 1}, size: [2]int{8, 8}, none: true},
		{kernel: [2]int{3, 3}, live: []int{3, 4}, pads: [4]int64{1, 1, 1, 1}, size: [2]int{16, 16}},
		{kernel: [2]int{5, 5}, live: []int{6, 7, 8, 11}, pads: [4]int64{2, 2, 2, 2}, size: [2]int{7, 8}},
		{kernel: [2]int{2, 3}, pads: [4]int64{1, 1, 0, 1}, size: [2]int{6, 10}},
		{kernel: [2]int{2, 2}, pads: [4]int64{1, 1, 0, 0}, size: [2]int{1, 1}, none: true},
		{kernel: [2]int{1, 3}, pads: [4]int64{0, 2, 0, 0}, size: [2]int{3, 7}},
		{kernel: [2]int{1, 3}, pads: [4]int64{0, 2, 0, 0}, size: [2]int{3, 3}, none: true}, // a tile is wider
		{kernel: [2]int{2, 3}, size: [2]int{8, 11}},
		{kernel: [2]int{3, 3}, pads: [4]int64{1, 1, 1, 1}, size: [2]int{6, 6}},
		{kernel: [2]int{3, 3}, live: []int{1, 2, 4, 5, 7, 8}, pads: [4]int64{0, 1, 1, 0}, size: [2]int{9, 13}},
		{kernel: [2]int{1, 1}, size: [2]int{6, 6}, none: true},
		{kernel: [2]int{2, 1}, pads: [4]int64{1, 0, 0, 0}, size: [2]int{6, 6}, none: true},
		{kernel: [2]int{1, 4}, pads: [4]int64{0, 3, 0, 0}, size: [2]int{6, 6}, none: true},
	} {
		for _, images := range []int{1, 3} {
			for _, added := range []string{"", "channels", "images", "all", "all and relu"} {
				name := fmt.Sprintf("%v %v %v %d %s", c.kernel, c.live, c.size, images, added)
				w := random(outs, ins, c.kernel[0], c.kernel[1])
				for i := range w.Floats() {
					if c.live != nil && !slices.Contains(c.live, i%(c.kernel[0]*c.kernel[1])) {
						w.Floats()[i] = 0
					}
				}
				g := &onnx.Graph{Name: "test"}
				var in []*onnx.Tensor
				input := func(name string, shape ...int) *onnx.Value {
					in = append(in, random(shape...))
					return g.Input(name, onnx.Float32, onnx.Shape(shape...)...)
				}
				// Rows come from a convolution.
				x := g.Op("Conv", nil, input("x", images, 2, c.size[0], c.size[1]), onnx.Const("", random(ins, 2, 1, 1)))
				y := g.Op("Conv", onnx.Attrs{"pads": c.pads[:]}, x, onnx.Const("", w), onnx.Const("", random(outs)))
				shape := []int{images, outs, c.size[0] + int(c.pads[0]+c.pads[2]) - c.kernel[0] + 1, c.size[1] + int(c.pads[1]+c.pads[3]) - c.kernel[1] + 1}
				switch added {
				case "channels":
					y = g.Op("Add", nil, y, onnx.Const("", random(1, outs, 1, 1)))
				case "images":
					y = g.Op("Add", nil, input("label", images, outs, 1, 1), y)
				case "all", "all and relu":
					y = g.Op("Add", nil, y, g.Op("Conv", nil, input("z", images, 2, shape[2], shape[3]), onnx.Const("", random(outs, 2, 1, 1))))
				}
				if added == "all and relu" {
					y = g.Op("Relu", nil, y)
				}
				g.Output(y, "y", onnx.Float32, onnx.Shape(shape...)...)
				file := marshal(t, g, 17)
				var want *onnx.Tensor
				for _, opt := range []onnx.SessionOptions{{}, {Fast: true}, {Fast: true, Threads: 3}} {
					got := tensorOf(onnx.Float32, shape, func(int) float64 { return 7 })
					b := bind(t, load(t, file, opt), in, []*onnx.Tensor{got})
					run(t, b)
					run(t, b) // again, with what is left in the memory
					fast := 1
					if c.none || !opt.Fast {
						fast = 0
					}
					if n := goruntime.Winograds(b); n != fast {
						t.Errorf("%s: %d convolutions of fewer multiplications, want %d", name, n, fast)
					}
					if want == nil {
						want = got
						continue
					}
					d := distance(got, want)
					if !(d <= 5e-5) {
						t.Errorf("%s, %d threads: %g from the plain one", name, opt.Threads, d)
					}
					worst = max(worst, d)
				}
			}
		}
	}
	t.Logf("at most %.1e apart", worst)
}

// TestWinogradOfAnyShape: pictures, kernels and pads at random.
func TestWinogradOfAnyShape(t *testing.T) {
	const channels = 16
	rng := rand.New(rand.NewPCG(7, 9))
	random := func(shape ...int) *onnx.Tensor {
		return tensorOf(onnx.Float32, shape, func(int) float64 { return rng.NormFloat64() / 4 })
	}
	fast, worst := 0, 0.0
	for range 400 {
		kernel, size := [2]int{1 + rng.IntN(4), 1 + rng.IntN(4)}, [2]int{4 + rng.IntN(9), 4 + rng.IntN(9)}
		most := []int{4, 4, 4, 14}[rng.IntN(4)] // at times tiles see nothing but pads
		pads := []int64{int64(rng.IntN(most)), int64(rng.IntN(most)), int64(rng.IntN(most)), int64(rng.IntN(most))}
		images, live := 1+rng.IntN(3), rng.Perm(kernel[0] * kernel[1])[:1+rng.IntN(kernel[0]*kernel[1])]
		w := random(channels, channels, kernel[0], kernel[1])
		for i := range w.Floats() {
			if !slices.Contains(live, i%(kernel[0]*kernel[1])) {
				w.Floats()[i] = 0
			}
		}
		g := &onnx.Graph{Name: "test"}
		in := []*onnx.Tensor{random(images, 2, size[0], size[1])}
		x := g.Op("Conv", nil, g.Input("x", onnx.Float32, onnx.Shape(in[0].Shape...)...), onnx.Const("", random(channels, 2, 1, 1)))
		y := g.Op("Conv", onnx.Attrs{"pads": pads}, x, onnx.Const("", w), onnx.Const("", random(channels)))
		shape := []int{images, channels, size[0] + int(pads[0]+pads[2]) - kernel[0] + 1, size[1] + int(pads[1]+pads[3]) - kernel[1] + 1}
		g.Output(y, "y", onnx.Float32, onnx.Shape(shape...)...)
		file := marshal(t, g, 17)
		got := make([]*onnx.Tensor, 2)
		for i, opt := range []onnx.SessionOptions{{}, {Fast: true, Threads: 2}} {
			got[i] = tensorOf(onnx.Float32, shape, func(int) float64 { return 7 })
			b := bind(t, load(t, file, opt), in, got[i:i+1])
			run(t, b)
			fast += goruntime.Winograds(b)
		}
		d := distance(got[0], got[1])
		if !(d <= 5e-5) {
			t.Errorf("kernel %v, taps %v, pads %v, picture %v, %d images: %g from the plain one", kernel, live, pads, size, images, d)
		}
		worst = max(worst, d)
	}
	if fast < 50 {
		t.Errorf("only %d of 400 convolutions are of fewer multiplications", fast)
	}
	t.Logf("%d of 400 with fewer multiplications, at most %.1e apart", fast, worst)
}

// TestWinogradOfTwoSizes: one session is bound to pictures of two sizes, and transforms its weights once.
func TestWinogradOfTwoSizes(t *testing.T) {
	const channels = 16
	rng := rand.New(rand.NewPCG(1, 9))
	random := func(shape ...int) *onnx.Tensor {
		return tensorOf(onnx.Float32, shape, func(int) float64 { return rng.NormFloat64() / 4 })
	}
	g := &onnx.Graph{Name: "test"}
	x := g.Input("x", onnx.Float32, onnx.Fixed(1), onnx.Fixed(2), onnx.Free("h"), onnx.Free("w"))
	y := g.Op("Conv", nil, x, onnx.Const("", random(channels, 2, 1, 1)))
	y = g.Op("Conv", onnx.Attrs{"pads": []int64{1, 1, 1, 1}}, y, onnx.Const("", random(channels, channels, 3, 3)))
	g.Output(y, "y", onnx.Float32, onnx.Fixed(1), onnx.Fixed(channels), onnx.Free("h"), onnx.Free("w"))
	file := marshal(t, g, 17)
	plain, fast := load(t, file, onnx.SessionOptions{}), load(t, file, onnx.SessionOptions{Fast: true})
	for _, size := range []int{16, 12} {
		in := []*onnx.Tensor{random(1, 2, size, size)}
		var got [2]*onnx.Tensor
		for i, s := range []onnx.Session{plain, fast} {
			got[i] = tensorOf(onnx.Float32, []int{1, channels, size, size}, func(int) float64 { return 7 })
			run(t, bind(t, s, in, []*onnx.Tensor{got[i]}))
		}
		if d := distance(got[0], got[1]); !(d <= 5e-5) {
			t.Errorf("%d×%d: %g from the plain one", size, size, d)
		}
	}
}
