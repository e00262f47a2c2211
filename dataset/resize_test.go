package dataset

import (
	"math"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestKernel(t *testing.T) {
	tests := []struct {
		resize Resize
		n, m   int
		first  []int
		taps   [][]uint64
	}{
		// Twice as many inputs: weights ¾ ¾ ¼ at the edge, ¼ ¾ ¾ ¼ inside, times 16.
		{Antialias, 8, 4, []int{0, 1, 3, 5}, [][]uint64{{12, 12, 4}, {4, 12, 12, 4}, {4, 12, 12, 4}, {4, 12, 12}}},
		// Half as many: plain interpolation, ¾ and ¼, times 8.
		{Antialias, 2, 4, []int{0, 0, 0, 1}, [][]uint64{{6}, {6, 2}, {2, 6}, {6}}},
		// As many: the identity.
		{Antialias, 4, 4, []int{0, 1, 2, 3}, [][]uint64{{8}, {8}, {8}, {8}}},
		{Antialias, 1, 4, []int{0, 0, 0, 0}, [][]uint64{{5}, {7}, {7}, {5}}},
		// Centres ½, 2½, 4½, 6½, times 8.
		{BilinearNoAntialias, 8, 4, []int{0, 2, 4, 6}, [][]uint64{{4, 4}, {4, 4}, {4, 4}, {4, 4}}},
		// Centres 3/8 + 7/4·o, times 8: the reference set-up, 28 to 16, is four times this.
		{BilinearNoAntialias, 7, 4, []int{0, 2, 3, 5}, [][]uint64{{5, 3}, {7, 1}, {1, 7}, {3, 5}}},
		// Centres −¼, ¼, ¾, 1¼: edges are repeated.
		{BilinearNoAntialias, 2, 4, []int{0, 0, 0, 1}, [][]uint64{{8}, {6, 2}, {2, 6}, {8}}},
		{BilinearNoAntialias, 4, 4, []int{0, 1, 2, 3}, [][]uint64{{8}, {8}, {8}, {8}}},
		{BilinearNoAntialias, 1, 4, []int{0, 0, 0, 0}, [][]uint64{{8}, {8}, {8}, {8}}},
		// Three times as many: the middle one alone.
		{BilinearNoAntialias, 12, 4, []int{1, 4, 7, 10}, [][]uint64{{8}, {8}, {8}, {8}}},
	}
	for _, test := range tests {
		k := test.resize.kernel(test.n, test.m)
		if !slices.Equal(k.first, test.first) {
			t.Errorf("%s, %d to %d: first = %v, want %v", test.resize, test.n, test.m, k.first, test.first)
		}
		for o, want := range test.taps {
			if !slices.Equal(k.taps[o], want) {
				t.Errorf("%s, %d to %d: taps[%d] = %v, want %v", test.resize, test.n, test.m, o, k.taps[o], want)
			}
		}
	}
}

// exactLevel computes one output pixel by the definition in the package comment.
func exactLevel(resize Resize, src []uint8, n, m, levels, oy, ox int) uint16 {
	scale := big.NewRat(int64(max(n, m)), int64(m)) // max(1, n/m)
	if resize == BilinearNoAntialias {
		scale = big.NewRat(1, 1)
	}
	weight := func(i, o int) *big.Rat {
		c := new(big.Rat).Mul(big.NewRat(int64(2*o+1), 2), big.NewRat(int64(n), int64(m)))
		if low, high := big.NewRat(1, 2), big.NewRat(int64(2*n-1), 2); resize == BilinearNoAntialias && c.Cmp(low) < 0 {
			c = low
		} else if resize == BilinearNoAntialias && c.Cmp(high) > 0 {
			c = high
		}
		d := new(big.Rat).Sub(big.NewRat(int64(2*i+1), 2), c)
		w := new(big.Rat).Sub(big.NewRat(1, 1), d.Quo(d.Abs(d), scale))
		if w.Sign() < 0 {
			return new(big.Rat)
		}
		return w
	}
	sum, total := new(big.Rat), new(big.Rat)
	for y := range n {
		for x := range n {
			w := new(big.Rat).Mul(weight(y, oy), weight(x, ox))
			total.Add(total, w)
			sum.Add(sum, w.Mul(w, big.NewRat(int64(src[y*n+x]), 1)))
		}
	}
	sum.Quo(sum, total)
	sum.Mul(sum, big.NewRat(int64(levels), 256))
	return uint16(new(big.Int).Quo(sum.Num(), sum.Denom()).Int64())
}

func TestQuantiseIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, test := range []struct{ n, m, levels int }{
		{28, 16, 4}, {28, 16, 256}, {28, 28, 3}, {9, 4, 7}, {11, 5, 256}, {3, 8, 256}, {1, 4, 2}, {16, 64, 5},
	} {
		for _, resize := range Resizes {
			checkExact(t, rng, resize, test.n, test.m, test.levels)
		}
	}
}

// checkExact compares some levels of a random picture with the definition.
func checkExact(t *testing.T, rng *rand.Rand, resize Resize, n, m, levels int) {
	src := make([]uint8, n*n)
	for i := range src {
		src[i] = uint8(rng.Uint32())
	}
	dst := make([]uint16, m*m)
	k := resize.kernel(n, m)
	quantise(k, k, dst, 1, src, n, levels, make([]uint64, n))
	for range 20 {
		y, x := rng.IntN(m), rng.IntN(m)
		if want := exactLevel(resize, src, n, m, levels, y, x); dst[y*m+x] != want {
			t.Errorf("%s, %d to %d, %d levels: level at %d,%d is %d, want %d", resize, n, m, levels, y, x, dst[y*m+x], want)
		}
	}
}

