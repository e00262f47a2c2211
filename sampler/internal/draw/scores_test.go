package draw

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pixelcnn/internal/likelihood"
)

// TestModelLogProbs: an image's log-probabilities have the bits of one symbol's after the other,
// for every head, and the first pixel that cannot be scored is the same.
func TestModelLogProbs(t *testing.T) {
	for _, head := range []likelihood.Head{
		likelihood.Categorical{Depth: 4},
		likelihood.Categorical{Depth: 5, Channels: 3},
		likelihood.Categorical{Depth: 256, Channels: 3},
		likelihood.Categorical{Depth: 1000, Form: likelihood.LogProbabilities},
		likelihood.Categorical{Depth: 3, Channels: 2, Form: likelihood.Probabilities},
		likelihood.Bernoulli{},
		likelihood.Bernoulli{Channels: 3, Form: likelihood.Probabilities},
		likelihood.Mixture{Depth: 256, Components: 3},
		likelihood.Mixture{Depth: 16, Channels: 3, Components: 2},
	} {
		rng := rand.New(rand.NewPCG(11, 0))
		d, scored := NewDrawer(head), 0
		const images = 120
		for image := range images {
			pixels := []int{1, 5, 80}[image%3] // a pixel by itself has a stride of 1
			stride := pixels + rng.IntN(2)*rng.IntN(4)
			symbols := pixels * head.Symbols()
			outputs := oddOutputs(rng, head, stride, float64(image%4)/float64(symbols))
			levels := make([]uint16, symbols-rng.IntN(head.Symbols()))
			for k := range levels {
				levels[k] = uint16(rng.IntN(head.Levels()))
			}
			want, wantBad := make([]float64, len(levels)), -1
			for k, level := range levels {
				pixel := k / head.Symbols()
				lp, ok := NewDrawer(head).ModelLogProb(outputs[pixel:], stride, levels[pixel*head.Symbols():k], int(level))
				if !ok {
					wantBad = pixel
					break
				}
				want[k] = lp
			}
			got := make([]float64, len(levels))
			bad := d.ModelLogProbs(got, outputs, stride, levels)
			if bad != wantBad {
				t.Fatalf("%+v, image %d: pixel %d cannot be scored, want %d", head, image, bad, wantBad)
			}
			if bad >= 0 {
				continue
			}
			scored++
			for k := range got {
				if math.Float64bits(got[k]) != math.Float64bits(want[k]) {
					t.Fatalf("%+v, image %d, symbol %d: %v, want %v", head, image, k, got[k], want[k])
				}
			}
		}
		if scored < images/5 || scored > images*4/5 {
			t.Errorf("%+v: %d of %d images can be scored", head, scored, images)
		}
	}
}

// oddOutputs are random ones of pixels, [outputs, pixels]. Some are alike, some logits say that a
// level cannot be, and a few, so many a number, are none.
func oddOutputs(rng *rand.Rand, head likelihood.Head, pixels int, none float64) []float32 {
	zero := float32(math.Copysign(0, -1))
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	form := likelihood.Logits
	categorical, ok := head.(likelihood.Categorical)
	if ok {
		form = categorical.Form
	} else if b, ok := head.(likelihood.Bernoulli); ok {
		form = b.Form
	}
	outputs := make([]float32, head.Outputs()*pixels)
	for i := range outputs {
		o := float32(rng.NormFloat64() * math.Exp(2*rng.NormFloat64()))
		switch {
		case rng.Float64() < none/4:
			o = []float32{inf, -inf, nan, -nan}[rng.IntN(4)]
		case form == likelihood.Probabilities:
			o = rng.Float32()
		case rng.IntN(4) == 0:
			o = []float32{0, zero, 1}[rng.IntN(3)]
		case rng.IntN(20) == 0 && ok:
			o = -inf
		}
		outputs[i] = o
	}
	return outputs
}

// BenchmarkModelLogProbs scores a picture of 16×16, by levels.
func BenchmarkModelLogProbs(b *testing.B) {
	for _, levels := range []int{4, 256} {
		b.Run(fmt.Sprintf("levels=%d", levels), func(b *testing.B) {
			const pixels = 256
			head := likelihood.Categorical{Depth: levels}
			rng := rand.New(rand.NewPCG(12, 0))
			outputs := make([]float32, levels*pixels)
			for i := range outputs {
				outputs[i] = float32(3 * rng.NormFloat64())
			}
			picture := make([]uint16, pixels)
			for k := range picture {
				picture[k] = uint16(rng.IntN(levels))
			}
			d, lps := NewDrawer(head), make([]float64, pixels)
			for b.Loop() {
				d.ModelLogProbs(lps, outputs, pixels, picture)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/pixels, "ns/pixel")
		})
	}
}
