// Package compile turns an autoregressive convolutional network into a program that
// draws an image at the cost of one forward pass. It does not run it; that is for whoever
// has a runtime.
//
//	p, err := compile.Compile(model, compile.Options{})
//	for _, step := range p.Steps { … } // as worker.draw in sampler/internal/engine
//
// The way there, a package each, and each knows only those before it:
//
//   - ir: units, values with a vector of channels at each position, and the accesses by
//     which they read each other. All that relates positions of two units is asked of
//     an access: a new kind of layer that looks at other pixels is a new access.
//   - frontend: the file's nodes become units. Padding, cropping, transposing and
//     picking channels dissolve into how a unit reads others. A new operator goes here.
//   - pass: units are merged, trimmed to where they are needed, and proved causal.
//   - schedule: the least slope s such that every unit can be computed for pixel (y, x)
//     at time x + s·y + offset; which units one graph computes together.
//   - emit: caches, laid out so that what a step reads is blocks of them, the stages'
//     graphs, the steps, the prologue.
//   - program: the result, as data.
//   - exact: an interpreter of the result's units, in float64, for near ties.
package compile
