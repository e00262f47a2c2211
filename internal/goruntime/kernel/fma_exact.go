//go:build !arm64 && !riscv64 && !ppc64le && !s390x && !loong64

package kernel

// fma is x·y + z, rounded once.
func fma(x, y, z float32) float32 { return exactFMA(x, y, z) }
