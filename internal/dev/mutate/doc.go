// Package mutate has a test that damages model files in as many ways as it is told, and
// shows each damaged file to everything that reads one:
//
//	go test ./internal/dev/mutate                                  some, as among the other tests
//	go test ./internal/dev/mutate -run Mutants -timeout 0 -v -mutants 100000 -seed 3
//
// A case is a model with some bits flipped, a span cut, moved or taken from another file,
// a field of the protobuf message changed, or the graph itself edited: operators,
// attributes, edges, constants, sizes. The same seed gives the same cases, so -from and
// -mutants repeat any of them. Each case goes through the checks, the compiler and the
// sampler on the runtime in Go, which draws where it can; what the checks let through is
// loaded and run by ONNX Runtime.
//
// All that happens in child processes, which take one case after the other. A case is a
// finding where there is a panic, a child dies, or a case takes longer or more memory than
// it may; its file is saved, and the test fails.
package mutate
