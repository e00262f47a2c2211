package sampler

// Uniforms gives tests the coins of an image.
func Uniforms(pixels int, seed, index uint64) []float64 {
	u := make([]float64, pixels)
	uniforms(u, seed, index)
	return u
}

// SharesImage tells whether one image can be run with many labels at once.
func SharesImage(s *Spec) bool { return s.sharesImage() }
