package sampler

// Uniforms gives tests the coins of an image.
func Uniforms(pixels int, seed, index uint64) []float64 {
	u := make([]float64, pixels)
	uniforms(u, seed, index)
	return u
}
