package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// edges are the arguments where something changes: signs, ranges, what is not a number.
var edges = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 0.625, -0.625, 0.62499994, 1e-30, -1e-30, 1e-45,
	9, -9, 20, -20, 87, -87, 88.72283, 88.72284, -103.2, -103.98, -104, -200, 200, 1e30, -1e30,
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
}

func arguments(n int) []float32 {
	rng := rand.New(rand.NewPCG(5, 6))
	x := append([]float32{}, edges...)
	for len(x) < n {
		x = append(x, float32(rng.NormFloat64()*math.Exp(rng.NormFloat64()*2)))
	}
	return x
}

// ulps is the distance of got from want in units of want's last place.
func ulps(got float32, want float64) float64 {
	w := float32(want)
	if got == w || got != got && want != want || math.Abs(want) < 0x1p-126 && math.Abs(float64(got)) <= 0x1p-126 {
		return 0 // subnormal results may come out as zero
	}
	next := math.Nextafter32(float32(math.Abs(want)), float32(math.Inf(1)))
	ulp := float64(next) - math.Abs(float64(float32(math.Abs(want))))
	return math.Abs(float64(got)-want) / ulp
}

func TestFunctionsAreAccurate(t *testing.T) {
	for _, f := range []struct {
		name  string
		apply func(dst, a []float32)
		want  func(float64) float64
		ulps  float64
	}{
		{"Relu", Relu, func(x float64) float64 {
			if x < 0 {
				return 0
			}
			return x
		}, 0},
		{"Sqrt", Sqrt, math.Sqrt, 0},
		{"Exp", Exp, math.Exp, 1.1},
		{"Elu", Elu, func(x float64) float64 { return max(x, 0) + math.Expm1(min(x, 0)) }, 2},
		{"Erf", Erf, math.Erf, 7},
		{"Sigmoid", Sigmoid, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 2.5},
		{"Tanh", Tanh, math.Tanh, 2.5},
	} {
		t.Run(f.name, func(t *testing.T) {
			x := arguments(200_000)
			y := make([]float32, len(x))
			f.apply(y, x)
			var worst float64
			for i, v := range x {
				want := f.want(float64(v))
				d := ulps(y[i], want)
				if !(d <= f.ulps) {
					t.Fatalf("of %g: %g, want %g, %.2f ulp apart", v, y[i], want, d)
				}
				worst = max(worst, d)
			}
			t.Logf("at most %.2f ulp apart", worst)
		})
	}
}

func TestTanhSigmoidIsAccurate(t *testing.T) {
	var a, b []float32
	for _, x := range edges {
		for _, y := range append(edges, 16.3, -16.3, -87.3, -88, -88.1) {
			a, b = append(a, x), append(b, y)
		}
	}
	rng := rand.New(rand.NewPCG(7, 8))
	for len(a) < 400_000 {
		a = append(a, float32(rng.NormFloat64()*math.Exp(rng.NormFloat64()*2)))
		b = append(b, float32(rng.NormFloat64()*math.Exp(1+rng.NormFloat64()*2)))
	}
	got := make([]float32, len(a))
	TanhSigmoid(got, a, b)
	for i, y := range got {
		tanh, below := math.Tanh(float64(a[i])), math.Exp(-float64(b[i]))
		want, most := tanh/(1+below), 4.
		if math.Abs(float64(b[i])) > 16 {
			most = 5
		}
		if below > 0x1p126 && math.Abs(float64(y)) <= 0x1p-126 {
			continue // where sigmoid is below the normal numbers
		}
		if d := ulps(y, want); !(d <= most) || math.Signbit(float64(y)) != math.Signbit(want) && y == y {
			t.Fatalf("of %g and %g: %g, want %g, %.2f ulp apart", a[i], b[i], y, want, d)
		}
	}
	infinite := float32(math.Inf(-1))
	TanhSigmoid(got[:3], []float32{3, -3, infinite}, []float32{infinite, -88.01, -1000})
	for _, y := range got[:3] {
		if y != 0 {
			t.Errorf("next to a closed gate: %g, want 0", y)
		}
	}
}

