package kernel

import "unsafe"

// winogradInputs does the first elements, and tells how many.
func winogradInputs(dst []float32, step int, pixels [][]float32) int {
	n := len(pixels[0]) &^ 15
	if !hasAVX2 || n == 0 {
		return 0
	}
	b := blocks{length: bytes(n), step: bytes(step), points: unsafe.Pointer(&dst[0])}
	for k, p := range pixels {
		b.pixels[k] = unsafe.Pointer(&p[0])
	}
	switch {
	case hasAVX512 && len(pixels) == 6:
		winogradIn3AVX512(&b)
	case hasAVX512:
		winogradIn2AVX512(&b)
	case len(pixels) == 6:
		winogradIn3AVX2(&b)
	default:
		winogradIn2AVX2(&b)
	}
	return n
}

// winogradSums does the first elements, and tells how many.
func winogradSums(taps int, pixels, adds *[WinogradOutputs][]float32, src []float32, step int) int {
	n := len(pixels[0]) &^ 15
	if !hasAVX2 || n == 0 {
		return 0
	}
	b := blocks{length: bytes(n), step: bytes(step), points: unsafe.Pointer(&src[0])}
	for k := range pixels {
		b.pixels[k], b.adds[k] = unsafe.Pointer(&pixels[k][0]), unsafe.Pointer(&adds[k][0])
	}
	switch {
	case hasAVX512 && taps == 3:
		winogradOut3AVX512(&b)
	case hasAVX512:
		winogradOut2AVX512(&b)
	case taps == 3:
		winogradOut3AVX2(&b)
	default:
		winogradOut2AVX2(&b)
	}
	return n
}
