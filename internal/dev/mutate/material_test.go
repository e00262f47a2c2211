package mutate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"pixelcnn/export"
	"pixelcnn/internal/compile/compiletest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/models/pretrained"
	"pixelcnn/sampler"
)

// newMaterial makes the small models, and reads the large ones and the job's own. Those of
// the job that are short count as small.
func newMaterial(j job) (*material, error) {
	m := &material{seed: j.Seed}
	for _, c := range []struct {
		name   string
		config models.Config
	}{
		{"pixelcnn", models.Config{}},
		{"pixelcnn of one-hot input", models.Config{Input: models.OneHot}},
		{"pixelcnn of classes", models.Config{Classes: 3}},
		{"gated", models.Config{Arch: "gated"}},
		{"gated of classes and one-hot input", models.Config{Arch: "gated", Classes: 3, Input: models.OneHot}},
	} {
		c.config.Hidden, c.config.Blocks, c.config.Kernel, c.config.Size, c.config.Levels = 4, 1, 3, 5, 3
		file, err := exported(c.config)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		read, err := sampler.Read(file, sampler.Config{})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		one, err := read.OneFile(c.config.Classes == 0)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		m.small = append(m.small, model{c.name, file}, model{c.name + " as a one-file sampler", one})
	}
	for seed := range uint64(8) {
		if err := m.add(fmt.Sprintf("random graph %d", seed), compiletest.Random(seed, false).Model); err != nil {
			return nil, err
		}
	}
	for _, o := range operatorGraphs() {
		if err := m.add(o.name, &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 18, "com.microsoft": 1}, Graph: o.graph}); err != nil {
			return nil, err
		}
	}
	for _, name := range pretrained.Names() {
		file, err := pretrained.Read(name)
		if err != nil {
			return nil, err
		}
		m.large = append(m.large, model{"@" + name, file})
	}
	var others []string
	for _, folder := range []string{"foreign", "forms"} {
		files, err := filepath.Glob(filepath.Join(j.Root, "sampler", "testdata", folder, "*.onnx"))
		if err != nil || len(files) == 0 {
			return nil, fmt.Errorf("no models in sampler/testdata/%s of %s: run it from the root of the repository", folder, j.Root)
		}
		others = append(others, files...)
	}
	for _, path := range others {
		file, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if len(file) < 1<<15 {
			m.small = append(m.small, model{path, file})
		} else {
			m.large = append(m.large, model{path, file})
		}
	}
	return m, nil
}

func (m *material) add(name string, graph *onnx.Model) error {
	file, err := onnx.Marshal(graph)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	m.small = append(m.small, model{name, file})
	return nil
}

// exported is the file of an architecture with random weights.
func exported(c models.Config) ([]byte, error) {
	m, err := models.New(c)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(1, 0))
	m.Weights = map[string][]float32{}
	for _, p := range m.Params() {
		w := make([]float32, p.Len())
		if p.Kind != models.Weight {
			for i := range w {
				w[i] = float32(rng.NormFloat64())
			}
		} else {
			k, r := p.Conv.Kernel, p.Conv.Kernel/2
			for plane := 0; plane < len(w); plane += k * k {
				for _, tap := range p.Conv.Taps() {
					w[plane+(tap.DY+r)*k+tap.DX+r] = float32(rng.NormFloat64())
				}
			}
		}
		m.Weights[p.Name] = w
	}
	var b bytes.Buffer
	err = export.Write(&b, m, export.Meta{Levels: c.Levels, Height: c.Size, Width: c.Size, Order: "raster", Arch: c.Arch})
	return b.Bytes(), err
}
