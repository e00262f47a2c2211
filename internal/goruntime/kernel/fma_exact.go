//go:build !arm64 && !riscv64 && !ppc64le && !s390x && !loong64

package kernel

// fma is x·y + z, rounded once.
func fma(x, y, z float32) float32 { return exactFMA(x, y, z) }

// axpy adds x·b to acc, rounded once.
func axpy(acc *[Panel]float32, x float32, b *[Panel]float32) {
	for i, y := range b {
		p, z := float64(x)*float64(y), float64(acc[i])
		s := p + z
		if doubtful(s) {
			s = roundToOdd(p, z, s)
		}
		acc[i] = float32(s)
	}
}
