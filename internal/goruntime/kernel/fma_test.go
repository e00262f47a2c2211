package kernel

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// reference rounds x·y + z once.
func reference(x, y, z float32) float32 {
	b := func(v float32) *big.Float { return new(big.Float).SetPrec(1000).SetFloat64(float64(v)) }
	p := b(x).Mul(b(x), b(y))
	f, _ := p.Add(p, b(z)).Float32()
	return f
}

func TestFMARoundsOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	bits := func() float32 { return math.Float32frombits(rng.Uint32()&^(0x7f<<23) | 0x30<<23) }
	for i := range 300_000 {
		x, y, z := bits(), bits(), bits()
		switch i % 4 {
		case 0: // sums halfway between two float32, or next to it
			x, y = float32(1+int(rng.Uint32()&1)), math.Float32frombits(0x3f800000+rng.Uint32()%3)
			z = float32(math.Ldexp(1+float64(rng.IntN(3)-1)*0x1p-23, -24-rng.IntN(40)))
		case 1: // subnormal results
			x, y, z = x*0x1p-60, y*0x1p-62, z*0x1p-124
		}
		want := reference(x, y, z)
		for name, f := range map[string]func(x, y, z float32) float32{"fma": fma, "exactFMA": exactFMA} {
			if got := f(x, y, z); got != want {
				t.Fatalf("%s(%x, %x, %x) = %x, want %x", name, x, y, z, got, want)
			}
		}
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range [][4]float32{{inf, 1, 1, inf}, {1, 1, -inf, -inf}, {math.MaxFloat32, 2, 0, inf}, {inf, 1, -inf, nan}, {0, inf, 1, nan}, {1, nan, 1, nan}} {
		if got := fma(c[0], c[1], c[2]); got != c[3] && (got == got || c[3] == c[3]) {
			t.Errorf("fma(%g, %g, %g) = %g, want %g", c[0], c[1], c[2], got, c[3])
		}
	}
}
