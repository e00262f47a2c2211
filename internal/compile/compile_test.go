package compile_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pixelcnn/export"
	"pixelcnn/internal/compile"
	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

// exported is a model of random weights as the exporter writes it.
func exported(t testing.TB, c models.Config) *onnx.Model {
	t.Helper()
	var b bytes.Buffer
	if err := export.Write(&b, modeltest.Random(t, c, 1), export.Meta{}); err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Unmarshal(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestReference: the numbers of the reference model, worked out by hand. A row
// follows the one above four columns behind, since the stem looks three to the right.
func TestReference(t *testing.T) {
	p, err := compile.Compile(exported(t, models.Config{}), compile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	plan := p.Plan()
	if plan.Slope != 4 || plan.Raster || plan.Steps != 16+4*15 || plan.Width != 4 || plan.Stages != 1 {
		t.Errorf("plan is %+v", plan)
	}
	perPixel := int64(24*64 + 5*(64*32+5*32*32+32*64) + 64*64 + 64*4)
	if plan.MACs != 256*perPixel {
		t.Errorf("%d multiply-adds, should be %d", plan.MACs, 256*perPixel)
	}
	pass := int64(256 * (49*64 + 5*(64*32+9*32*32+32*64) + 64*64 + 64*4))
	if plan.PassMACs != pass || plan.LoopMACs != 256*pass {
		t.Errorf("%d multiply-adds a pass, %d in the loop, should be %d and %d", plan.PassMACs, plan.LoopMACs, pass, 256*pass)
	}
	if l := plan.Layers[0]; l.Taps != 49 || l.Live != 24 || l.In != 1 || l.Out != 64 {
		t.Errorf("the stem is %+v", l)
	}
	if l := plan.Layers[2]; l.Taps != 9 || l.Live != 5 {
		t.Errorf("a masked 3×3 is %+v", l)
	}
	for k, step := range p.Wave() {
		if want := k%16 + 4*(k/16); step != want {
			t.Fatalf("pixel %d is drawn in step %d, should be %d", k, step, want)
		}
	}
	// Per step the caches forget: the stem looks back 3·4+3 steps, a block 4+1.
	if plan.CacheBytes > 40<<10 {
		t.Errorf("%d bytes of caches per image", plan.CacheBytes)
	}
}

// net builds a graph of convolutions of one channel, each with the taps that are
// listed, and of sums.
type net struct {
	*onnx.Graph
	count int
}

func newNet(h, w int) (*net, *onnx.Value) {
	n := &net{Graph: &onnx.Graph{}}
	return n, n.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(h), onnx.Fixed(w))
}

type at struct{ dy, dx int }

// conv is a 9×9 convolution.
func (n *net) conv(x *onnx.Value, taps ...at) *onnx.Value {
	w := make([]float32, 81)
	for _, p := range taps {
		w[(p.dy+4)*9+p.dx+4] = 1
	}
	y := n.Op("Conv", onnx.Attrs{"pads": []int64{4, 4, 4, 4}}, x, onnx.Const("", onnx.NewTensor(w, 1, 1, 9, 9)))
	n.count++
	y.Node.Name = fmt.Sprintf("c%d", n.count)
	return y
}

func (n *net) compile(y *onnx.Value, h, w int, opt compile.Options) (*compile.Program, error) {
	// Two levels: the unit's value and its negative.
	both := n.Op("Concat", onnx.Attrs{"axis": int64(1)}, y, n.Op("Neg", nil, y))
	n.Output(both, "logits", onnx.Float32, onnx.Free("n"), onnx.Fixed(2), onnx.Fixed(h), onnx.Fixed(w))
	return compile.Compile(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: n.Graph}, opt)
}

// TestSchedule: slopes and steps of small systems, solved by hand.
func TestSchedule(t *testing.T) {
	for _, c := range []struct {
		name   string
		h, w   int
		build  func(n *net, x *onnx.Value) *onnx.Value
		slope  int
		raster bool
		steps  int
	}{
		{"left only: the rows go side by side", 6, 8, func(n *net, x *onnx.Value) *onnx.Value {
			return n.conv(x, at{0, -1})
		}, 1, false, 8 + 5},
		{"above: a row behind", 6, 8, func(n *net, x *onnx.Value) *onnx.Value {
			return n.conv(x, at{-1, 0}, at{0, -1})
		}, 1, false, 8 + 5},
		{"above to the right by 2", 6, 8, func(n *net, x *onnx.Value) *onnx.Value {
			return n.conv(x, at{-1, 2}, at{0, -1})
		}, 3, false, 8 + 3*5},
		{"two rows above, to the right by 3: two steps a row", 6, 8, func(n *net, x *onnx.Value) *onnx.Value {
			return n.conv(x, at{-2, 3})
		}, 2, false, 8 + 2*5},
		{"a vertical stack, dilations 1, 2, 1 over a 3×3 stem", 16, 16, func(n *net, x *onnx.Value) *onnx.Value {
			v := n.conv(x, at{-1, -1}, at{-1, 0}, at{-1, 1})
			for _, d := range []int{1, 2, 1} {
				v = n.conv(n.Op("Relu", nil, v), at{0, -d}, at{0, 0}, at{0, d})
			}
			return n.Op("Add", nil, v, n.conv(x, at{0, -1}))
		}, 6, false, 4 + 16 + 6*15}, // the stack runs four columns ahead, so it begins four steps earlier
		{"a vertical stack wider than the image goes by rows", 5, 6, func(n *net, x *onnx.Value) *onnx.Value {
			v := n.conv(x, at{-1, 0}, at{-1, 1})
			for range 3 {
				v = n.conv(n.Op("Relu", nil, v), at{0, -3}, at{0, 3})
			}
			return n.Op("Add", nil, v, n.conv(x, at{0, -1}))
		}, 6, true, 30},
		{"a vertical stack shifted down at its end goes by rows as well", 5, 6, func(n *net, x *onnx.Value) *onnx.Value {
			v := n.conv(x, at{0, -1}, at{0, 0}, at{0, 1})
			for range 9 {
				v = n.conv(n.Op("Relu", nil, v), at{0, -1}, at{0, 1})
			}
			v = n.Op("Slice", nil, n.Op("Pad", nil, v, ints(0, 0, 1, 0, 0, 0, 0, 0)), ints(0), ints(5), ints(2))
			return n.Op("Add", nil, v, n.conv(x, at{0, -1}))
		}, 7, true, 7 * 5}, // with a step between two rows, in which the stack is computed
		{"nothing above: all rows at once", 4, 5, func(n *net, x *onnx.Value) *onnx.Value {
			// Neither the tap far to the right nor the one far below is ever in the image.
			return n.conv(n.conv(x, at{0, -2}, at{-4, 0}), at{0, 0}, at{-4, 1})
		}, 1, false, 5 + 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, x := newNet(c.h, c.w)
			p, err := n.compile(c.build(n, x), c.h, c.w, compile.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if plan := p.Plan(); plan.Slope != c.slope || plan.Raster != c.raster || len(p.Steps) != c.steps {
				t.Errorf("slope %d, raster %v, %d steps; should be %d, %v, %d", plan.Slope, plan.Raster, len(p.Steps), c.slope, c.raster, c.steps)
			}
		})
	}
}

// TestNotCausal: graphs that look ahead, and what is said about them.
func TestNotCausal(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(n *net, x *onnx.Value) *onnx.Value
		want  string
	}{
		{
			"itself", func(n *net, x *onnx.Value) *onnx.Value { return n.conv(x, at{0, -1}, at{0, 0}) },
			`Conv "c1" reads the tap (0, 0), the pixel itself, so the logits at row 3, column 4 depend on the pixel at row 3, column 4`,
		},
		{"itself, by way of the left", func(n *net, x *onnx.Value) *onnx.Value {
			return n.conv(n.conv(x, at{0, -1}, at{-1, 0}), at{0, 0}, at{0, 1})
		}, `Conv "c2" reads the tap (+0, +1), so the logits at row 3, column 4 depend on the pixel at row 3, column 4`},
		{"the row below", func(n *net, x *onnx.Value) *onnx.Value {
			return n.Op("Add", nil, n.conv(x, at{0, -1}), n.conv(n.conv(x, at{-1, 0}), at{2, -1}))
		}, `Conv "c3" reads the tap (+2, -1), so the logits at row 3, column 4 depend on the pixel at row 4, column 3`},
		{"the last row only, since the others' taps are in the padding", func(n *net, x *onnx.Value) *onnx.Value {
			y := n.Op("Slice", nil, x, ints(5), ints(6), ints(2)) // the last row, put first
			y = n.Op("Pad", nil, y, ints(0, 0, 0, 0, 0, 0, 5, 0))
			return n.Op("Add", nil, n.conv(x, at{0, -1}), n.conv(y, at{0, 0}))
		}, `Conv "c2" reads the tap (+5, +0), so the logits at row 0, column 0 depend on the pixel at row 5, column 0`},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, x := newNet(6, 8)
			_, err := n.compile(c.build(n, x), 6, 8, compile.Options{})
			if !errors.Is(err, compile.ErrNotCausal) {
				t.Fatalf("error is %v", err)
			}
			if want := "compile: the graph is not autoregressive: " + c.want; err.Error() != want {
				t.Errorf("error is\n%v\nshould be\n%v", err, want)
			}
		})
	}
}

