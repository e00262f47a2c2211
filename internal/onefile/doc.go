// Package onefile writes a compiled program as one ONNX graph that draws: the step
// graphs of [compile.Program] inside a Loop over the wave's steps, with the draws in it.
// Any ONNX runtime then makes images with one call. It runs nothing itself.
//
//	p, err := compile.Compile(model, compile.Options{Few: true})
//	m, err := onefile.Build(p, onefile.Options{Values: values})
//
// Only operators of the default domain are used, and nothing is unrolled, so that the
// file is about as large as the model.
//
// # How
//
// follow (trail.go) plays the program's schedule through on the slots of its caches and
// notes for every row that a step reads which step made it, and where in its output. So
// the caches' layout is gone, and what is left is: so many steps ago, that row.
//
// The loop carries, for each cache, what was written in each of the last few steps as
// a value of its own (memory.go). From step to step these values move on by one place,
// which costs a pointer each; nothing is copied but what a step reads. What it reads it
// gathers with tables of row numbers, constants of the graph, of which a step takes its
// slice (body.go). The picture is the one thing that is kept whole: it grows by the
// pixels of a step.
//
// Rows are (pixel, image), images innermost. Where the tables say row k of a pixel, each
// image has its own, k·images + image: that product is made once, before the loop.
//
// # Draws
//
// They are the sampler's (draw.go): softmax in float64 with the maximum subtracted,
// levels counted in order until the cumulative probability passes the coin. What differs
// is the last bits of a runtime's exp and of its logits, and that near ties are not
// settled: a coin within some 1e-6 of a boundary can come out either way.
package onefile