func TestFastTanhSigmoidIsAccurate(t *testing.T) {
	var a, b []float32
	for _, x := range edges {
		for _, y := range edges {
			a, b = append(a, x), append(b, y)
		}
	}
	rng := rand.New(rand.NewPCG(7, 8))
	for len(a) < 400_000 {
		a = append(a, float32(rng.NormFloat64()*math.Exp(rng.NormFloat64()*2)))
		b = append(b, float32(rng.NormFloat64()*math.Exp(1+rng.NormFloat64()*2)))
	}
	got, worst := make([]float32, len(a)), 0.0
	FastTanhSigmoid(got, a, b)
	for i, y := range got {
		want := math.Tanh(float64(a[i])) / (1 + math.Exp(-float64(b[i])))
		if math.IsNaN(want) && y != y {
			continue
		}
		d := math.Abs(float64(y) - want)
		if !(d <= 2e-7) {
			t.Fatalf("of %g and %g: %g, want %g", a[i], b[i], y, want)
		}
		worst = max(worst, d)
	}
	t.Logf("at most %.1e apart", worst)
}

// Whatever the instructions and the length, an element comes out the same.
func TestFunctionsAreTheSameBits(t *testing.T) {
	x, y := arguments(3000), arguments(3000)
	for i := range y {
		y[i] = y[len(y)-1-i]
	}
	type function struct {
		run  func(dst []float32, lo, hi int)
		want func(i int) float32
	}
	one := func(f func(dst, a []float32), want func(float32) float32) function {
		return function{func(dst []float32, lo, hi int) { f(dst, x[lo:hi]) }, func(i int) float32 { return want(x[i]) }}
	}
	two := func(f func(dst, a, b []float32), want func(x, y float32) float32) function {
		return function{func(dst []float32, lo, hi int) { f(dst, x[lo:hi], y[lo:hi]) }, func(i int) float32 { return want(x[i], y[i]) }}
	}
	all := map[string]function{
		"Add": two(Add, add1), "Sub": two(Sub, sub1), "Mul": two(Mul, mul1), "Div": two(Div, div1),
		"TanhSigmoid": two(TanhSigmoid, tanhSigmoid1), "FastTanhSigmoid": two(FastTanhSigmoid, fastTanhSigmoid1), "Max": two(Max, larger1), "Min": two(Min, smaller1),
		"Relu": one(Relu, relu1), "Sqrt": one(Sqrt, sqrt1), "Exp": one(Exp, exp1), "Elu": one(Elu, elu1), "Erf": one(Erf, erf1), "Sigmoid": one(Sigmoid, sigmoid1), "Tanh": one(Tanh, tanh1),
	}
	forEachSet(t, func(t *testing.T) {
		for name, f := range all {
			for lo, n := 0, len(x); lo+n <= len(x); lo, n = (lo+n)%len(x), (n+1)%(len(x)+1) {
				dst := make([]float32, n+1)
				dst[n] = 42
				f.run(dst[:n], lo, lo+n)
				for i, v := range dst[:n] {
					if w := f.want(lo + i); math.Float32bits(v) != math.Float32bits(w) && (v == v || w == w) {
						t.Fatalf("%s of element %d: %g, want %g", name, lo+i, v, w)
					}
				}
				if dst[n] != 42 {
					t.Fatalf("%s of %d elements wrote one more", name, n)
				}
			}
		}
	})
}

func TestAddRows(t *testing.T) {
	forEachSet(t, func(t *testing.T) {
		for _, c := range []struct{ lots, rows, columns, nextA, nextRow int }{
			{0, 3, 5, 15, 5},
			{1, 1, 1, 0, 0},
			{2, 3, 5, 15, 5},
			{7, 10, 16, 0, 16},
			{3, 7, 33, 231, 0},
			{4, 10, 48, 500, 50},
		} {
			lot := c.rows * c.columns
			a, row := arguments(9000)[1000:][:max(0, c.lots-1)*c.nextA+lot], arguments(9000)[7000:][:max(0, c.lots-1)*c.nextRow+c.columns]
			dst := make([]float32, c.lots*lot)
			AddRows(dst, a, c.nextA, row, c.nextRow, c.rows, c.columns)
			for i, got := range dst {
				l, k := i/lot, i%lot
				if want := a[l*c.nextA+k] + row[l*c.nextRow+k%c.columns]; math.Float32bits(got) != math.Float32bits(want) {
					t.Fatalf("%+v: element %d is %g, want %g", c, i, got, want)
				}
			}
		}
	})
}
