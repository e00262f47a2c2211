// Package conform holds every graph that the project writes to ONNX's specification: to
// what readers may rely on, though onnx.checker and ONNX Runtime do without it. It is all
// tests.
//
// https://onnx.ai/onnx/operators (opset 17) and https://onnx.ai/onnx/repo-docs/IR.html
package conform
