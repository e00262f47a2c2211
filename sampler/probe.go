package sampler

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// probe looks for a pixel that sees itself or its future, by trial: it changes the
// pixels from some pixel on, and compares the logits up to that pixel. It tries
// every pixel of small images, and 256 spread over large ones, with the classes in turn.
func (e *fullEngine) probe(ctx context.Context) error {
	batch := e.fit(16)
	f, err := e.forward(batch)
	if err != nil {
		return err
	}
	defer f.close()
	pixels := e.spec.Height * e.spec.Width
	rng := rand.New(rand.NewPCG(1, 1))
	random := func() float32 { return e.values[rng.IntN(len(e.values))] }

	base := make([]float32, pixels)
	for i := range base {
		base[i] = random()
	}
	for i := range batch {
		copy(f.image[i*pixels:], base)
		f.class(i, i%max(1, len(e.spec.Classes)))
	}
	if err := f.run(ctx); err != nil {
		return err
	}
	want := slices.Clone(f.logits)

	step := max(1, pixels/256)
	for first := 0; first < pixels; first += batch * step {
		for i := range batch {
			changed := f.image[i*pixels : (i+1)*pixels]
			copy(changed, base)
			for p := min(first+i*step, pixels); p < pixels; p++ {
				changed[p] = random()
			}
		}
		if err := f.run(ctx); err != nil {
			return err
		}
		for i := range batch {
			from := min(first+i*step, pixels-1)
			for pixel := range from + 1 {
				at, stride := e.spec.logitsAt(i, pixel)
				for k := range e.spec.Levels {
					got, before := float64(f.logits[at+k*stride]), float64(want[at+k*stride])
					if math.IsNaN(got) || math.IsNaN(before) {
						return fmt.Errorf("%w: %w", ErrModel, errLogits(0, pixel, e.spec.Width))
					}
					if got != before && !(math.Abs(got-before) <= 1e-4*(1+math.Abs(before))) {
						return fmt.Errorf("%w: %w: the logits at row %d, column %d change with the pixels from row %d, column %d on",
							ErrModel, ErrNotCausal, pixel/e.spec.Width, pixel%e.spec.Width, from/e.spec.Width, from%e.spec.Width)
					}
				}
			}
		}
	}
	return nil
}