func ints(x ...int64) *onnx.Value { return onnx.Const("", onnx.NewTensor(x, len(x))) }

// TestUnsupported: what is outside of the compiler's understanding is said with the
// node's name and operator, and is not taken for a graph that looks ahead.
func TestUnsupported(t *testing.T) {
	square := onnx.Const("", onnx.NewTensor(make([]float32, 64), 8, 8))
	for _, c := range []struct {
		op, want string
		build    func(n *net, x *onnx.Value) *onnx.Value
	}{
		{"LpPool", "not known", func(n *net, x *onnx.Value) *onnx.Value {
			return n.Op("LpPool", onnx.Attrs{"kernel_shape": []int64{1, 1}}, x)
		}},
		{"MaxPool", "over the edge", func(n *net, x *onnx.Value) *onnx.Value {
			return n.Op("MaxPool", onnx.Attrs{"kernel_shape": []int64{2, 1}, "pads": []int64{1, 0, 0, 0}}, x)
		}},
		{"Pad", "mode", func(n *net, x *onnx.Value) *onnx.Value {
			return n.Op("Pad", onnx.Attrs{"mode": "reflect"}, x, ints(0, 0, 0, 1, 0, 0, 0, 0))
		}},
		{"Pad", "other than zero", func(n *net, x *onnx.Value) *onnx.Value {
			return n.Op("Pad", nil, x, ints(0, 0, 0, 1, 0, 0, 0, 0), onnx.Const("", onnx.Scalar(float32(1))))
		}},
		{"MatMul", "channels", func(n *net, x *onnx.Value) *onnx.Value { return n.Op("MatMul", nil, x, square) }},
		{"MatMul", "no product of each pixel's channels", func(n *net, x *onnx.Value) *onnx.Value {
			return n.Op("MatMul", nil, x, n.Op("Transpose", onnx.Attrs{"perm": []int64{0, 1, 3, 2}}, x))
		}},
		{"Softmax", "other dimensions", func(n *net, x *onnx.Value) *onnx.Value { return n.Op("Softmax", nil, x) }},
		{"ReduceMean", "other dimensions", func(n *net, x *onnx.Value) *onnx.Value {
			return n.Op("ReduceMean", onnx.Attrs{"axes": []int64{2, 3}}, x)
		}},
		{"Slice", "turns pixels round", func(n *net, x *onnx.Value) *onnx.Value {
			return n.Op("Slice", nil, x, ints(-1), ints(-99), ints(3), ints(-1))
		}},
		{"Reshape", "mixes pixels", func(n *net, x *onnx.Value) *onnx.Value { return n.Op("Reshape", nil, x, ints(-1, 1, 4, 12)) }},
		{"Slice", "makes nothing", func(n *net, x *onnx.Value) *onnx.Value { return n.Op("Slice", nil, x, ints(0), ints(0), ints(1)) }},
		{"Split", "makes nothing", func(n *net, x *onnx.Value) *onnx.Value {
			return n.Ops(2, "Split", onnx.Attrs{"axis": int64(1)}, x, ints(0, 1))[1]
		}},
		{"Expand", "makes nothing", func(n *net, x *onnx.Value) *onnx.Value { return n.Op("Expand", nil, x, ints(1, 0, 6, 8)) }},
		{"Add", "differently", func(n *net, x *onnx.Value) *onnx.Value {
			y := n.Op("Slice", nil, x, ints(0), ints(6), ints(3))
			return n.Op("Add", nil, y, n.Op("Transpose", onnx.Attrs{"perm": []int64{0, 1, 3, 2}}, y))
		}},
	} {
		t.Run(c.op+" "+c.want, func(t *testing.T) {
			n, x := newNet(6, 8)
			y := c.build(n, x)
			y.Node.Name = "odd"
			_, err := n.compile(y, 6, 8, compile.Options{})
			var u *compile.UnsupportedError
			if !errors.As(err, &u) || u.Op != c.op || !strings.Contains(u.Node, `"odd"`) || !strings.Contains(u.Reason, c.want) {
				t.Errorf("error is %v (%+v)", err, u)
			}
		})
	}
}

