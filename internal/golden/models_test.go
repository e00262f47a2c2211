package golden

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// model is a small model that the test makes.
type model struct {
	name    string
	file    []byte
	flags   string // that say how it is read
	classes bool
	full    bool // only the full loop can draw it
}

// net is a network in the making, for pictures of h×w.
type net struct {
	graph
	rng  *rand.Rand
	h, w int
}

func newNet(seed uint64, h, w int) *net {
	return &net{rng: rand.New(rand.NewPCG(seed, 16)), h: h, w: w}
}

// around is so many random numbers in [mean-spread, mean+spread).
func (n *net) around(mean, spread float64, count int) []float32 {
	x := make([]float32, count)
	for i := range x {
		x[i] = float32(mean + float64(spread*(2*n.rng.Float64()-1)))
	}
	return x
}

// random is a constant of random numbers in [-1, 1).
func (n *net) random(shape ...int) string {
	count := 1
	for _, d := range shape {
		count *= d
	}
	return n.floats(n.around(0, 1, count), shape...)
}

// taps says which pixels a convolution reads.
type taps func(dy, dx int) bool

func before(dy, dx int) bool { return dy < 0 || dy == 0 && dx < 0 }
func upTo(dy, dx int) bool   { return dy < 0 || dy == 0 && dx <= 0 }
func above(dy, _ int) bool   { return dy < 0 }
func rows(dy, _ int) bool    { return dy <= 0 }

// weights are those of a kernel kh×kw, [out, in, kh, kw], 0 where a tap is not read.
func (n *net) weights(out, in, kh, kw int, reads taps) string {
	live := 0
	for t := range kh * kw {
		if reads(t/kw-kh/2, t%kw-kw/2) {
			live++
		}
	}
	x := n.around(0, 3/math.Sqrt(float64(in*max(1, live))), out*in*kh*kw)
	for i := range x {
		if t := i % (kh * kw); !reads(t/kw-kh/2, t%kw-kw/2) {
			x[i] = 0
		}
	}
	return n.floats(x, out, in, kh, kw)
}

// conv is a convolution that keeps the picture's size. more are attributes beside the pads.
func (n *net) conv(x string, in, out, k int, reads taps, more attrs) string {
	a := attrs{"pads": []int{k / 2, k / 2, k / 2, k / 2}}
	for key, v := range more {
		a[key] = v
	}
	group, _ := more["group"].(int)
	return n.op("Conv", a, x, n.weights(out, in/max(1, group), k, k, reads), n.random(out))
}

func (n *net) relu(x string) string { return n.op("Relu", nil, x) }

// picture is the input of a model.
func (n *net) picture(name string) string { return n.input(name, float32s, 0, 1, n.h, n.w) }

// logits makes x, [batch, levels, h, w], the output.
func (n *net) logits(x string, levels int) { n.output(x, "logits", 0, levels, n.h, n.w) }

// trained is a network of the trainer's form, with its metadata; the activation is Relu, or
// another.
func trained(size, levels, classes int, activation string) []byte {
	n := newNet(1, size, size)
	metadata := map[string]string{
		"pixelcnn.format": "1", "pixelcnn.arch": "pixelcnn", "pixelcnn.order": "raster",
		"pixelcnn.levels": strconv.Itoa(levels), "pixelcnn.height": strconv.Itoa(size), "pixelcnn.width": strconv.Itoa(size),
		"pixelcnn.preprocess": fmt.Sprintf("resize=%d triangle; levels=%d", size, levels),
	}
	act := func(x string) string { return n.op(activation, nil, x) }
	x := n.conv(n.picture("image"), 1, 8, 5, before, nil)
	h := n.conv(act(n.conv(act(x), 8, 4, 1, upTo, nil)), 4, 4, 3, upTo, nil)
	if classes > 0 {
		label := n.input("label", int64s, 0)
		h = n.op("Add", nil, h, n.op("Unsqueeze", nil, n.op("Gather", nil, n.random(classes, 4), label), n.ints(2, 3)))
		metadata["pixelcnn.classes"], metadata["pixelcnn.class_prior"] = `["T-shirt/top","Shirt","Ankle boot"]`, `[0.5,0.2,0.3]`
	}
	x = n.op("Add", nil, x, n.conv(act(h), 4, 8, 1, upTo, nil))
	n.logits(n.conv(act(x), 8, levels, 1, upTo, nil), levels)
	return n.file(17, metadata)
}

