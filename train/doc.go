// Package train trains a model: it writes the training step as an ONNX graph and has a
// runtime run that, ONNX Runtime or the one in Go.
//
//	t, err := train.New(rt, model, &set.Train, train.Config{Epochs: 10})
//	err = t.Run(ctx, func(s train.Step) error { fmt.Println(s.Step, s.Loss); return nil })
//	l, err := t.Evaluate(ctx, &set.Test)
//	model.Weights = t.Weights()
//
// # The step
//
// A step deals its batch out to passes of a few images, as many as keep their
// activations in a core's cache. A pass is one run of one graph: the loss forward, the
// gradient back, added to the gradient so far. Passes run on all cores at once, each
// run on one thread. The batch is cut into 16 lanes, each with a gradient of its own
// that its passes add to one after the other, so the result does not depend on the
// number of threads, bit by bit. A second graph adds the lanes' gradients in order
// and updates the parameters by Adam.
//
// Parameters, gradients and moments are vectors on the Go side. The graphs' inputs
// and outputs are views of them (packing.go), so nothing is copied on the way. A batch
// that does not fill its last pass gets a graph of the size that is left.
//
// What [Config] turns on beside is done on the vectors in Go, chunk by chunk as the update:
// the moving average and weight decay after Adam's graph, the norm of the gradient
// before, between a graph that adds up the lanes and one that takes the sum. All of it
// together is 0.1 ms of a step of 44; see BenchmarkUpdate. Flips are drawn for each
// epoch, as its order is, and made while the batch is put together.
//
// # What comes out
//
// [Trainer.Weights] and [Trainer.Evaluate] always mean the same weights: those that were
// best on [Config].Validation, else the moving average, else the parameters of now. A
// checkpoint has all three, and where the run was between a step and its validation.
//
// Each runtime gives the same bytes for any number of threads, and after any stop. Two of
// them differ in the last bits, so a checkpoint names its runtime ([RuntimeOf]), and a run
// goes on with that.
//
// # Errors
//
// Each wraps one of these, which errors.Is and errors.As tell apart:
//
//   - [ErrConfig]: a field of [Config] makes no sense;
//   - [ErrData]: the images do not fit the model;
//   - [models.ErrConfig], [models.ErrWeights]: the model is not one that models.New made, or
//     the weights to start from do not fit it;
//   - [ErrNoCheckpoint], [ErrCheckpointExists]: of the checkpoint folder, where to go on
//     or to start;
//   - [ErrCheckpointFormat]: no checkpoint in it is whole. Each ends with a checksum; a
//     damaged one is passed over for the one before it;
//   - [*MismatchError]: the checkpoint is from a run with other settings;
//   - [*DivergedError]: the loss or a weight is no longer a finite number;
//   - [ErrClosed]: the trainer is closed;
//   - [ErrProfile]: there is no profile to read, or what is there is none;
//   - context.Canceled and context.DeadlineExceeded, [*fs.PathError] of files that cannot be
//     read or written, and the runtime's own.
//
// A checkpoint is read with no more memory than the model's parameters take, whatever it
// says of itself.
//
// # The tape
//
// [models.Model].Build calls the tape (tape.go) layer by layer. Each call adds the
// forward nodes to the graph and notes how to go back. An activation is a matrix with a
// row per pixel and image and a column per channel. A convolution gathers its live
// taps side by side and is one product; its gradients are two products of the
// gathered gradient of its output (conv.go).
//
// To add an operator, write its method of [models.Builder] on the tape and a case in
// TestGradients, which compares with differences in float64.
//
// # What made it fast, with the runtime in Go
//
// Measured on two cores of a Zen 5 server with AVX-512, 64 filters, 5 blocks, batch 128;
// times are of a pass of 4 images on one core, the least of many, and BenchmarkStep
// repeats them. The products' multiply-adds over live taps take 1.13 ms of a pass at the
// 270 GFLOP/s that the processor can do, and a pass takes 1.37. At first it took 4.9.
//
//   - Gathered rows are read where they are, by lots of pixels that see the same
//     neighbours: forward, for the input's gradient and for the weight's. Hidden taps and
//     those outside the picture are not there at all. With the next: 4.9 to 1.48 ms.
//   - Bias, relu and the skip connection, and backward relu's gradient and the sum of
//     gradients, are done while the result is in registers; the gradient so far is what
//     a weight's gradient starts from.
//   - Softmax takes the exponentials of many rows at once, 60 to 15 µs; factors are packed
//     by blocks of 8×8, 33 to 10 µs; what works element by element goes by parts of a
//     thousand elements, which took the gated model's gates from 0.72 to 0.37 ms of a pass
//     of 4, and an update of the reference model from 0.87 to 0.2 ms. Four vectors at a time
//     made the gates 0.26 ms: of one after the other the processor sees too little ahead.
//   - Passes of the last lanes are dealt out one by one, so that no thread waits for a whole
//     lane of another.
//   - Gradients of weights where they arise in the file, not last: their arguments' memory
//     is free for others then, 7.2 MB a pass of the gated model in place of 9.5. On one
//     thread it makes no difference; two share the third-level cache, 66.4 to 63.2 ms.
//   - Bindings by thread, not by lane: one is some 280 steps, which then are in the cache.
//     Lanes get a copy of their gradient in the end. 2 % of the gated model's step.
//
// What is left of a pass, in µs: 1280 in products at 240 to 260 GFLOP/s, but for those
// of 4 logits, which are a quarter of a vector (15), and bias gradients, which are
// chains of sums (30); relu of the skip connection 17, softmax 15, the rest 25.
//
// # What made it fast, with ONNX Runtime
//
// Measured on the same machine, where its products alone take 26 ms and a step 43 to 44.
//
//   - Passes of 4 images: 44 ms; of 2: 44, of 8: 46, of 16: 55, of 64: 70.
//   - A yield after each run, see engine.run: 50 to 44 ms. It is Go's monitor thread
//     that takes the time.
//   - The order of nodes in the file, see tape.leavesLast: 5 %. With parameter gradients where
//     they arise, the runtime leaves them all to the end, out of the cache.
//   - The relu gradient as HardSigmoid and Mul rather than Greater and Where: 7 %.
//   - In the backward pass, the gradient gathered rather than the input: no sum over taps,
//     which was the slowest operator of all.
//   - Rows in the order of pixels, the images of a pixel together: the first layer
//     gathers all of them at once. It does not matter to anything else.
//   - Small things, 1 % each: narrowing weights the other way round, spatial weights
//     turned once a step (packing.go), the first layer gathered in two stages.
//
// # What did not help ONNX Runtime
//
//   - Channels outside, pixels inside, [channels, M]: weight gradients a third faster,
//     forward and input gradients a third slower, and gathering takes 20 times as long.
//   - Transposing a side of a weight gradient's product first: the runtime's own
//     transposed product (120 of 200 GFLOP/s) costs the same.
//   - The weight gradient as batched products and a sum: no faster at these sizes.
//   - Slices of padded images rather than a gather: as many copies, and more products.
//   - GatherND, 64-bit indices: slower, the same.
//   - One product a tap, each adding to the one before: the runtime copies the summand.
//   - The skip connection as the summand of the product: then the bias needs a pass.
//   - Max with the bias in place of Relu and a bias: broadcasting costs three times as much.
//   - A session a core, or a processor of Go's more than cores: no difference.
//   - Operators of the com.microsoft domain: the optimiser already fuses Gemm and Relu,
//     and there is no fused relu gradient.
package train
