//go:build arm64 || riscv64 || ppc64le || s390x || loong64

package kernel

// fma is x·y + z, rounded once: the compiler fuses the two operations on these
// architectures, which a test holds it to.
func fma(x, y, z float32) float32 { return x*y + z }
