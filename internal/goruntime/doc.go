// Package goruntime runs ONNX graphs in Go, with no shared library and no cgo. It
// implements [onnx.Runtime]:
//
//	rt, err := goruntime.New(goruntime.Config{})
//	s, err := rt.Load(model, onnx.SessionOptions{}) // a decoded file
//	defer s.Close()
//	b, err := s.Bind([]*onnx.Tensor{x}, []*onnx.Tensor{y})
//	defer b.Close()
//	err = b.Run(ctx) // reads x.Data, writes y.Data
//
// It has the operators that convolutional networks for images are made of, and the
// arithmetic on shapes that exporters leave beside them, as operator sets 11 to 23
// define them. A model with any other is refused by Load with [*UnknownOpError].
//
// # From file to binding
//
// Load computes what depends on constants alone. Bind knows all shapes: it binds each
// node once, in file order. Binding a node checks its arguments and adds steps;
// a node whose arguments are all known then is run at once, so that sizes
// that the graph computes are constants to the nodes after it. A matrix product or a
// convolution takes over the sum and the relu that follow it, and reads what a Concat
// would put side by side where it lies. A product also takes over the multiplication by
// the step function that is relu's gradient, and reads what a Gather by known indices
// would lay out where it lies, skipping what is padding (lots.go): so a masked
// convolution and both its gradients are one product each over the taps that are there.
// The product of a tanh and a sigmoid that nobody else reads is one function. A
// chain of convolutions and of what works on each pixel lies as rows, one for each pixel
// and image (rows.go), and its convolutions are such products, too, or where
// [onnx.SessionOptions] lets them, products of fewer multiplications (winograd.go). Steps
// that nobody needs any more are left out. Then each value gets its place: the caller's
// tensor, a part of another value where it is only a view of that, or room in a
// memory that values share which are not needed at the same time. Bindings that run
// in turn share that memory as well. Run goes through the steps and does not
// allocate.
//
// # Numbers
//
// An image's results do not depend on the batch it is in, nor on the number of
// threads, nor on the processor, as far as products, sums, convolutions, relu, elu,
// exp, erf, sigmoid and tanh go: see package kernel. Other functions are computed in
// float64 by package math and rounded, which in very rare cases rounds otherwise on
// another architecture.
//
// Weights that are zero throughout are left out of convolutions, as masked ones have
// many. What is infinite or not a number in a place that only they see does not show.
package goruntime
