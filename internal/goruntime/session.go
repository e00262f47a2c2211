package goruntime

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"pixelcnn/internal/onnx"
)

// session implements [onnx.Session].
type session struct {
	graph           *onnx.Graph
	opset           int64
	nodes           []*onnx.Node           // those that are left after folding
	uses            map[*onnx.Value]int    // by the nodes that are needed, and by outputs
	constants       map[*onnx.Value]*value // the file's and those computed from them
	packs           *packs
	memories        memories
	threads         int
	fast            bool
	profile         *profile // nil where none is wanted
	profilePrefix   string
	maxMemory       int64
	meter           *onnx.Meter
	inputs, outputs []onnx.ValueInfo

	mu       sync.Mutex
	bindings int
	closed   bool
}

func (s *session) Inputs() []onnx.ValueInfo { return onnx.CloneInfos(s.inputs) }

func (s *session) Outputs() []onnx.ValueInfo { return onnx.CloneInfos(s.outputs) }

func (s *session) binder() *binder {
	p := &binder{opset: s.opset, uses: s.uses, values: maps.Clone(s.constants), packs: s.packs, threads: s.threads, memory: s.maxMemory, fast: s.fast}
	if p.values == nil {
		p.values = map[*onnx.Value]*value{}
	}
	return p
}

// Bind makes the graph ready for tensors of these shapes; see [onnx.Session]. A tensor that
// does not fit is a [*ShapeError] or [*TypeError], a node that does not fit them a
// [*NodeError].
func (s *session) Bind(inputs, outputs []*onnx.Tensor) (onnx.Binding, error) {
	if err := onnx.Fit("input", s.inputs, inputs); err != nil {
		return nil, fmt.Errorf("goruntime: %w", err)
	}
	if err := onnx.Fit("output", s.outputs, outputs); err != nil {
		return nil, fmt.Errorf("goruntime: %w", err)
	}
	shapes := make([][]int, len(inputs))
	for i, t := range inputs {
		shapes[i] = t.Shape
	}
	if err := s.meter.Check(shapes); err != nil {
		return nil, fmt.Errorf("goruntime: %w", err)
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, fmt.Errorf("goruntime: session %w", ErrClosed)
	}
	s.bindings++
	s.mu.Unlock()
	b, err := s.bind(inputs, outputs)
	if err != nil {
		s.release()
		return nil, err
	}
	return b, nil
}

func (s *session) release() {
	s.mu.Lock()
	s.bindings--
	s.mu.Unlock()
}

func (s *session) bind(inputs, outputs []*onnx.Tensor) (*binding, error) {
	p := s.binder()
	for i, v := range s.graph.Inputs {
		in := newValue(v.DType, slices.Clone(inputs[i].Shape))
		in.data = pointer(inputs[i].Data)
		p.values[v] = in
		p.shapes += fmt.Sprint(in.shape)
	}
	if err := p.nodes(s.nodes); err != nil {
		return nil, err
	}
	var results, made []*value
	for i, v := range s.graph.Outputs {
		got := p.values[v]
		if got == nil {
			if got = p.value(v); got == nil {
				return nil, fmt.Errorf("goruntime: %w: nothing makes the output %q", onnx.ErrFormat, v.Name)
			}
		}
		if got.dtype != s.outputs[i].DType {
			return nil, fmt.Errorf("goruntime: %w", &TypeError{Name: v.Name, Want: got.dtype, Got: s.outputs[i].DType})
		}
		if !slices.Equal(got.shape, outputs[i].Shape) {
			return nil, fmt.Errorf("goruntime: %w", &ShapeError{Name: v.Name, Want: got.shape, Got: outputs[i].Shape})
		}
		if err := p.dense(&node{Node: &onnx.Node{Op: "Transpose", Name: v.Name}}, got); err != nil {
			return nil, err
		}
		if r, _ := got.root(); r.local && r.data == nil && r.count == got.count {
			r.data, r.local = pointer(outputs[i].Data), false // made where it should be
			made = append(made, r)
			continue
		}
		to := newValue(got.dtype, got.shape)
		to.data = pointer(outputs[i].Data)
		n := &node{Node: &onnx.Node{Op: "Identity", Name: v.Name}}
		if err := p.move(n, to, got, newLoops(got.shape, strides(got.shape), strides(got.shape))); err != nil {
			return nil, err
		}
		results, made = append(results, got), append(made, to)
	}
	p.prune(made)
	l, err := p.place(results)
	if err != nil {
		return nil, fmt.Errorf("goruntime: %w", err)
	}
	b := &binding{session: s, steps: p.steps, placement: l, workers: newWorkers(s.threads)}
	for _, step := range b.steps {
		if step.prepare != nil {
			step.prepare()
		}
	}
	m := s.memories.take(nil, l.size)
	b.use(m)
	b.joined = joinSweeps(b.steps)
	s.memories.put(m)
	return b, nil
}

// Close frees the session, and writes its profile where one is wanted. It fails,
// wrapping [ErrInUse], while bindings are open.
func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	if s.bindings > 0 {
		return fmt.Errorf("goruntime: session %w by %d bindings: close them first", ErrInUse, s.bindings)
	}
	s.closed = true
	s.constants, s.packs, s.nodes = nil, nil, nil
	if s.profile != nil {
		return s.profile.write(s.profilePrefix)
	}
	return nil
}
