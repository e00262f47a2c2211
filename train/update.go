package train

import (
	"context"
	"errors"
	"fmt"
	"math"

	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

// An updater is what an engine needs to turn gradients into parameters.
type updater struct {
	next              [3][]float32 // parameters and moments, after an update
	scale, rate, root []float32    // [1] each
	average           []float32    // moving average of the parameters; nil where off
	decay             [][2]int     // the parts of the vector that weight decay is for, in order; nil where off

	// Where gradients are clipped, they are added up beforehand.
	sum    []float32 // gradient; nil where they are not
	factor []float32 // [1], what clips it

	sessions []onnx.Session
	adds     []onnx.Binding // of lanes to sum, by chunk
	adams    []onnx.Binding // by chunk
}

// bindUpdate loads the update's graphs once and binds them to each chunk.
func (e *engine) bindUpdate() error {
	vec := func() []float32 { return make([]float32, e.packing.len) }
	u := &e.updater
	u.next = [3][]float32{vec(), vec(), vec()}
	u.scale, u.rate, u.root, u.factor = make([]float32, 1), make([]float32, 1), make([]float32, 1), make([]float32, 1)
	if e.cfg.EMA > 0 {
		u.average = append(u.average, e.params...)
	}
	if e.cfg.WeightDecay > 0 {
		for _, s := range e.packing.slots {
			if s.param.Kind == models.Weight {
				u.decay = append(u.decay, [2]int{s.off, s.off + s.len()})
			}
		}
	}
	gradients := e.lanes[:]
	var err error
	scale := u.scale
	if e.cfg.ClipNorm > 0 {
		u.sum = vec()
		graph := newSum(e.packing.len/adamChunks, len(gradients))
		if u.adds, err = e.bindChunks(graph, [][]float32{scale}, gradients, [][]float32{u.sum}); err != nil {
			return err
		}
		gradients, scale = [][]float32{u.sum}, u.factor
	}
	graph := newAdam(e.packing.len/adamChunks, len(gradients))
	in := append([][]float32{e.params, e.moment1, e.moment2}, gradients...)
	u.adams, err = e.bindChunks(graph, [][]float32{scale, u.rate, u.root}, in, u.next[:])
	return err
}

// bindChunks binds a graph, whose inputs are scalars and then a chunk's part of vectors,
// to each chunk.
func (e *engine) bindChunks(g *onnx.Graph, scalars, vectors, results [][]float32) ([]onnx.Binding, error) {
	s, err := load(e.rt, g, onnx.SessionOptions{})
	if err != nil {
		return nil, err
	}
	e.updater.sessions = append(e.updater.sessions, s)
	var bindings []onnx.Binding
	for i := range adamChunks {
		first, end := e.chunk(i)
		part := func(vec []float32) *onnx.Tensor { return onnx.NewTensor(vec[first:end:end], end-first) }
		var in, out []*onnx.Tensor
		for _, x := range scalars {
			in = append(in, onnx.NewTensor(x, 1))
		}
		for _, x := range vectors {
			in = append(in, part(x))
		}
		for _, x := range results {
			out = append(out, part(x))
		}
		b, err := s.Bind(in, out)
		if err != nil {
			return bindings, fmt.Errorf("train: %w", err)
		}
		bindings = append(bindings, b)
	}
	return bindings, nil
}

// chunk is where a chunk lies in a vector.
func (e *engine) chunk(i int) (first, end int) {
	n := e.packing.len / adamChunks
	return i * n, (i + 1) * n
}

// close frees the sessions.
func (u *updater) close() error {
	var errs []error
	for _, b := range u.adds {
		errs = append(errs, b.Close())
	}
	for _, b := range u.adams {
		errs = append(errs, b.Close())
	}
	for _, s := range u.sessions {
		errs = append(errs, s.Close())
	}
	u.adds, u.adams, u.sessions = nil, nil, nil
	return errors.Join(errs...)
}

// errDiverged is what update returns where a number is not finite.
var errDiverged = errors.New("train: not finite")

// update applies Adam to the gradients in the lanes, times scale. It is the step-th
// update, counted from 1. It returns the norm of the gradient where that is clipped,
// else 0. Where the norm, a parameter or a moment would not be finite, the error is
// errDiverged and nothing has changed.
func (e *engine) update(scale, learningRate float64, step int) (norm float64, err error) {
	e.scale[0] = float32(scale)
	e.rate[0], e.root[0] = correction(learningRate, step)
	if e.adds != nil {
		if norm, err = e.clip(); err != nil {
			return norm, err
		}
		if !finite(norm) {
			return norm, errDiverged
		}
	}
	ctx := context.Background() // an update is done whole or not at all
	err = e.parallel(ctx, adamChunks, func(_, i int) error {
		if err := e.adams[i].Run(ctx); err != nil {
			return fmt.Errorf("train: %w", err)
		}
		first, end := e.chunk(i)
		e.shrink(first, end, learningRate*e.cfg.WeightDecay)
		// The second moment is not finite wherever the first, or the gradient, is not;
		// and where it alone is, its square having overflowed, the parameter would
		// never move again.
		if !allFinite(e.next[0][first:end]) || !allFinite(e.next[2][first:end]) {
			return errDiverged
		}
		return nil
	})
	if err == nil && e.average != nil { // only now: another chunk may have diverged
		err = e.parallel(ctx, adamChunks, func(_, i int) error {
			first, end := e.chunk(i)
			follow(e.average[first:end], e.next[0][first:end], averageDecay(e.cfg.EMA, step))
			return nil
		})
	}
	if err != nil {
		return norm, err
	}
	e.restore(e.next[0], e.next[1], e.next[2])
	return norm, nil
}

// allFinite tells whether none of x is NaN or an infinity. x has a multiple of four
// elements.
func allFinite(x []float32) bool {
	var s [4]float32 // a finite number less itself is 0, others are NaN
	for ; len(x) >= 4; x = x[4:] {
		for k := range s {
			s[k] += x[k] - x[k]
		}
	}
	return s[0]+s[1]+s[2]+s[3] == 0
}

// clip adds up the lanes, times e.scale, and sets e.factor to what clips the result.
// It returns the norm.
func (e *engine) clip() (float64, error) {
	ctx := context.Background()
	var parts [adamChunks]float64
	err := e.parallel(ctx, adamChunks, func(_, i int) error {
		if err := e.adds[i].Run(ctx); err != nil {
			return fmt.Errorf("train: %w", err)
		}
		first, end := e.chunk(i)
		parts[i] = squares(e.sum[first:end])
		return nil
	})
	total := 0.0
	for _, p := range parts {
		total += p
	}
	norm := math.Sqrt(total)
	e.factor[0] = float32(clipFactor(norm, e.cfg.ClipNorm))
	return norm, err
}

// shrink takes weight decay's share of the old weights off the new ones, from first
// to end of the vector.
func (e *engine) shrink(first, end int, share float64) {
	by := float32(share)
	for _, d := range e.decay {
		low, high := max(d[0], first), min(d[1], end)
		if low >= high {
			continue
		}
		next, old := e.next[0][low:high], e.params[low:high]
		for i, p := range old {
			next[i] -= float32(by * p)
		}
	}
}
