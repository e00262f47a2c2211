package train

import (
	"fmt"

	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

// A slot is one parameter's place in the packed vector.
//
// A weight is packed as [In, taps, Out] over its live taps only, in raster order,
// so that masked entries take no part in anything; a bias as [1, Out],
// an embedding's table as it is. The weight of a
// narrowing 1×1 convolution lies the other way round, [Out, In]: its gradient then is
// a product whose transposed side is the narrow one, which is cheaper.
type slot struct {
	param models.Param
	flip  bool  // it is [Out, In]
	shape []int // as the graph takes it, of rank 2
	off   int
	turn  int // place in the turned vector, of spatial weights; see [packing.turn]
}

func (s slot) len() int { return s.shape[0] * s.shape[1] }

// tensor is the view of the slot in a packed vector.
func (s slot) tensor(vec []float32) *onnx.Tensor {
	return onnx.NewTensor(vec[s.off:s.off+s.len():s.off+s.len()], s.shape...)
}

// A packing is the packed form of a model's parameters: one vector in which each
// starts at a cache line. What is between them stays zero.
type packing struct {
	slots  []slot
	len    int // a multiple of adamChunks·align
	turned int // length of the turned vector
}

// align is a cache line, in elements.
const align = 16

func newPacking(n network) packing {
	var l packing
	for _, p := range n.Params() {
		s := slot{param: p, off: l.len}
		switch p.Kind {
		case models.Bias:
			s.shape = []int{1, p.Conv.Out}
		case models.Table:
			s.shape = p.Shape
		case models.Weight:
			s.shape = []int{p.Conv.In, len(p.Conv.Taps()) * p.Conv.Out}
			if s.flip = p.Conv.Kernel == 1 && p.Conv.Out < p.Conv.In; s.flip {
				s.shape = []int{p.Conv.Out, p.Conv.In}
			}
			if s.spatial() {
				s.turn = l.turned
				l.turned += roundUp(s.len(), align)
			}
		}
		l.slots = append(l.slots, s)
		l.len = roundUp(l.len+s.len(), align)
	}
	l.len = roundUp(l.len, adamChunks*align)
	return l
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

// tensors are the views of all slots in vec.
func (l packing) tensors(vec []float32) []*onnx.Tensor {
	out := make([]*onnx.Tensor, len(l.slots))
	for i, s := range l.slots {
		out[i] = s.tensor(vec)
	}
	return out
}

// spatial tells whether the slot is a weight with a kernel over 1.
func (s slot) spatial() bool { return s.param.Kind == models.Weight && s.param.Conv.Kernel > 1 }

// turn copies the weights of spatial convolutions into dst as [taps, In, Out]. The
// forward pass sums over taps and inputs and wants them so; the backward pass sums
// over taps and outputs. Turning them once a step is cheaper than in every pass.
func (l packing) turn(dst, vec []float32) {
	for _, s := range l.slots {
		if !s.spatial() {
			continue
		}
		in, out := s.param.Conv.In, s.param.Conv.Out
		taps := s.len() / (in * out)
		for i := range in {
			for t := range taps {
				copy(dst[s.turn+(t*in+i)*out:][:out], vec[s.off+(i*taps+t)*out:])
			}
		}
	}
}

// turnedShape is the shape of a spatial weight in the turned vector.
func (s slot) turnedShape() []int {
	return []int{s.len() / s.param.Conv.Out, s.param.Conv.Out}
}

// inputs are the tensors that a pass takes its weights from: the views of all slots
// in vec, then those of the spatial ones in turned.
func (l packing) inputs(vec, turned []float32) []*onnx.Tensor {
	out := l.tensors(vec)
	for _, s := range l.slots {
		if s.spatial() {
			out = append(out, onnx.NewTensor(turned[s.turn:s.turn+s.len():s.turn+s.len()], s.turnedShape()...))
		}
	}
	return out
}

// each calls f with the index of every live element, in the dense parameter and in
// the packed vector, in the dense one's order.
func (s slot) each(f func(dense, packed int)) {
	c := s.param.Conv
	if s.param.Kind != models.Weight {
		for i := range s.len() {
			f(i, s.off+i)
		}
		return
	}
	taps := c.Taps()
	r := c.Kernel / 2
	for o := range c.Out {
		for i := range c.In {
			for t, tap := range taps {
				dense := ((o*c.In+i)*c.Kernel+tap.DY+r)*c.Kernel + tap.DX + r
				packed := (i*len(taps)+t)*c.Out + o
				if s.flip {
					packed = dense
				}
				f(dense, s.off+packed)
			}
		}
	}
}

// unpack returns the parameters by name in the form of [models.Model].Weights.
func (l packing) unpack(vec []float32) map[string][]float32 {
	w := make(map[string][]float32, len(l.slots))
	for _, s := range l.slots {
		dense := make([]float32, s.param.Len())
		s.each(func(d, p int) { dense[d] = vec[p] })
		w[s.param.Name] = dense
	}
	return w
}

// pack is the inverse of unpack. A masked entry that is not zero is an error: it
// would be lost.
func (l packing) pack(w map[string][]float32) ([]float32, error) {
	vec := make([]float32, l.len)
	for _, s := range l.slots {
		dense := w[s.param.Name]
		if len(dense) != s.param.Len() {
			return nil, fmt.Errorf("%w: %s has %d elements, want %d", models.ErrWeights, s.param.Name, len(dense), s.param.Len())
		}
		hidden := 0
		for _, x := range dense {
			if x != 0 {
				hidden++
			}
		}
		s.each(func(d, p int) {
			vec[p] = dense[d]
			if dense[d] != 0 {
				hidden--
			}
		})
		if hidden > 0 {
			return nil, fmt.Errorf("%w: %s has %d entries that its mask hides and that are not zero", models.ErrWeights, s.param.Name, hidden)
		}
	}
	return vec, nil
}
