package engine

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/signature"
	"pixelcnn/sampler/internal/draw"
)

// probe looks for a pixel that sees itself or its future, by trial: it changes the
// pixels from some pixel on, and compares the outputs up to that pixel. It tries
// every pixel of small images, and 256 spread over large ones, with the classes in turn.
func (e *Full) probe(ctx context.Context) error {
	batch := e.Fit(16)
	f, err := e.Forward(batch)
	if err != nil {
		return err
	}
	defer f.Close()
	width, pixels := e.sig.Width, e.sig.Pixels()
	rng := rand.New(rand.NewPCG(1, 1))
	base := make([]uint16, pixels)
	change := func(from []uint16) {
		for i := range from {
			from[i] = uint16(rng.IntN(e.sig.Levels))
		}
	}
	change(base)
	for i := range batch {
		f.SetImage(i, base)
		f.SetClass(i, i%max(1, len(e.sig.Classes)))
	}
	if err := f.Run(ctx); err != nil {
		return err
	}
	want := slices.Clone(f.outputs)

	changed := make([]uint16, pixels)
	step := max(1, pixels/256)
	for first := 0; first < pixels; first += batch * step {
		for i := range batch {
			copy(changed, base)
			change(changed[min(first+i*step, pixels):])
			f.SetImage(i, changed)
		}
		if err := f.Run(ctx); err != nil {
			return err
		}
		for i := range batch {
			from := min(first+i*step, pixels-1)
			for pixel := range from + 1 {
				at, stride := e.sig.OutputAt(i, pixel)
				for k := range e.sig.Head.Outputs() {
					got, before := float64(f.outputs[at+k*stride]), float64(want[at+k*stride])
					if math.IsNaN(got) || math.IsNaN(before) {
						return fmt.Errorf("%w: %w", signature.ErrModel, draw.Unusable(0, pixel, width))
					}
					if got != before && !(math.Abs(got-before) <= 1e-4*(1+math.Abs(before))) {
						return fmt.Errorf("%w: %w: the logits at row %d, column %d change with the pixels from row %d, column %d on",
							signature.ErrModel, compile.ErrNotCausal, pixel/width, pixel%width, from/width, from%width)
					}
				}
			}
		}
	}
	return nil
}
