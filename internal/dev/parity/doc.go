// Package parity has a test that draws the same images with every runtime and compares
// them pixel by pixel: ONNX Runtime in each version whose checksum is known, and the runtime
// in Go.
//
//	go test ./internal/dev/parity                            some images
//	go test ./internal/dev/parity -run Runtimes -v -fetch -images 1000
//
// The second prints a Markdown table; -fetch installs the libraries that are not here. A
// process can hold one libonnxruntime only, so each runtime draws in a process of its own:
// the test's program again, with the argument "draw".
package parity
