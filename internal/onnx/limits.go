package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Limits bound what a model file may ask of the machine; see [Check]. A field that is
// zero means its default.
type Limits struct {
	// FileBytes is the length of the file. Default 512 MiB.
	FileBytes int64
	// Nodes is the number of nodes, those of subgraphs included. Default 20,000.
	Nodes int
	// Depth is how deep graphs may be nested in nodes. Default 4.
	Depth int
	// TensorBytes is the size of any one tensor, a constant or one that is computed.
	// Default 512 MiB.
	TensorBytes int64
	// Memory is the size of all tensors that a run computes and holds at once.
	// Default 2 GiB.
	Memory int64
	// Operations is the number of multiplications and other operations on elements in
	// a run. Default 4·10¹², about a minute of one processor.
	Operations int64
	// Operators are further operators to let through, "Name" for ONNX's own and
	// "domain:Name" for others. Nothing is known of them here: what they make, and what
	// is made of that, counts towards none of the limits.
	Operators []string
}

// ErrLimit is wrapped by every [*LimitError].
var ErrLimit = errors.New("onnx: over the limit")

// LimitError is a model that asks for more than [Limits] allow.
type LimitError struct {
	Limit     string // the field of [Limits]
	What      string // what is over it
	Have, Max int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%v: %s: %d, at most %d is allowed (Limits.%s)", ErrLimit, e.What, e.Have, e.Max, e.Limit)
}

// Unwrap makes errors.Is(err, ErrLimit) true.
func (e *LimitError) Unwrap() error { return ErrLimit }

// ErrLimits is wrapped by the error about a field of [Limits] that makes no sense.
var ErrLimits = errors.New("onnx: invalid limits")

// WithDefaults checks the limits and fills in the defaults.
func (l Limits) WithDefaults() (Limits, error) {
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"FileBytes", l.FileBytes},
		{"Nodes", int64(l.Nodes)},
		{"Depth", int64(l.Depth)},
		{"TensorBytes", l.TensorBytes},
		{"Memory", l.Memory},
		{"Operations", l.Operations},
	} {
		if f.value < 0 {
			return l, fmt.Errorf("%w: %s is %d, must be 0 (for the default) or more", ErrLimits, f.name, f.value)
		}
	}
	l.FileBytes = cmp.Or(l.FileBytes, 512<<20)
	l.Nodes = cmp.Or(l.Nodes, 20_000)
	l.Depth = cmp.Or(l.Depth, 4)
	l.TensorBytes = cmp.Or(l.TensorBytes, 512<<20)
	l.Memory = cmp.Or(l.Memory, 2<<30)
	l.Operations = cmp.Or(l.Operations, 4e12)
	return l, nil
}

// trusts tells whether the caller lets an operator through by name.
func (l Limits) trusts(n *Node) bool {
	name := n.Op
	if n.Domain != "" {
		name = n.Domain + ":" + n.Op
	}
	return slices.Contains(l.Operators, name)
}

// A Limited runtime says which limits its models must keep.
type Limited interface{ Limits() Limits }

// LoadFile reads a model file within a runtime's limits and loads it there.
func LoadFile(rt Runtime, file []byte, opt SessionOptions) (Session, error) {
	m, err := UnmarshalWithin(file, LimitsOf(rt))
	if err != nil {
		return nil, err
	}
	return rt.Load(m, opt)
}

// LimitsOf returns the limits of a runtime, the defaults where it has none.
func LimitsOf(rt Runtime) Limits {
	if l, ok := rt.(Limited); ok {
		return l.Limits()
	}
	return Limits{}
}
