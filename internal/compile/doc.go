// Package compile turns an autoregressive convolutional network into a program that
// draws an image at the cost of one forward pass. It runs nothing itself.
//
//	p, err := compile.Compile(model, compile.Options{})
//	for _, step := range p.Steps { … } // see sampler
//
// The way there:
//
//   - [onnx.Simplify] fixes the sizes and folds constants.
//   - read (read*.go) turns nodes into units. A unit is a value with a vector of
//     channels at each pixel; padding, cropping, transposing and picking channels
//     dissolve into how a unit reads others: a tap (dy, dx) and a list of channels.
//     Everything is then a sum of matrix products over taps, or works on a pixel by
//     itself.
//   - fuse merges units that one matrix product can compute; trim drops what is not
//     needed and gives every unit an origin.
//   - causal proves that no pixel sees itself or its future.
//   - plan solves the schedule: the least slope s such that every unit can be computed
//     for pixel (y, x) at time x + s·y + offset.
//   - stages divides the units into graphs, newLayout lays out the caches so that what
//     a step reads is blocks of them, emit writes the graphs.
package compile
