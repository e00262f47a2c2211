package verify_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"

	"pixelcnn/export"
	"pixelcnn/export/verify"
	"pixelcnn/internal/format"
	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/runtime"
)

func ort(t testing.TB) *runtime.Env {
	t.Helper()
	env, err := runtime.Open(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Close() })
	return env
}

// written is the file of a random model, small enough for its logits to be small.
func written(t testing.TB, c models.Config) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := export.Write(&file, modeltest.Random(t, c, 1), export.Meta{}); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func trained(t testing.TB) []byte {
	t.Helper()
	file, err := os.ReadFile("../../examples/embed/pixelcnn.onnx")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFile(t *testing.T) {
	for name, c := range map[string]struct {
		file            []byte
		images, classes int
	}{
		"trained":            {trained(t), 5, 0},
		"narrow":             {written(t, models.Config{Hidden: 2, Blocks: 1, Kernel: 3, Size: 4, Levels: 2}), 5, 0},
		"filters as pixels":  {written(t, models.Config{Hidden: 8, Blocks: 1, Kernel: 3, Size: 4, Levels: 4}), 5, 0},
		"many levels":        {written(t, models.Config{Hidden: 8, Blocks: 1, Kernel: 5, Size: 5, Levels: 256}), 5, 0},
		"gated":              {written(t, models.Config{Arch: "gated", Hidden: 8, Blocks: 2, Kernel: 5, Size: 7, Levels: 4}), 5, 0},
		"one-hot":            {written(t, models.Config{Hidden: 6, Blocks: 1, Kernel: 5, Size: 7, Levels: 5, Input: models.OneHot}), 5, 0},
		"scaled":             {written(t, models.Config{Hidden: 6, Blocks: 1, Kernel: 5, Size: 7, Levels: 5, InputScale: 0.3}), 5, 0},
		"classes":            {written(t, models.Config{Hidden: 8, Blocks: 2, Kernel: 3, Size: 4, Levels: 4, Classes: 10}), 11, 10},
		"two classes":        {written(t, models.Config{Hidden: 6, Blocks: 1, Kernel: 3, Size: 5, Levels: 2, Classes: 2}), 3, 2},
		"many classes":       {written(t, models.Config{Hidden: 6, Blocks: 1, Kernel: 3, Size: 5, Levels: 2, Classes: 200}), 17, 16},
		"gated with classes": {written(t, models.Config{Arch: "gated", Hidden: 6, Blocks: 2, Kernel: 5, Size: 7, Levels: 4, Input: models.OneHot, Classes: 3}), 4, 3},
		"conditional":        {conditional(t, 4, nil), 5, 4},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := verify.File(context.Background(), ort(t), c.file)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("largest difference %.2g", r.MaxDiff)
			if r.Images != c.images || r.Classes != c.classes {
				t.Errorf("%d images of %d classes, want %d of %d", r.Images, r.Classes, c.images, c.classes)
			}
			again, err := verify.File(context.Background(), ort(t), c.file)
			if err != nil || again != r {
				t.Errorf("again: %+v, error %v, want %+v", again, err, r)
			}
		})
	}
}

