// Package onnx holds an ONNX model in memory and reads and writes its file form.
//
// In memory a graph is objects: a [Node] points at the [Value]s that it reads and
// makes, and a value points back at its node. Names exist for the file only, and
// for messages. [Unmarshal] resolves names once, [Marshal] writes them out again,
// making up those that are missing.
//
// Files of others come in many forms, and most of those are undone on reading, so that nobody
// else sees them: weights in files beside ([ReadFile]), element types that are read as wider
// ones, local functions, and operators that stand for others. [Lower] does what takes a look
// at a whole network. [Model.Notes] tell what is not computed as the file has it.
//
// The codec is written on protowire and registers no protobuf message, since two
// packages that register onnx.ModelProto cannot be in one binary, and other
// readers do register it. The field numbers are those of onnx.proto, IR version 8:
// https://github.com/onnx/onnx/blob/v1.12.0/onnx/onnx.proto
//
// The package also declares what a runtime is to its users: [Runtime], [Session]
// and [Binding] over [Tensor].
//
// [Check] is the entrance for files from strangers: what a node may look like is in
// validate_node.go, shapes are in infer.go and beside it, what is computed of constants in
// fold.go and beside it, limits in limits.go. To let in an operator, add it in these. Operators
// of ONNX Runtime's own are in standard.go.
package onnx
