package train

import (
	"math"
	"math/rand/v2"

	"pixelcnn/models"
)

// Init is the range of the initial weights, which are uniform from -bound to bound. Both
// count live taps only. Counting the masked ones too, as PyTorch and Keras do, costs some
// 0.005 nats/dim after one epoch of the reference task.
type Init string

const (
	// FanIn is 1/√(inputs of an output), for biases too: PyTorch's rule. The default.
	FanIn Init = "fan-in"
	// Glorot is √(6/(inputs of an output + outputs of an input)), and biases of 0: Keras'
	// rule (Glorot and Bengio, "Understanding the difficulty of training deep feedforward
	// neural networks", 2010, equation 16).
	Glorot Init = "glorot"
)

// Inits lists them.
var Inits = []Init{FanIn, Glorot}

// bound is 0 for what starts at 0, as embeddings do.
func (i Init) bound(p models.Param) float64 {
	switch {
	case p.Kind == models.Table:
		return 0
	case i == Glorot && p.Kind == models.Bias:
		return 0
	case i == Glorot:
		return math.Sqrt(6 / float64((p.Conv.In+p.Conv.Out)*len(p.Conv.Taps())))
	}
	return 1 / math.Sqrt(float64(p.FanIn()))
}

// initStream is the second word of the seed of the initial weights' generator.
const initStream = 0x696e6974 // "init"

// initial draws the parameters one by one in forward order.
func (l packing) initial(seed uint64, init Init) []float32 {
	r := rand.New(rand.NewPCG(seed, initStream))
	vec := make([]float32, l.len)
	for _, s := range l.slots {
		if bound := init.bound(s.param); bound > 0 {
			s.each(func(_, p int) { vec[p] = float32((2*r.Float64() - 1) * bound) })
		}
	}
	return vec
}
