package draw

import "math/rand/v2"

// Uniforms gives images their uniform variates. It is for one goroutine.
type Uniforms struct {
	pcg rand.PCG
	rng *rand.Rand
}

// NewUniforms makes one.
func NewUniforms() *Uniforms {
	u := &Uniforms{}
	u.rng = rand.New(&u.pcg)
	return u
}

// Fill writes the variates of an image of a seed: the k-th Float64 of
// rand.New(rand.NewPCG(seed, image)) to to[k·stride].
func (u *Uniforms) Fill(to []float64, stride int, seed, image uint64) {
	u.pcg.Seed(seed, image)
	for k := 0; k < len(to); k += stride {
		to[k] = u.rng.Float64()
	}
}

// What is added to an image's number for the variates that are not its symbols': no image
// has a number that large.
const (
	classStream  = 1 << 62
	choiceStream = 1 << 63
)

// ClassUniform is the variate that decides the class of an image of a seed.
func ClassUniform(seed, image uint64) float64 {
	return rand.New(rand.NewPCG(seed, classStream+image)).Float64()
}

// Choices are the variates with which particles for an image of a seed are resampled and
// chosen.
func Choices(seed, image uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, choiceStream+image))
}
