// Package goruntime runs ONNX graphs in Go: no shared library, no cgo.
package goruntime
