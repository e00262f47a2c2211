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
	switch two := !hasAVX512; {
	case len(pixels) == 5 && two:
		winogradIn42AVX2(&b)
	case len(pixels) == 5:
		winogradIn42AVX512(&b)
	case len(pixels) == 6 && two:
		winogradIn43AVX2(&b)
	case len(pixels) == 6:
		winogradIn43AVX512(&b)
	case len(pixels) == 9 && two:
		winogradIn82AVX2(&b)
	case len(pixels) == 9:
		winogradIn82AVX512(&b)
	case two:
		winogradIn83AVX2(&b)
	default:
		winogradIn83AVX512(&b)
	}
	return n
}

// winogradSums does the first elements, and tells how many.
func winogradSums(points int, y []float32, stepY int, add []float32, stepAdd int, x []float32, step, n int) int {
	n &^= 15
	if !hasAVX2 || n == 0 {
		return 0
	}
	b := winogradOut{
		length: bytes(n), points: unsafe.Pointer(&x[0]), stepPoints: bytes(step),
		pixels: unsafe.Pointer(&y[0]), stepPixels: bytes(stepY), adds: unsafe.Pointer(&add[0]), stepAdds: bytes(stepAdd),
	}
	switch two := !hasAVX512; {
	case points == 5 && two:
		winogradOut42AVX2(&b)
	case points == 5:
		winogradOut42AVX512(&b)
	case points == 6 && two:
		winogradOut43AVX2(&b)
	case points == 6:
		winogradOut43AVX512(&b)
	case points == 9 && two:
		winogradOut82AVX2(&b)
	case points == 9:
		winogradOut82AVX512(&b)
	case two:
		winogradOut83AVX2(&b)
	default:
		winogradOut83AVX512(&b)
	}
	return n
}
