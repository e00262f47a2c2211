package export

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"pixelcnn/internal/format"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature/encoding"
	"pixelcnn/models"
)

// Weights reads back the weights that [Write] wrote of a model of this configuration, in
// the form of [models.Model].Weights: without what the file makes of the input's scale. The
// file's own scale does not matter. The error wraps [models.ErrWeights] and tells what
// does not fit: another architecture, other sizes, a file from elsewhere.
func Weights(file []byte, c models.Config) (map[string][]float32, error) {
	bad := func(text string, args ...any) (map[string][]float32, error) {
		return nil, fmt.Errorf("export: %w: "+text, append([]any{models.ErrWeights}, args...)...)
	}
	m, err := models.New(c)
	if err != nil {
		return nil, err
	}
	f, err := onnx.Unmarshal(file)
	if err != nil {
		return bad("not an ONNX file: %w", err)
	}
	meta, err := format.Parse(f.Metadata)
	switch {
	case err != nil:
		return bad("%w", err)
	case meta.Format == "" || f.Metadata[format.Sampler] != "":
		return bad("not a file that the trainer wrote")
	case meta.Arch != m.Arch:
		return bad("its architecture is %s, not %s", meta.Arch, m.Arch)
	case meta.Height != m.Size || meta.Width != m.Size:
		return bad("its images are %d×%d, not %d×%d", meta.Height, meta.Width, m.Size, m.Size)
	case meta.Levels != m.Levels:
		return bad("it has %d levels, not %d", meta.Levels, m.Levels)
	}
	stored, first := parameters(f.Graph, m.Input == models.OneHot)
	m.Weights = map[string][]float32{}
	for _, p := range m.Params() {
		t := stored[p.Name]
		delete(stored, p.Name)
		if t == nil {
			return bad("it has no %s", p.Name)
		}
		if !slices.Equal(t.Shape, p.Shape) {
			return bad("%s is %v, not %v", p.Name, t.Shape, p.Shape)
		}
		w := slices.Clone(t.Data.([]float32))
		for i := range w {
			if x := float64(w[i]); math.IsNaN(x) || math.IsInf(x, 0) {
				return bad("%s has a weight that is not finite", p.Name)
			}
			if first[p.Name] {
				w[i] /= inputFactor(m)
			}
		}
		m.Weights[p.Name] = w
	}
	if len(stored) > 0 {
		return bad("it has %s, which the model has not", slices.Sorted(maps.Keys(stored))[0])
	}
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return m.Weights, nil
}

// parameters are the constants of a graph that are weights, and the names of those that the
// image is convolved with.
func parameters(g *onnx.Graph, oneHot bool) (stored map[string]*onnx.Tensor, first map[string]bool) {
	stored, first = map[string]*onnx.Tensor{}, map[string]bool{}
	for _, n := range g.Nodes {
		if oneHot && (n.Name == hinges || n.Name == oneHotConv) {
			continue
		}
		for _, v := range n.Inputs {
			if v == nil || v.Const == nil {
				continue
			}
			if _, ok := v.Const.Data.([]float32); !ok {
				continue
			}
			stored[v.Name] = v.Const
			if n.Op == "Conv" && n.Inputs[0] != nil && n.Inputs[0].Name == format.Image && strings.HasSuffix(v.Name, "_weight") {
				first[v.Name] = true
			}
		}
	}
	return stored, first
}

// inputFactor is what the weights of the first layer are multiplied by in a file, whose
// input is in [0, 1] whatever the model was trained with.
func inputFactor(m *models.Model) float32 {
	return encoding.Ratio(m.InputScale, m.Levels)
}
