package verify

import (
	"math"
	"math/rand/v2"

	"pixelcnn/internal/signature/encoding"
)

// images makes n images, [n, 1, H, W] in [0, 1]: in turn random levels, a shaded shape on
// black, a white one and a black one.
func (s *subject) images(n int) []float32 {
	rng := rand.New(rand.NewPCG(uint64(n), 0))
	values := encoding.Scale{}.Values(s.levels)
	out := make([]float32, 0, n*s.height*s.width)
	for i := range n {
		level := [...]func(y, x float64) float64{
			func(_, _ float64) float64 { return rng.Float64() },
			shape(rng),
			func(_, _ float64) float64 { return 1 },
			func(_, _ float64) float64 { return 0 },
		}[i%4]
		for y := range s.height {
			for x := range s.width {
				v := level((float64(y)+0.5)/float64(s.height), (float64(x)+0.5)/float64(s.width))
				out = append(out, values[encoding.OfUnit(v, s.levels)])
			}
		}
	}
	return out
}

// shape is an ellipse that is brighter to one side. Coordinates and values are in [0, 1].
func shape(rng *rand.Rand) func(y, x float64) float64 {
	cy, cx := 0.4+0.2*rng.Float64(), 0.4+0.2*rng.Float64()
	ry, rx := 0.2+0.3*rng.Float64(), 0.2+0.3*rng.Float64()
	return func(y, x float64) float64 {
		if math.Hypot((y-cy)/ry, (x-cx)/rx) > 1 {
			return 0
		}
		return 0.3 + 0.7*x
	}
}