// TestQuantisePart: a part of a plane, of any shape, becomes one channel of the levels, the others stay.
func TestQuantisePart(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, c := range []struct{ n, m [2]int }{ // rows and columns
		{[2]int{28, 28}, [2]int{16, 16}},
		{[2]int{3, 40}, [2]int{17, 5}},
		{[2]int{40, 3}, [2]int{5, 17}},
		{[2]int{1, 9}, [2]int{9, 1}},
		{[2]int{5, 7}, [2]int{11, 16}},
		{[2]int{90, 61}, [2]int{2, 3}},
	} {
		for _, resize := range Resizes {
			checkPart(t, rng, resize, c.n, c.m)
		}
	}
}

// checkPart compares the levels with sums over all weights.
func checkPart(t *testing.T, rng *rand.Rand, resize Resize, n, m [2]int) {
	const levels, beside, step, channel, other = 256, 2, 3, 1, 999
	stride := n[1] + beside
	src := make([]uint8, (n[0]-1)*stride+n[1]) // which ends with the part's last row
	for i := range src {
		src[i] = uint8(rng.Uint32())
	}
	got := slices.Repeat([]uint16{other}, m[0]*m[1]*step)
	want := slices.Clone(got)
	down, across := resize.kernel(n[0], m[0]), resize.kernel(n[1], m[1])
	for y := range m[0] {
		for x := range m[1] {
			var sum, whole uint64
			for i, v := range down.taps[y] {
				for k, w := range across.taps[x] {
					sum += v * w * uint64(src[(down.first[y]+i)*stride+across.first[x]+k])
					whole += v * w
				}
			}
			want[(y*m[1]+x)*step+channel] = uint16(sum * levels / (256 * whole))
		}
	}
	scratch := slices.Repeat([]uint64{other}, n[1]+1)
	quantise(across, down, got[channel:], step, src, stride, levels, scratch)
	if !slices.Equal(got, want) {
		t.Errorf("%s, %v to %v: %v, want %v", resize, n, m, got, want)
	}
}

// An even picture keeps its value, also where that is the least of its level; rounding
// would lose some of these.
func TestQuantiseEvenPicture(t *testing.T) {
	for n := 1; n <= 70; n++ {
		src := make([]uint8, n*n)
		for _, m := range []int{4, 7, 16, 64} {
			for _, resize := range Resizes {
				k := resize.kernel(n, m)
				scratch, dst := make([]uint64, n), make([]uint16, m*m)
				for _, levels := range []int{2, 3, 4, 255, 256} {
					// The first value of a level and the last of the one below.
					first := (256 + levels - 1) / levels
					for _, v := range []int{0, first - 1, first, 255} {
						for i := range src {
							src[i] = uint8(v)
						}
						quantise(k, k, dst, 1, src, n, levels, scratch)
						want := uint16(v * levels / 256)
						if i := slices.IndexFunc(dst, func(l uint16) bool { return l != want }); i >= 0 {
							t.Fatalf("%s, %d to %d, %d levels: %d became level %d, want %d", resize, n, m, levels, v, dst[i], want)
						}
					}
				}
			}
		}
	}
}

// The sums must not overflow at the largest sizes that are read.
func TestKernelSumsFit(t *testing.T) {
	for _, n := range []int{maxSide, maxSide - 1} {
		for m := 4; m <= 64; m++ {
			largest := slices.Max(Antialias.kernel(n, m).sum)
			if hi, area := bits.Mul64(largest, largest); hi != 0 || area > math.MaxUint64/256 {
				t.Errorf("%d to %d: 256·%d² does not fit 64 bits", n, m, largest)
			}
		}
	}
	for _, side := range [][2]int{{maxSide, MaxPixels / 4 / maxSide}, {8192, 8192}} { // of pictures to less than 16 pixels
		for _, m := range []int{1, 2, 3, maxSide} {
			x, y := slices.Max(Antialias.kernel(side[0], m).sum), slices.Max(Antialias.kernel(side[1], m).sum)
			if hi, area := bits.Mul64(x, y); hi != 0 || area > math.MaxUint64/256 {
				t.Errorf("%v to %d: 256·%d·%d does not fit 64 bits", side, m, x, y)
			}
		}
	}
}

func TestPreprocess(t *testing.T) {
	for _, c := range []struct {
		opt  Options
		crop bool
		want string
	}{
		{Options{Size: 16, Levels: 4, Resize: Antialias}, false, "resize=16 triangle; levels=4 floor(v*levels/256)"},
		{Options{Size: 8, Levels: 2, Resize: Antialias}, true, "crop=centre square; resize=8 triangle; levels=2 floor(v*levels/256)"},
		{Options{Size: 16, Levels: 4, Resize: BilinearNoAntialias}, false, "resize=16 bilinear-noantialias; levels=4 floor(v*levels/256)"},
	} {
		got := preprocess(c.opt, c.crop)
		if got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
		if r := ResizeOf("grey; " + got); r != c.opt.Resize {
			t.Errorf("%q names %s", got, r)
		}
	}
	for _, none := range []string{"", "resize=16 cubic", "bilinear-noantialias", "resize=bilinear-noantialias"} {
		if r := ResizeOf(none); r != Antialias {
			t.Errorf("%q names %s", none, r)
		}
	}
}

func BenchmarkQuantise(b *testing.B) {
	k := Antialias.kernel(28, 16)
	src, dst, scratch := make([]uint8, 28*28), make([]uint16, 16*16), make([]uint64, 28)
	for i := range src {
		src[i] = uint8(i)
	}
	for b.Loop() {
		quantise(k, k, dst, 1, src, 28, 4, scratch)
	}
}
