package goruntime

import (
	"slices"

	"pixelcnn/internal/onnx"
)

// Operators lists the operators, for tests that draw one at random.
func Operators() []string {
	var names []string
	for op := range operators {
		names = append(names, op)
	}
	slices.Sort(names)
	return names
}

// Attributes lists an operator's attributes as name:kind.
func Attributes(op string) string { return operators[op].attrs }

// Steps is the number of steps of a binding.
func Steps(b onnx.Binding) int { return len(b.(*binding).steps) }

// Sweeps is the number of steps of a binding that are left when some are joined.
func Sweeps(b onnx.Binding) int { return len(b.(*binding).joined) }

// Winograds is the number of convolutions of a binding that are done with fewer multiplications:
// their steps write scratch memory, too.
func Winograds(b onnx.Binding) (n int) {
	for _, s := range b.(*binding).steps {
		if s.node.Op == "Conv" && s.flops > 0 && len(s.writes) == 2 {
			n++
		}
	}
	return n
}