// form is a network in the way of some exporter, 6×6 with 3 levels, between its input and
// its output.
type form struct {
	name   string
	opset  int
	output []int // the shape; its batch is the input's
	build  func(n *net, x string) string
}

const (
	formSize   = 6
	formLevels = 3
)

func forms() []form {
	nlhw := []int{0, formLevels, formSize, formSize}
	nhwl := []int{0, formSize, formSize, formLevels}
	one := []int{1, formLevels, formSize, formSize} // a picture at a time, which is joined with a constant
	axis1 := attrs{"axis": 1}
	return []form{
		{"logits-last", 13, nhwl, func(n *net, x string) string {
			return n.op("Transpose", attrs{"perm": []int{0, 2, 3, 1}}, n.conv(x, 1, formLevels, 5, before, nil))
		}},
		{"five-dimensions", 13, []int{0, formLevels, 1, formSize, formSize}, func(n *net, x string) string {
			y := n.conv(x, 1, formLevels, 5, before, nil)
			return n.op("Reshape", nil, y, n.ints(-1, formLevels, 1, formSize, formSize))
		}},
		{"one-hot-by-comparison", 13, nlhw, func(n *net, x string) string {
			level := n.op("Round", nil, n.op("Mul", nil, x, n.scalar(formLevels-1)))
			hot := n.op("Cast", attrs{"to": float32s}, n.op("Equal", nil, level, n.floats([]float32{0, 1, 2}, 1, 3, 1, 1)))
			return n.conv(hot, formLevels, formLevels, 3, before, nil)
		}},
		{"scaled-but-for-its-padding", 13, nlhw, func(n *net, x string) string {
			x = n.op("Sub", nil, n.op("Mul", nil, x, n.scalar(2)), n.scalar(1))
			return n.conv(x, 1, formLevels, 3, before, nil)
		}},
		{"a-group-for-each-channel", 13, nlhw, func(n *net, x string) string {
			h := n.relu(n.conv(x, 1, 6, 3, before, nil))
			h = n.op("Conv", attrs{"group": 6, "auto_pad": "SAME_UPPER"}, h, n.weights(6, 1, 3, 3, upTo), n.random(6))
			return n.conv(n.op("PRelu", nil, h, n.random(6, 1, 1)), 6, formLevels, 1, upTo, nil)
		}},
		{"dilated-with-unequal-pads", 12, nlhw, func(n *net, x string) string {
			// Rows -4 and -2, columns -2 to 2: padded above only.
			h := n.op("Conv", attrs{"dilations": []int{2, 2}, "pads": []int{4, 2, 0, 2}}, x, n.random(6, 1, 2, 3), n.random(6))
			h = n.op("Slice", nil, h, n.ints(0), n.ints(formSize), n.ints(2))
			return n.conv(n.op("Clip", nil, h, n.scalar(-1)), 6, formLevels, 3, upTo, nil)
		}},
		{"layer-norm-in-parts", 13, nlhw, func(n *net, x string) string {
			h := n.conv(x, 1, 8, 3, before, nil)
			axes := attrs{"axes": []int{1}}
			d := n.op("Sub", nil, h, n.op("ReduceMean", axes, h))
			v := n.op("ReduceMean", axes, n.op("Pow", nil, d, n.scalar(2)))
			h = n.op("Div", nil, d, n.op("Sqrt", nil, n.op("Add", nil, v, n.scalar(1e-5))))
			h = n.op("Add", nil, n.op("Mul", nil, h, n.random(1, 8, 1, 1)), n.random(8, 1, 1))
			return n.conv(h, 8, formLevels, 3, upTo, nil)
		}},
		{"newer-operators", 20, nlhw, func(n *net, x string) string {
			h := n.op("Gelu", nil, n.conv(x, 1, 8, 3, before, nil))
			h = n.op("Sub", nil, h, n.op("ReduceMax", nil, h, n.ints(1)))
			h = n.op("Add", nil, h, n.op("ReduceSum", nil, h, n.ints(-3)))
			return n.conv(n.op("Softmax", axis1, h), 8, formLevels, 3, upTo, nil)
		}},
		{"dense-channels-last", 13, nhwl, func(n *net, x string) string {
			h := n.op("Transpose", attrs{"perm": []int{0, 2, 3, 1}}, n.conv(x, 1, 6, 3, before, nil))
			h = n.relu(n.op("Add", nil, n.op("MatMul", nil, h, n.random(6, 5)), n.random(5)))
			h = n.op("Reshape", nil, h, n.ints(-1, 5))
			h = n.op("Gemm", attrs{"transB": 1, "alpha": float32(0.5)}, h, n.random(formLevels, 5), n.random(formLevels))
			return n.op("Reshape", nil, h, n.ints(-1, formSize, formSize, formLevels))
		}},
		{"shuffled-channels", 13, nlhw, func(n *net, x string) string {
			h := n.relu(n.conv(x, 1, 6, 3, before, nil))
			h = n.op("Reshape", nil, h, n.ints(0, 2, 3, formSize, formSize))
			h = n.op("Transpose", attrs{"perm": []int{0, 2, 1, 3, 4}}, h)
			h = n.op("Mul", nil, n.op("Reshape", nil, h, n.ints(0, 6, formSize, -1)), n.random(6, 1, 1))
			h = n.op("Gather", axis1, n.op("Sigmoid", nil, h), n.ints(4, 0, 0, 3))
			return n.conv(h, 4, formLevels, 3, upTo, nil)
		}},
		{"shifted-by-pads-and-zeros", 13, one, func(n *net, x string) string {
			up := n.op("Slice", nil, n.op("Pad", nil, x, n.ints(0, 0, 1, 0, 0, 0, 0, 0)), n.ints(0), n.ints(-1), n.ints(2)) // a row down
			left := n.op("Slice", nil, x, n.ints(0), n.ints(-1), n.ints(3))
			left = n.op("Concat", attrs{"axis": 3}, n.floats(make([]float32, formSize), 1, 1, formSize, 1), left)
			h := n.op("Concat", axis1, up, left, n.op("Mul", nil, up, left))
			return n.conv(n.relu(n.conv(h, 3, 6, 1, upTo, nil)), 6, formLevels, 3, upTo, nil)
		}},
		{"read-beyond-a-crop", 13, nlhw, func(n *net, x string) string {
			h := n.relu(n.conv(x, 1, 4, 3, before, nil))
			r := n.op("Slice", nil, h, n.ints(1), n.ints(formSize-1), n.ints(2)) // rows 1 to 4, and zeros around them
			r = n.op("Pad", nil, r, n.ints(0, 0, 1, 0, 0, 0, 1, 0))
			return n.op("Add", nil, n.conv(h, 4, formLevels, 1, upTo, nil), n.conv(r, 4, formLevels, 3, upTo, nil))
		}},
		{"constants-by-position", 13, one, func(n *net, x string) string {
			h := n.op("Concat", axis1, n.conv(x, 1, 5, 3, before, nil), n.random(1, 2, formSize, formSize))
			h = n.relu(n.conv(h, 7, 6, 3, upTo, nil))
			h = n.op("Where", nil, n.op("Greater", nil, h, n.scalar(0.2)), h, n.scalar(-0.3))
			return n.conv(h, 6, formLevels, 1, upTo, nil)
		}},
		{"pixels-that-read-nothing", 13, nlhw, func(n *net, x string) string {
			// Reads the pixel eight to the left, which is there for no pixel, and one two above.
			w := make([]float32, formLevels*17*5)
			for o := range formLevels {
				w[o*85] = 1                      // (-4, -8)
				w[o*85+2*17+8] = float32(o) - .8 // (-2, 0)
			}
			return n.op("Conv", attrs{"pads": []int{4, 8, 0, 8}}, x, n.floats(w, formLevels, 1, 5, 17), n.random(formLevels))
		}},
	}
}

