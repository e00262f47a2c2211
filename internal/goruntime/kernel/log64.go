package kernel

import "math"

// Log64 writes the natural logarithm of a, element by element, for normal numbers over 0, with
// the bits of [math.Log], which are not the same on every processor. dst may be a.
func Log64(dst, a []float64) { double(dst, a, log64, math.Log) }
