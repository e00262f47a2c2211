package likelihood

import "pixelcnn/internal/onnx"

// Form is what outputs are that stand for probabilities.
type Form int

const (
	Logits Form = iota
	LogProbabilities
	Probabilities
)

func (f Form) String() string {
	return [...]string{"logits", "log-probabilities", "probabilities"}[f]
}

type Bernoulli struct {
	Channels int
	Form     Form
}

func (Bernoulli) Name() string   { return "bernoulli" }
func (Bernoulli) Levels() int    { return 2 }
func (b Bernoulli) Symbols() int { return max(1, b.Channels) }
func (b Bernoulli) Outputs() int { return b.Symbols() }
func (b Bernoulli) LogProbs(outputs []float64, earlier []uint16, scratch []float64) []float64 {
	scratch[0], scratch[1] = 0, outputs[len(earlier)]
	return scratch[:2]
}
func (b Bernoulli) Error(_ []float64, size float64) float64                     { return Rounding * (1 + size) }
func (b Bernoulli) LogProbNodes(g *onnx.Graph, outputs *onnx.Value) *onnx.Value { return outputs }
func (b Bernoulli) LossNodes(g *onnx.Graph, outputs, truth *onnx.Value, gradient bool) (logProb, grad *onnx.Value) {
	return nil, nil
}

type Mixture struct{ Depth, Channels, Components int }

func (Mixture) Name() string   { return "logistic-mixture" }
func (m Mixture) Levels() int  { return m.Depth }
func (m Mixture) Symbols() int { return max(1, m.Channels) }
func (m Mixture) Outputs() int {
	if m.Symbols() == 1 {
		return 3 * m.Components
	}
	return 10 * m.Components
}
func (m Mixture) LogProbs(outputs []float64, earlier []uint16, scratch []float64) []float64 {
	return scratch
}
func (m Mixture) Error(_ []float64, size float64) float64                     { return Rounding * (1 + size) }
func (m Mixture) LogProbNodes(g *onnx.Graph, outputs *onnx.Value) *onnx.Value { return outputs }
func (m Mixture) LossNodes(g *onnx.Graph, outputs, truth *onnx.Value, gradient bool) (logProb, grad *onnx.Value) {
	return nil, nil
}