// label is a class in the way of some exporter; bias makes [n, 6, 1, 1] of it.
type label struct {
	name  string
	dtype int
	shape []int
	first bool // the label comes before the picture
	full  bool // only the full loop can draw it
	bias  func(n *net, class string) string
}

func labels() []label {
	plane := func(n *net, x string) string { return n.op("Reshape", nil, x, n.ints(-1, 6, 1, 1)) }
	return []label{
		{name: "table", dtype: int64s, shape: []int{0}, bias: func(n *net, class string) string {
			return n.op("Unsqueeze", nil, n.op("Gather", nil, n.random(4, 6), class), n.ints(2, 3))
		}},
		{name: "int32-first", dtype: int32s, shape: []int{0}, first: true, bias: func(n *net, class string) string {
			return plane(n, n.op("Gather", nil, n.random(4, 6), n.op("Cast", attrs{"to": int64s}, class)))
		}},
		{name: "column", dtype: int64s, shape: []int{0, 1}, bias: func(n *net, class string) string {
			return plane(n, n.op("Gather", nil, n.random(4, 6), n.op("Squeeze", nil, class, n.ints(1))))
		}},
		{name: "float", dtype: float32s, shape: []int{0}, bias: func(n *net, class string) string {
			return plane(n, n.op("Tanh", nil, n.op("Gather", nil, n.random(4, 6), n.op("Cast", attrs{"to": int64s}, class))))
		}},
		{name: "one-hot", dtype: float32s, shape: []int{0, 4}, bias: func(n *net, class string) string {
			return plane(n, n.op("Gemm", nil, class, n.random(4, 6), n.random(6)))
		}},
		{name: "one-hot-integers", dtype: int64s, shape: []int{0, 4}, bias: func(n *net, class string) string {
			h := n.relu(n.op("MatMul", nil, n.op("Cast", attrs{"to": float32s}, class), n.random(4, 5)))
			return plane(n, n.op("Gemm", attrs{"transB": 1}, h, n.random(6, 5), n.random(6)))
		}},
		{name: "one-hot-inside", dtype: int64s, shape: []int{0}, bias: func(n *net, class string) string {
			return plane(n, n.op("MatMul", nil, n.op("OneHot", nil, class, n.ints(4), n.floats([]float32{0, 1}, 2)), n.random(4, 6)))
		}},
		{name: "by-pixel", dtype: int64s, shape: []int{0}, full: true, bias: func(n *net, class string) string {
			plain := n.op("Unsqueeze", nil, n.op("Gather", nil, n.random(4, 6), class), n.ints(2, 3))
			return n.op("Mul", nil, plain, n.random(1, 1, formSize, formSize))
		}},
	}
}

