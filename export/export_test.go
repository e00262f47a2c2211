package export_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"regexp"
	"testing"

	"pixelcnn/export"
	"pixelcnn/internal/format"
	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/runtime"
)

var configs = []models.Config{
	{Hidden: 4, Blocks: 1, Kernel: 3, Size: 5, Levels: 2},
	{Hidden: 6, Blocks: 2, Kernel: 7, Size: 8, Levels: 3},
	{Hidden: 16, Blocks: 3, Kernel: 5, Size: 4, Levels: 256},
	{Arch: "gated", Hidden: 6, Blocks: 2, Kernel: 5, Size: 7, Levels: 4},
	{Hidden: 6, Blocks: 2, Kernel: 5, Size: 7, Levels: 4, InputScale: 0.25},
	{Hidden: 6, Blocks: 2, Kernel: 5, Size: 7, Levels: 5, Input: models.OneHot, Classes: 3},
	{Arch: "gated", Hidden: 6, Blocks: 2, Kernel: 5, Size: 7, Levels: 256, Input: models.OneHot, Classes: 10},
}

// TestLogits compares the file, run by ONNX Runtime, with nested loops in float64.
func TestLogits(t *testing.T) {
	env, err := runtime.Open(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	worst := 0.0
	for i, c := range configs {
		m := modeltest.Random(t, c, uint64(i))
		var file bytes.Buffer
		if err := export.Write(&file, m, export.Meta{}); err != nil {
			t.Fatal(err)
		}
		s, err := onnx.LoadFile(env, file.Bytes(), onnx.SessionOptions{})
		if err != nil {
			t.Fatal(err)
		}
		const n = 3
		pixels := m.Size * m.Size
		image, logits := make([]float32, n*pixels), make([]float32, n*pixels*m.Levels)
		rng := rand.New(rand.NewPCG(9, 9))
		for i := range image {
			image[i] = float32(rng.IntN(m.Levels)) / float32(m.Levels-1)
		}
		in := []*onnx.Tensor{onnx.NewTensor(image, n, 1, m.Size, m.Size)}
		if m.Classes > 0 {
			in = append(in, onnx.NewTensor([]int64{0, 1, 2}, n))
		}
		b, err := s.Bind(in,
			[]*onnx.Tensor{onnx.NewTensor(logits, n, m.Levels, m.Size, m.Size)})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		for k := range n {
			x := make([]float64, pixels)
			for i := range x {
				x[i] = float64(image[k*pixels+i])
			}
			for i, want := range modeltest.ClassLogits(m, x, k) {
				got := float64(logits[k*pixels*m.Levels+i])
				worst = max(worst, math.Abs(got-want)/(1+math.Abs(want)))
			}
		}
		if err := errors.Join(b.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	}
	t.Logf("largest difference from float64 loops: %.2g of 1 + |logit|", worst)
	if worst > 1e-5 {
		t.Errorf("largest difference is %g", worst)
	}
}

// TestSubset holds the file to the subset that every reader gets right.
func TestSubset(t *testing.T) {
	m := modeltest.Random(t, configs[1], 1)
	meta := export.Meta{Dataset: "d", Preprocess: "p", Seed: 3, Epochs: 2, NatsPerDim: 0.5, Classes: []string{"a", "b"}}
	var b bytes.Buffer
	if err := export.Write(&b, m, meta); err != nil {
		t.Fatal(err)
	}
	file, err := onnx.Unmarshal(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if file.IRVersion != 8 || len(file.Opsets) != 1 || file.Opsets[""] != 17 {
		t.Errorf("IR %d, opsets %v, want IR 8 and opset 17 of the default domain", file.IRVersion, file.Opsets)
	}
	g := file.Graph
	if len(g.Inputs) != 1 || fmt.Sprint(g.Inputs[0].Name, g.Inputs[0].Shape) != "image[{-1 batch} {1 } {8 } {8 }]" {
		t.Errorf("inputs %v", g.Inputs)
	}
	if len(g.Outputs) != 1 || fmt.Sprint(g.Outputs[0].Name, g.Outputs[0].Shape) != "logits[{-1 batch} {3 } {8 } {8 }]" {
		t.Errorf("outputs %v", g.Outputs)
	}
	identifier := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	for _, n := range g.Nodes {
		if !identifier.MatchString(n.Name) || n.Domain != "" {
			t.Errorf("node %q of domain %q", n.Name, n.Domain)
		}
		for _, v := range append(n.Inputs, n.Outputs...) {
			if !identifier.MatchString(v.Name) {
				t.Errorf("node %q has a value named %q", n.Name, v.Name)
			}
		}
		if n.Op != "Conv" {
			continue
		}
		k, p := n.Attrs.Ints("kernel_shape"), n.Attrs.Ints("pads")
		if len(k) != 2 || k[0] != k[1] || len(p) != 4 || p[0] != k[0]/2 || p[0] != p[1] || p[1] != p[2] || p[2] != p[3] {
			t.Errorf("%s: kernel %v, pads %v", n.Name, k, p)
		}
		if n.Attrs.Ints("strides") == nil || n.Attrs.Ints("dilations") == nil || n.Attrs.Int("group", 0) != 1 {
			t.Errorf("%s: attributes %v are not explicit", n.Name, n.Attrs)
		}
	}
	got, err := format.Parse(file.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	if got.Arch != "pixelcnn" || got.Levels != 3 || got.Height != 8 || got.Dataset != "d" || got.NatsPerDim != 0.5 {
		t.Errorf("metadata %+v", got)
	}
	if got.PixelScale != 0.5 || got.PixelOffset != 0 || got.Label != "" || got.Classes != nil || got.ClassPrior != nil {
		t.Errorf("metadata %+v, want a scale of 1/2 and no classes where there is no label", got)
	}
	if file.ProducerName == "" || file.ProducerVersion == "" || file.Doc == "" {
		t.Error("the file does not say what made it")
	}
	again := new(bytes.Buffer)
	if err := export.Write(again, m, meta); err != nil || !bytes.Equal(again.Bytes(), b.Bytes()) {
		t.Errorf("the same model gave other bytes (error %v)", err)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriteRefuses(t *testing.T) {
	m := modeltest.Random(t, configs[0], 1)
	if err := export.Write(fullDisk{}, m, export.Meta{}); err == nil {
		t.Error("a full disk was not noticed")
	}
	m.Weights["stem_bias"] = nil
	if err := export.Write(io.Discard, m, export.Meta{}); err == nil {
		t.Error("a missing weight was not noticed")
	}
}