// conditional is a graph made by hand, logits = conv1x1(image) + table[class], with the
// table's row brought to [N, C, 1, 1] by a Reshape. change, where not nil, edits it.
func conditional(t testing.TB, rows int, change func(*onnx.Graph)) []byte {
	t.Helper()
	g := &onnx.Graph{Name: "g"}
	n, levels, size := onnx.Free(format.Batch), 4, 4 // as many as rows and pixels: nothing tells the axes apart
	image := g.Input(format.Image, onnx.Float32, n, onnx.Fixed(1), onnx.Fixed(size), onnx.Fixed(size))
	class := g.Input(format.Label, onnx.Int64, n)
	table := make([]float32, rows*levels)
	for i := range table {
		table[i] = float32(i)
	}
	row := g.Op("Gather", nil, onnx.Const("table", onnx.NewTensor(table, rows, levels)), class)
	plane := g.Op("Reshape", nil, row, onnx.Const("to", onnx.NewTensor([]int64{0, -1, 1, 1}, 4)))
	x := g.Op("Conv", onnx.Attrs{"kernel_shape": []int64{1, 1}, "pads": []int64{0, 0, 0, 0}}, image,
		onnx.Const("w", onnx.NewTensor([]float32{1, 2, 3, 4}, 4, 1, 1, 1)), onnx.Const("b", onnx.NewTensor([]float32{0, 0, 0, 0}, 4)))
	g.Output(g.Op("Add", nil, plane, x), format.Logits, onnx.Float32, n, onnx.Fixed(levels), onnx.Fixed(size), onnx.Fixed(size))
	if change != nil {
		change(g)
	}
	file, err := onnx.Marshal(&onnx.Model{IRVersion: format.IRVersion, Opsets: map[string]int64{"": format.Opset}, Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// tampered is a runtime that loads the file after a change to one of its constants.
type tampered struct {
	onnx.Runtime
	t    testing.TB
	name string
	by   float32
}

func (r tampered) Load(m *onnx.Model, opt onnx.SessionOptions) (onnx.Session, error) {
	file, err := onnx.Marshal(m)
	if err != nil {
		return nil, err
	}
	if by := float64(r.by); math.IsNaN(by) || math.IsInf(by, 0) {
		return onnx.LoadFile(r.Runtime, modeltest.Spoil(r.t, file, r.name, by), opt)
	}
	if m, err = onnx.Unmarshal(file); err != nil { // a copy to change
		return nil, err
	}
	for _, n := range m.Graph.Nodes {
		for _, v := range n.Inputs {
			if v.Name == r.name {
				data := v.Const.Floats()
				data[len(data)-1] += r.by
			}
		}
	}
	return r.Runtime.Load(m, opt)
}

// TestDifference moves the last channel's bias, or the last class's row, by a known step.
func TestDifference(t *testing.T) {
	plain := written(t, models.Config{Hidden: 4, Blocks: 1, Kernel: 3, Size: 5, Levels: 3})
	nan := float32(math.NaN())
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		name  string
		file  []byte
		value string
		by    float32
		want  float64 // 0 where it passes
	}{
		{"bias a little", plain, "logits_bias", 0.9e-4, 0},
		{"bias", plain, "logits_bias", 2e-4, 2e-4},
		{"bias down", plain, "logits_bias", -0.5, 0.5},
		{"bias no number", plain, "logits_bias", nan, math.NaN()},
		{"bias infinite", plain, "logits_bias", inf, math.Inf(1)},
		{"last class", conditional(t, 4, nil), "table", 1, 1},
		{"last of many classes", conditional(t, 100, nil), "table", 1, 1},
	} {
		r, err := verify.File(context.Background(), tampered{ort(t), t, c.value, c.by}, c.file)
		if c.want == 0 {
			if err != nil || !(r.MaxDiff > 0.8e-4 && r.MaxDiff < 1e-4) {
				t.Errorf("%s: %+v, error %v", c.name, r, err)
			}
			continue
		}
		var e *verify.DifferenceError
		if !errors.As(err, &e) {
			t.Errorf("%s: error %v, want a DifferenceError", c.name, err)
			continue
		}
		got := e.Diff()
		if same := math.IsNaN(got) && math.IsNaN(c.want) || got == c.want; !same && !(math.Abs(got-c.want) < 1e-5) {
			t.Errorf("%s: a difference of %g, want %g", c.name, got, c.want)
		}
		if last := [4]int{e.Index[0], e.Index[1]}; c.value == "logits_bias" && last != [4]int{0, 2} {
			t.Errorf("%s: logit %v, want one of level 2 of the first image", c.name, e.Index)
		}
	}
}

func TestRefuses(t *testing.T) {
	reader := &verify.ReadError{}
	for _, c := range []struct {
		name string
		file []byte
		want string
		read bool // the second reader refuses it
	}{
		{"no file", []byte("x"), "onnx", false},
		{"an input of another name", conditional(t, 2, func(g *onnx.Graph) { g.Inputs[0].Name = "x" }), `no input "image"`, false},
		{"an output of another name", conditional(t, 2, func(g *onnx.Graph) { g.Outputs[0].Name = "x" }), `no single output "logits"`, false},
		{"a second input of another name", conditional(t, 2, func(g *onnx.Graph) { g.Inputs[1].Name = "x" }), "an input beside", false},
		{"three channels", conditional(t, 2, func(g *onnx.Graph) { g.Inputs[0].Shape[1] = onnx.Fixed(3) }), "do not fit", false},
		{"a class input used otherwise", conditional(t, 2, func(g *onnx.Graph) { g.Op("Identity", nil, g.Inputs[1]) }), "other than the row", false},
		{"a class input not used", conditional(t, 2, func(g *onnx.Graph) {
			g.Nodes[0].Inputs[1] = onnx.Const("zero", onnx.NewTensor([]int64{0}, 1))
		}), "nothing takes", false},
		{"an operator that it has not", conditional(t, 2, func(g *onnx.Graph) {
			add := g.Nodes[len(g.Nodes)-1]
			add.Inputs[1] = g.Op("Elu", nil, add.Inputs[1])
			k := len(g.Nodes)
			g.Nodes[k-1], g.Nodes[k-2] = g.Nodes[k-2], g.Nodes[k-1]
		}), "Elu", true},
		{"a kernel that it reads otherwise", conditional(t, 2, func(g *onnx.Graph) {
			conv := g.Nodes[2]
			conv.Attrs = onnx.Attrs{"kernel_shape": []int64{3, 3}, "pads": []int64{0, 0, 2, 2}}
			conv.Inputs[1] = onnx.Const("w", onnx.NewTensor(make([]float32, 4*9), 4, 1, 3, 3))
		}), "", true},
	} {
		_, err := verify.File(context.Background(), ort(t), c.file)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "verify: ") {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.want)
		}
		if errors.As(err, &reader) != c.read {
			t.Errorf("%s: error %v of type %T", c.name, err, err)
		}
		if kind := map[bool]error{true: onnx.ErrFormat, false: verify.ErrFile}[c.name == "no file"]; !c.read && !errors.Is(err, kind) {
			t.Errorf("%s: error %v, want %v", c.name, err, kind)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := verify.File(ctx, ort(t), trained(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

// TestReader holds the versions in the name to those in go.mod.
func TestReader(t *testing.T) {
	for module, name := range map[string]string{"github.com/owulveryck/onnx-go": "onnx-go", "gorgonia.org/gorgonia": "gorgonia"} {
		version, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", module).Output()
		if err != nil {
			t.Fatal(err)
		}
		if want := name + " " + strings.TrimSpace(string(version)); !strings.Contains(verify.Reader, want) {
			t.Errorf("Reader is %q, want %q in it", verify.Reader, want)
		}
	}
}

func BenchmarkFile(b *testing.B) {
	for name, c := range map[string]models.Config{
		"reference":                      {},
		"128 filters":                    {Hidden: 128},
		"gated":                          {Arch: "gated"},
		"10 classes":                     {Classes: 10},
		"gated, 128 filters, 10 classes": {Arch: "gated", Hidden: 128, Classes: 10},
	} {
		m := modeltest.Random(b, c, 1)
		for _, w := range m.Weights { // or else the logits are large, and so is their rounding
			for i := range w {
				w[i] *= 0.5
			}
		}
		var file bytes.Buffer
		if err := export.Write(&file, m, export.Meta{}); err != nil {
			b.Fatal(err)
		}
		env := ort(b)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := verify.File(context.Background(), env, file.Bytes()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