func (l label) file() []byte {
	n := newNet(7, formSize, formSize)
	in := func() { n.input("class", l.dtype, l.shape...) }
	if l.first {
		in()
	}
	x := n.picture("x")
	if !l.first {
		in()
	}
	h := n.relu(n.op("Add", nil, n.conv(x, 1, 6, 3, before, nil), l.bias(n, "class")))
	n.logits(n.conv(h, 6, formLevels, 3, upTo, nil), formLevels)
	return n.file(17, nil)
}

// models are all those that the test makes.
func models() (all []model) {
	add := func(m model) { all = append(all, m) }
	add(model{name: "tiny", file: trained(6, 3, 0, "Relu")})
	add(model{name: "classes", file: trained(6, 3, 3, "Relu"), classes: true})
	add(model{name: "levels256", file: trained(5, 256, 0, "Elu")})
	add(model{name: "atan", file: trained(6, 3, 0, "Atan"), full: true})
	for i, f := range forms() {
		n := newNet(uint64(i), formSize, formSize)
		x := n.input("x", float32s, f.output[0], 1, formSize, formSize)
		n.output(f.build(n, x), "logits", f.output...)
		add(model{name: f.name, file: n.file(f.opset, nil), flags: " --head categorical"})
	}
	for _, l := range labels() {
		add(model{name: "label-" + l.name, file: l.file(), classes: true, full: l.full, flags: " --head categorical --label class"})
	}
	n := newNet(3, formSize, formSize)
	n.output(n.conv(n.input("x", float32s, 4, 1, formSize, formSize), 1, formLevels, 5, before, nil), "logits", 4, formLevels, formSize, formSize)
	add(model{name: "batch-of-4", file: n.file(13, nil), flags: " --head categorical"})
	for seed := range uint64(12) {
		add(model{name: fmt.Sprintf("random%d", seed), file: random(seed), flags: " --head categorical"})
	}
	return all
}

// foreign are the files of other exporters that the project has.
func foreign(t *testing.T) (files []string) {
	t.Helper()
	files, err := filepath.Glob("../../sampler/testdata/foreign/*.onnx")
	if err != nil || len(files) == 0 {
		t.Fatal("no foreign files", err)
	}
	return files
}

func writeModels(t *testing.T, dir string) {
	t.Helper()
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range models() {
		write(m.name+".onnx", m.file)
	}
	for _, name := range foreign(t) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		write(filepath.Base(name), b)
	}
}