func TestNoOutputs(t *testing.T) {
	m := exported(t, models.Config{Hidden: 4, Blocks: 1, Size: 8})
	m.Graph.Outputs = nil
	_, err := compile.Compile(m, compile.Options{})
	if u := new(compile.UnsupportedError); !errors.As(err, &u) || !strings.Contains(u.Reason, "no outputs") {
		t.Errorf("error %v", err)
	}
}

// TestSizes: a graph compiles for other sizes than the file's, where nothing in it
// depends on them.
func TestSizes(t *testing.T) {
	m := exported(t, models.Config{Hidden: 4, Blocks: 1, Size: 8})
	for _, c := range []compile.Options{{}, {Height: 5}, {Width: 12}, {Height: 20, Width: 9}} {
		p, err := compile.Compile(m, c)
		if err != nil {
			t.Fatal(err)
		}
		h, w := 8, 8
		if c.Height > 0 {
			h = c.Height
		}
		if c.Width > 0 {
			w = c.Width
		}
		if p.Height != h || p.Width != w || len(p.Steps) != w+4*(h-1) {
			t.Errorf("%+v gives %d×%d in %d steps", c, p.Height, p.Width, len(p.Steps))
		}
	}
	n, x := newNet(4, 4)
	y := n.Op("Add", nil, n.conv(x, at{0, -1}), onnx.Const("", onnx.NewTensor(make([]float32, 16), 1, 1, 4, 4)))
	if _, err := n.compile(y, 4, 4, compile.Options{Height: 6}); !errors.Is(err, onnx.ErrShape) {
		t.Errorf("a constant for each pixel does not keep the size: %v", err)
	}
}

