// Package models describes the architectures, once each.
//
// A [Model] is a configuration with its weights. Its Build method calls a [Builder]
// layer by layer, in forward order; what that makes is the builder's affair. The
// exporter's makes Conv nodes of an ONNX inference graph, the trainer's makes a
// training step with a tape, and the one in this package lists the parameters.
//
// Errors wrap [ErrConfig], about a configuration, or [ErrWeights], about what it is to hold.
//
// The package imports the standard library only.
package models
