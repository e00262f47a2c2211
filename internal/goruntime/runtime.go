package goruntime

import (
	"fmt"
	"slices"

	"pixelcnn/internal/goruntime/kernel"
	"pixelcnn/internal/onnx"
)

// Config says what a runtime may use. The zero value is the default.
type Config struct {
	// Limits bound the models that are loaded. Memory is also how many bytes a session
	// or a binding may take for itself, beside the model file and the caller's tensors.
	Limits onnx.Limits
}

// Runtime implements [onnx.Runtime] in Go. It is safe for concurrent use.
type Runtime struct{ limits onnx.Limits }

// Fast tells whether this processor is one for which the kernels are vector instructions
// throughout. Where they are not, ONNX Runtime is the faster.
func Fast() bool { return kernel.Fast() }

// New makes a runtime. Its error wraps [onnx.ErrLimits].
func New(c Config) (*Runtime, error) {
	limits, err := c.Limits.WithDefaults()
	if err != nil {
		return nil, fmt.Errorf("goruntime: %w", err)
	}
	return &Runtime{limits}, nil
}

// Limits are those that models are held to, complete with the defaults.
func (r *Runtime) Limits() onnx.Limits { return r.limits }

// Name tells this runtime from others where results are kept, as [onnx.NameOf] wants it.
func (r *Runtime) Name() string { return "go" }

// Load makes a session of a model, whose tensors it keeps.
//
// It computes what depends on constants alone, and checks all shapes if those of
// the inputs are fixed. Where they are not, it tries some usual sizes for the free
// dimensions and refuses the model only if none of them fits.
//
// Errors: those of [onnx.Check], [*UnknownOpError], [*OpsetError], [*NodeError]
// (with [ErrTooLarge] in it, or not), settings that are not supported.
func (r *Runtime) Load(model *onnx.Model, opt onnx.SessionOptions) (onnx.Session, error) {
	if opt.Threads < 0 {
		return nil, fmt.Errorf("goruntime: %w: %d threads, must be 0 (for one) or more", ErrOption, opt.Threads)
	}
	m, meter, err := onnx.Check(model, r.limits)
	if err != nil {
		return nil, fmt.Errorf("goruntime: %w", err)
	}
	if v := m.Opsets[""]; v < minOpset || v > maxOpset {
		return nil, &OpsetError{v}
	}
	for _, n := range m.Graph.Nodes {
		if err := checkNode(n); err != nil {
			return nil, err
		}
	}
	s := &session{
		graph: m.Graph, opset: m.Opsets[""], threads: max(1, opt.Threads), fast: opt.Fast, maxMemory: r.limits.Memory, meter: meter,
		uses:  map[*onnx.Value]int{},
		packs: &packs{known: map[packKey][]float32{}, taps: map[tapKey]*taps{}, live: map[*value][]int{}, sparse: map[sparseKey]*sparse{}},
	}
	if opt.ProfilePrefix != "" {
		s.profile, s.profilePrefix = &profile{nodes: map[*onnx.Node]*nodeTime{}}, opt.ProfilePrefix
	}
	if s.inputs, err = onnx.Infos("input", m.Graph.Inputs); err != nil {
		return nil, fmt.Errorf("goruntime: %w", err)
	}
	if s.outputs, err = onnx.Infos("output", m.Graph.Outputs); err != nil {
		return nil, fmt.Errorf("goruntime: %w", err)
	}
	s.nodes = s.needed()
	if err := s.fold(); err != nil {
		return nil, err
	}
	if err := s.try(); err != nil {
		return nil, err
	}
	return s, nil
}

// needed lists the nodes that the outputs need, in order, and counts the uses of
// values by them.
func (s *session) needed() []*onnx.Node {
	for _, v := range s.graph.Outputs {
		s.uses[v]++
	}
	var nodes []*onnx.Node
	for _, n := range slices.Backward(s.graph.Nodes) {
		if !slices.ContainsFunc(n.Outputs, func(v *onnx.Value) bool { return v != nil && s.uses[v] > 0 }) {
			continue
		}
		nodes = append(nodes, n)
		for _, v := range n.Inputs {
			s.uses[v]++
		}
	}
	slices.Reverse(nodes)
	return nodes
}

// fold computes what depends on constants alone, once for all bindings.
func (s *session) fold() error {
	p := s.binder()
	var left []*onnx.Node
	for _, n := range s.nodes {
		constant := true
		for _, v := range n.Inputs {
			known := v == nil || p.value(v) != nil // the file's constants are entered here
			constant = constant && known
		}
		if !constant {
			left = append(left, n)
			continue
		}
		if err := p.nodes([]*onnx.Node{n}); err != nil {
			return err
		}
	}
	for _, v := range p.values {
		v.shared = true
	}
	s.nodes, s.constants = left, p.values
	s.maxMemory = p.memory
	return nil
}

// trials are sizes that free dimensions usually take.
var trials = []int{1, 2, 3, 4, 8, 16, 28, 32, 64, 128, 256}

// try binds the graph without running it.
func (s *session) try() error {
	free := false
	for _, info := range s.inputs {
		if info.Shape == nil {
			return nil
		}
		free = free || slices.Contains(info.Shape, -1)
	}
	var first error
	for _, size := range trials {
		p := s.binder()
		for i, v := range s.graph.Inputs {
			shape := slices.Clone(s.inputs[i].Shape)
			for k, d := range shape {
				if d < 0 {
					shape[k] = size
				}
			}
			if _, err := onnx.Size(shape); err != nil {
				return fmt.Errorf("goruntime: input %q: %w", v.Name, err)
			}
			p.values[v] = newValue(v.DType, shape)
			p.shapes += fmt.Sprint(shape)
		}
		err := p.nodes(s.nodes)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
		if !free {
			break
		}
	}
	return first
}
