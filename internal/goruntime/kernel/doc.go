// Package kernel holds the inner loops of the Go runtime: matrix products and
// functions of vectors, in float32; and some in float64, for the exact evaluation of
// near ties (package internal/compile/exact) and for draws and scores.
//
// Every result but [Log64]'s is the same bits on every processor, and the same whatever else is
// computed in the same call. Each element of a product is one chain of fused
// multiply-adds over K, from the first to the last; vector instructions work on
// many elements side by side and never within one. Where the processor has no
// fused multiply-add that Go can reach, it is computed exactly in float64.
//
// amd64 has assembly for AVX2 with FMA and for AVX-512, which is picked when the
// program starts. It is written by the program in gen.
package kernel
