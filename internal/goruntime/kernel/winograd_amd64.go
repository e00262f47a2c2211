package kernel

import "unsafe"

// winogradInputs does the first elements, and tells how many.
func winogradInputs(dst []float32, step int, pixels [][]float32, n int) int {
	n &^= 15
	if !hasAVX2 || n == 0 {
		return 0
	}
	b := winogradIn{length: bytes(n), points: unsafe.Pointer(&dst[0]), stepPoints: bytes(step)}
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
func winogradSums(taps int, y []float32, stepY int, add []float32, stepAdd int, x []float32, step, n int) int {
	n &^= 15
	if !hasAVX2 || n == 0 {
		return 0
	}
	b := winogradOut{
		length: bytes(n), points: unsafe.Pointer(&x[0]), stepPoints: bytes(step),
		pixels: unsafe.Pointer(&y[0]), stepPixels: bytes(stepY), adds: unsafe.Pointer(&add[0]), stepAdds: bytes(stepAdd),
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
