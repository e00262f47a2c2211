package kernel

// inputs does the first elements of each block, and tells how many.
func (t Tiles) inputs(dst []float32, pixels [][]float32) int {
	n := t.Block &^ 15
	if !hasAVX2 || n == 0 {
		return 0
	}
	transform := winogradIn2AVX2
	switch {
	case hasAVX512 && t.Taps == 3:
		transform = winogradIn3AVX512
	case hasAVX512:
		transform = winogradIn2AVX512
	case t.Taps == 3:
		transform = winogradIn3AVX2
	}
	b := blocks{length: bytes(n), step: bytes(t.Step)}
	for tile := range t.Count {
		b.points = at(dst, tile*t.Block)
		for k, p := range pixels {
			b.pixels[k] = at(p, tile*WinogradOutputs*t.Block)
		}
		transform(&b)
	}
	return n
}

// sums does the first elements of each block, and tells how many.
func (t Tiles) sums(pixels, adds *[WinogradOutputs][]float32, next int, src []float32) int {
	n := t.Block &^ 15
	if !hasAVX2 || n == 0 {
		return 0
	}
	transform := winogradOut2AVX2
	switch {
	case hasAVX512 && t.Taps == 3:
		transform = winogradOut3AVX512
	case hasAVX512:
		transform = winogradOut2AVX512
	case t.Taps == 3:
		transform = winogradOut3AVX2
	}
	b := blocks{length: bytes(n), step: bytes(t.Step)}
	for tile := range t.Count {
		b.points = at(src, tile*t.Block)
		for k := range pixels {
			b.pixels[k], b.adds[k] = at(pixels[k], tile*WinogradOutputs*t.Block), at(adds[k], tile*next)
		}
		transform(&b)
	}
	return n
}