// TestFreeSizes: a file may leave the sizes open; then the options must say.
func TestFreeSizes(t *testing.T) {
	for _, c := range []struct {
		opt compile.Options
		ok  bool
	}{
		{compile.Options{Height: 5, Width: 6}, true},
		{compile.Options{}, false},
		{compile.Options{Height: 5}, false},
		{compile.Options{Height: -5, Width: 6}, false},
		{compile.Options{Height: 1 << 12, Width: 1 << 12}, false},
	} {
		n := &net{Graph: &onnx.Graph{}}
		x := n.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(1), onnx.Free("h"), onnx.Free("w"))
		p, err := n.compile(n.conv(x, at{0, -1}), 5, 6, c.opt)
		if c.ok && (err != nil || p.Height != 5 || p.Width != 6) || !c.ok && !errors.Is(err, onnx.ErrShape) {
			t.Errorf("%+v: error %v", c.opt, err)
		}
	}
}

// TestPicture: the input that is the picture is found, or the error says why not.
func TestPicture(t *testing.T) {
	for _, shapes := range [][][]int{{}, {{4}}, {{1, 1, 8, 8}, {1, 8, 8}}} {
		g := &onnx.Graph{}
		for i, s := range shapes {
			g.Input(fmt.Sprint("in", i), onnx.Float32, onnx.Shape(s...)...)
		}
		m := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
		if _, err := compile.Compile(m, compile.Options{}); !errors.Is(err, compile.ErrPicture) {
			t.Errorf("inputs %v: error %v", shapes, err)
		}
	}
}

// TestStop: whoever waits for a program can give it up at any time.
func TestStop(t *testing.T) {
	m := exported(t, models.Config{Hidden: 4, Blocks: 1, Size: 8})
	calls := 0
	p, err := compile.Compile(m, compile.Options{Stop: func() error { calls++; return nil }})
	if err != nil || calls <= len(p.Steps) {
		t.Fatalf("asked %d times, error %v", calls, err)
	}
	enough := errors.New("enough")
	for at := range calls {
		left := at
		_, err := compile.Compile(m, compile.Options{Stop: func() error {
			if left--; left < 0 {
				return enough
			}
			return nil
		}})
		if !errors.Is(err, enough) || left != -1 {
			t.Errorf("stopped at call %d: error %v, asked %d times more", at, err, -1-left)
		}
	}
}
