package conform

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pixelcnn/dataset"
	"pixelcnn/export"
	"pixelcnn/internal/compile/compiletest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/models/pretrained"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
	"pixelcnn/train"
)

// written collects every graph that is handed to a runtime, or written as a file.
type written struct {
	onnx.Runtime
	t     *testing.T
	name  string
	given *onnx.Model       // what is drawn from
	files map[string]string // by content, the name
}

func (w *written) Load(m *onnx.Model, opt onnx.SessionOptions) (onnx.Session, error) {
	if m != w.given {
		file, err := onnx.Marshal(m)
		if err != nil {
			return nil, err
		}
		w.add(file)
	}
	return w.Runtime.Load(m, opt)
}

func (w *written) add(file []byte) {
	if _, there := w.files[string(file)]; !there {
		w.files[string(file)] = fmt.Sprintf("%s %d", w.name, len(w.files))
	}
}

// train takes a step of a model, which loads the step's graph and those of evaluations.
func (w *written) train(m *models.Model) {
	w.t.Helper()
	pixels := make([]uint16, 3*m.Size*m.Size)
	for i := range pixels {
		pixels[i] = uint16(i % m.Levels)
	}
	data := &dataset.Split{Size: m.Size, Pixels: pixels, Labels: []uint8{0, 1, 1}}
	tr, err := train.New(w, m, data, train.Config{Steps: 1, Batch: 2, Threads: 1, Validation: data})
	if err != nil {
		w.t.Fatal(err)
	}
	defer tr.Close()
	if err := tr.Run(context.Background(), nil); err != nil {
		w.t.Fatal(err)
	}
	m.Weights = tr.Weights()
}

// draw draws from a file, which loads its step graphs, and writes its one-file samplers.
func (w *written) draw(file []byte, cfg sampler.Config) {
	w.t.Helper()
	cfg.Threads = 1
	m, err := sampler.Read(file, cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.given = m.Model()
	s, err := m.Open(w)
	if err != nil {
		w.t.Fatal(err)
	}
	defer s.Close()
	for n := range 2 { // a variant for few images, and one for many
		req := sampler.Request{N: 1 + 15*n}
		for _, c := range s.Signature().Conditions {
			size := 1
			for _, d := range c.Shape {
				size *= d
			}
			req.Conditions = map[string]*sampler.Tensor{c.Name: {Shape: c.Shape, Data: make([]float32, size)}}
		}
		for _, err := range s.Samples(context.Background(), req) {
			if err != nil {
				w.t.Fatal(err)
			}
		}
	}
	for _, inpainting := range []bool{false, true} {
		one, err := m.OneFile(inpainting)
		if err != nil {
			w.t.Fatal(err)
		}
		w.add(one)
	}
}

// TestGraphs holds every graph that the project writes to ONNX's specification: models,
// training steps, evaluations, step graphs, prologues and one-file samplers.
func TestGraphs(t *testing.T) {
	env, err := runtime.Open(runtime.Config{})
	if err != nil {
		t.Fatal("the test needs ONNX Runtime (go run ./cmd/sampler install-runtime): ", err)
	}
	defer env.Close()
	w := &written{Runtime: env, t: t, files: map[string]string{}}

	for _, arch := range models.Architectures {
		for _, input := range models.Inputs {
			for _, classes := range []int{0, 2} {
				w.name = fmt.Sprint(arch, " ", input, " ", classes)
				m, err := models.New(models.Config{Arch: arch, Input: input, Classes: classes, Hidden: 8, Blocks: 2, Kernel: 5, Size: 6, Levels: 3})
				if err != nil {
					t.Fatal(err)
				}
				w.train(m)
				var file bytes.Buffer
				if err := export.Write(&file, m, export.Meta{}); err != nil {
					t.Fatal(err)
				}
				w.add(file.Bytes())
				w.draw(file.Bytes(), sampler.Config{})
			}
		}
	}
	for _, name := range pretrained.Names() {
		file, err := pretrained.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		w.name = "@" + name
		w.draw(file, sampler.Config{})
	}
	foreign, err := filepath.Glob("../../sampler/testdata/foreign/*.onnx")
	if err != nil || len(foreign) == 0 {
		t.Fatal("no foreign files", err)
	}
	for _, name := range foreign {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		w.name = filepath.Base(name)
		w.draw(file, sampler.Config{Engine: sampler.Incremental})
	}
	for name, head := range map[string]string{"bernoulli_logit": "bernoulli", "rgb_masked": "categorical", "mixture_grey": "logistic-mixture", "mixture_rgb": "logistic-mixture"} {
		file, err := os.ReadFile("../../sampler/testdata/zoo/script/" + name + ".onnx")
		if err != nil {
			t.Fatal(err)
		}
		w.name = name
		cfg := sampler.Config{Head: head, Engine: sampler.Incremental}
		if head == "logistic-mixture" {
			cfg.PixelScale, cfg.PixelOffset = 2./255, -1
		}
		w.draw(file, cfg)
	}
	for seed := range uint64(30) {
		file, err := onnx.Marshal(compiletest.Random(seed, false).Model)
		if err != nil {
			t.Fatal(err)
		}
		w.name = fmt.Sprint("random ", seed)
		w.draw(file, sampler.Config{Head: "categorical", Engine: sampler.Incremental})
	}
	for seed := range uint64(12) { // with conditions, attention, channels
		m := compiletest.Lattice(seed, false)
		if m.Channels*m.Height*m.Width > 300 {
			continue
		}
		file, err := onnx.Marshal(m.Model.Model)
		if err != nil {
			t.Fatal(err)
		}
		w.name = fmt.Sprint("lattices ", seed)
		cfg := sampler.Config{Head: "categorical", Engine: sampler.Incremental, Levels: m.Levels, Channels: m.Channels, Input: "x", OutputLayout: "N(CL)HW"}
		if m.Condition != nil {
			cfg.Conditions = map[string][]int{"map": m.Condition}
		}
		w.draw(file, cfg)
	}

	if len(w.files) < 100 {
		t.Errorf("%d graphs, where there should be hundreds", len(w.files))
	}
	for _, file := range slices.Sorted(maps.Keys(w.files)) {
		m, err := onnx.Unmarshal([]byte(file))
		if err != nil {
			t.Fatal(w.files[file], err)
		}
		if err := Conform(m); err != nil {
			t.Errorf("%s: %v", w.files[file], err)
		}
	}
}
