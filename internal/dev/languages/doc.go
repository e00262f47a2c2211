// Package languages draws from the one-file samplers of the shipped models with the
// example programs of every language, and with other engines than ONNX Runtime, as far as
// the machine's toolchains allow, and compares the pixels with the sampler's. It is all
// tests: make languages runs every engine.
package languages
