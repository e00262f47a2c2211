// Package onefile writes a compiled program as one ONNX graph that draws: the step
// graphs of [program.Program] inside a Loop over the wave's steps, with the draws in it.
// Any ONNX runtime then makes images with one call. It runs nothing itself.
//
//	p, err := compile.Compile(model, compile.Options{Latency: true})
//	m, err := onefile.Build(p, onefile.Options{Values: values})
//
// Only operators of the default domain are used, and nothing is unrolled, so that the
// file is about as large as the model.
//
// # How
//
// A program says what a step reads by slots of caches. reach (reaching.go) plays its
// steps through and finds for every row that is read the reaching definition: which step
// made it, and where in its output. So it no longer matters where a cache keeps what; what
// is left is: so many turns ago, that row.
//
// nestOf (nest.go) decides how the loops are nested. Mostly there is one, and its turns
// are the program's steps. Where some stages run in few steps, as those do that make a
// whole row at once, they get an outer loop, whose turns are rows, and the steps are an
// inner one.
//
// What a loop carries (loop.go) of each cache is its history (history.go): what was
// written in each of the last few turns, as a value of its own. From turn to turn these
// values move on by one place, by an Identity each; caches that are written and read
// alike move as one. What a step reads it gathers (read.go) with tables of row numbers,
// constants of the graph, of which a turn takes its slice. The picture is kept whole: it
// grows by the pixels of a step.
//
// The graph keeps to the letter of ONNX's specification and a little more, for the sake of
// engines that are strict or less than complete: each Slice and Squeeze names its axes, a
// Loop has a condition, what it carries has a rank and a shape, its body makes each of its
// outputs. internal/conform holds it to that, and docs/portability.md tells who
// wants what.
//
// Rows are (pixel, image), images innermost. Where the tables say row k of a pixel, each
// image has its own, k·images + image: that product is made once, before the loop. A
// stage that has nothing to do in a turn runs on no rows.
//
// # Draws
//
// They are the sampler's (draw.go), of what the head's nodes give: softmax in float64 with the maximum subtracted,
// levels counted in order until the cumulative probability passes the uniform variate. What differs
// is the last bits of a runtime's exp and of its logits, and that near ties are not
// settled: a variate within some 1e-6 of a boundary can come out either way.
package onefile
