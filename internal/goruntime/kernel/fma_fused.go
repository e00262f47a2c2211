//go:build arm64 || riscv64 || ppc64le || s390x || loong64

package kernel

// fma is x·y + z, rounded once: the compiler fuses the two operations on these
// architectures, which a test holds it to.
func fma(x, y, z float32) float32 { return x*y + z }

// axpy adds x·b to acc, rounded once.
func axpy(acc *[Panel]float32, x float32, b *[Panel]float32) {
	for i, y := range b {
		acc[i] = fma(x, y, acc[i])
	}
}
