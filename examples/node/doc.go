// Package node is a program for Node that draws with one ONNX file; the Go in it is its test.
package node
