// Package verify proves an exported file with a second reader: [File] evaluates it with
// ONNX Runtime and, independently, with onnx-go and its gorgonnx backend, which share no
// code with it or with this project, and compares the logits.
//
//	result, err := verify.File(ctx, env, file)
//	fmt.Println(result.MaxDiff) // 4.7e-06
//
// # What onnx-go reads
//
// It reads all that package export writes for an unconditional model: Conv with square
// kernels, equal pads and a bias, Relu, Tanh, Sigmoid, and Add and Mul of values of one
// shape. Such a file is given to it byte for byte. Its graph is built for one batch size, so
// the file is decoded anew for each.
//
// It has no Gather, and no Unsqueeze since opset 13. A class-conditional file is
// therefore given to it specialised to a class for each image of the batch: the input
// "label" becomes a constant, what follows from that alone is computed by package
// internal/onnx, and what is left of the embedding, a constant, is repeated to the shape
// of what it is added to. ONNX Runtime reads the file as it is, classes and all.
//
// # What it gets wrong
//
// For these reasons the exporter uses no more than it does, and shapes are compared before
// elements:
//
//   - Pads are read in the order [top, bottom, left, right], so that [1,1,0,0] gives
//     another shape, and [1,0,1,0] is refused.
//   - A constant of rank 1 is broadcast along every axis of its length: a guess.
//     [1,C,1,1] and [N,C,1,1] are refused, [C,1,1] is right.
//   - An operator with the same value twice, x·x, loses one of them and is refused.
//   - kernel_shape must be given; group and negative axes are not understood.
//   - A file's opset and metadata are not looked at.
//
// # Errors
//
// [*DifferenceError] where the readers differ, [*ReadError] where onnx-go cannot read the
// file, [ErrFile] where it is not one of the exporter's; those of the runtime are wrapped.
//
// The library panics on hostile files, so it is only for files that this project has just
// made; a panic is an error here all the same. It is no longer maintained, so no other
// package uses it.
package verify
