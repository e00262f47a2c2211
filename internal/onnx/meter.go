package onnx

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// A Meter tells, from the sizes of a model's inputs, what one run of it takes. It does so
// by inferring the size of every value, without computing any but the small ones that
// are sizes themselves. It is safe for concurrent use.
type Meter struct {
	model  *Model
	limits Limits

	visits int // nodes read so far, to bound the rounds of loops

	mu    sync.Mutex
	known map[string]error // verdicts by the inputs' sizes; nil where these are fixed
}

// maxKnown bounds the number of verdicts that are kept.
const maxKnown = 1 << 10

// small is the number of elements up to which a [Meter] computes, or keeps, a constant.
const small = 1 << 12

// maxVisits bounds the number of nodes that are read for one verdict, where each round of a loop
// counts. Reading that many takes a few seconds; a one-file sampler of a large network with
// attention has as many.
const maxVisits = 1 << 20

// trials are the sizes that are tried for free dimensions: of the first dimension, the batch, and
// of the others.
var trials = func() (sizes [][2]int) {
	for _, n := range []int{28, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32, 48, 64, 96, 128, 224, 256} {
		sizes = append(sizes, [2]int{1, n})
	}
	for _, n := range []int{2, 3, 4, 8, 16, 28} {
		sizes = append(sizes, [2]int{n, n})
	}
	return sizes
}()

// trialShapes are the shapes of a graph's inputs with a size for what is free.
func trialShapes(g *Graph, size [2]int) [][]int {
	shapes := make([][]int, len(g.Inputs))
	for i, v := range g.Inputs {
		shapes[i] = Sizes(v.Shape)
		for k, d := range shapes[i] {
			if d < 0 {
				shapes[i][k] = size[min(k, 1)]
			}
		}
	}
	return shapes
}

// newMeter measures the model for its fixed sizes, or for small ones where some are free.
func newMeter(m *Model, l Limits) (*Meter, error) {
	t := &Meter{model: m, limits: l, known: map[string]error{}}
	free := false
	for _, v := range m.Graph.Inputs {
		if v.Shape == nil {
			return t, t.constants()
		}
		free = free || slices.ContainsFunc(v.Shape, func(d Dim) bool { return d.Size < 0 })
	}
	var first error
	for _, size := range trials {
		err := t.measure(trialShapes(m.Graph, size))
		switch {
		case err == nil && !free:
			t.model, t.known = nil, nil // nothing is left to check
			return t, nil
		case err == nil:
			return t, nil
		case !free || !errors.Is(err, ErrShape) || errors.Is(err, errUntold):
			return nil, err
		case first == nil:
			first = fmt.Errorf("%w (with %d for its free dimensions; so it is with all that were tried)", err, size[1])
		}
	}
	// Nothing would be known of such a graph, and a runtime might not survive it.
	return nil, first
}

// Strip drops the elements of the model's large constants, of which only the sizes are
// needed here. The model cannot be used otherwise after that.
func (t *Meter) Strip() {
	if t.model == nil {
		return
	}
	for _, v := range constants(t.model.Graph) {
		if v.Const.Len() > small {
			v.Const = nil // its type and shape stay
		}
	}
}

// Check returns a [*LimitError] where a run for inputs of these sizes takes more than
// the limits allow, and an error that wraps [ErrShape] where the graph does not fit
// them.
func (t *Meter) Check(shapes [][]int) error {
	if t.known == nil {
		return nil
	}
	key := fmt.Sprint(shapes)
	t.mu.Lock()
	defer t.mu.Unlock()
	err, known := t.known[key]
	if !known {
		if len(t.known) >= maxKnown {
			clear(t.known)
		}
		t.visits = 0
		err = t.measure(shapes)
		t.known[key] = err
	}
	return err
}

// measure reads the model for inputs of these sizes. The errors are those of [Meter.Check].
func (t *Meter) measure(shapes [][]int) error {
	r := t.reading()
	g := t.model.Graph
	if len(shapes) != len(g.Inputs) {
		return fmt.Errorf("%w: %d inputs, the graph has %d", ErrShape, len(shapes), len(g.Inputs))
	}
	for i, v := range g.Inputs {
		w := &Value{Name: v.Name, DType: v.DType, Shape: Shape(shapes[i]...)}
		if err := r.bounded(w, fmt.Sprintf("input %q", v.Name)); err != nil {
			return err
		}
		r.values[v] = w
	}
	s, err := r.graph(g, 1)
	if err != nil {
		return err
	}
	if err := r.held(s); err != nil {
		return err
	}
	for _, v := range g.Outputs {
		if got := r.value(v); got.Shape != nil && v.Shape != nil && !fits(got.Shape, v.Shape) {
			return fmt.Errorf("%w: as the file declares it, output %w", ErrShape, &ShapeError{v.Name, Sizes(got.Shape), Sizes(v.Shape)})
		}
	}
	return nil
}

func fits(got, declared []Dim) bool {
	if len(got) != len(declared) {
		return false
	}
	for i, d := range declared {
		if d.Size >= 0 && got[i].Size >= 0 && d.Size != got[i].Size {
			return false
		}
	}
	return true
}

// constants measures what depends on no input.
func (t *Meter) constants() error {
	r := t.reading()
	for _, v := range t.model.Graph.Inputs {
		r.hide(v)
	}
	s, err := r.graph(t.model.Graph, 1)
	if err != nil {
		return err
	}
	return r.held(s)
}

func (t *Meter) reading() *reading {
	return &reading{
		visits:  &t.visits,
		folder:  folder{values: map[*Value]*Value{}, most: small, left: maxFolding, exact: true},
		limits:  t.limits,
		unknown: map[*Value]bool{},
	}
}

// constants lists a graph's constants, those of its subgraphs included, each once.
func constants(g *Graph) []*Value {
	var out []*Value
	seen := map[*Value]bool{}
	note := func(v *Value) {
		if v != nil && v.Const != nil && !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	var walk func(g *Graph)
	walk = func(g *Graph) {
		for _, n := range g.Nodes {
			for _, v := range n.Inputs {
				note(v)
			}
			for _, a := range n.Attrs {
				if sub, ok := a.(*Graph); ok {
					walk(sub)
				}
			}
		}
		for _, v := range g.Outputs {
			note(v)
		}
	}
	walk(g)
	return out
}
