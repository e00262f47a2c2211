package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func BenchmarkProduct(b *testing.B) {
	for _, s := range [][3]int{{64, 64, 32}, {256, 64, 32}, {512, 64, 32}, {64, 160, 32}, {512, 160, 32}, {256, 32, 64}, {512, 24, 64}, {32768, 64, 32}, {80, 32, 32}, {80, 32, 64}, {2560, 32, 64}, {1, 160, 32}, {1, 32, 64}, {4, 64, 64}, {64, 64, 4}, {32, 160, 256}, {512, 512, 512}} {
		m, k, n := s[0], s[1], s[2]
		b.Run(fmt.Sprintf("%dx%dx%d", m, k, n), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(0, 0))
			p := &Product{
				M: m, N: n, A: []Left{{Data: random(rng, m*k), Row: k, Step: 1, K: k}},
				B: random(rng, PackedLen(k, n)), StepB: Panel, NextB: k * Panel, C: make([]float32, m*n), RowC: n, Init: random(rng, n), Relu: true,
			}
			for b.Loop() {
				p.Rows(0, m)
			}
			b.ReportMetric(2*float64(m*n*k)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
		})
	}
}

func BenchmarkFunctions(b *testing.B) {
	const n = 1024
	rng := rand.New(rand.NewPCG(0, 0))
	x, y, dst := random(rng, n), random(rng, n), make([]float32, n)
	one := func(f func(dst, a []float32)) func() { return func() { f(dst, x) } }
	for _, f := range []struct {
		name string
		run  func()
	}{
		{"Exp", one(Exp)},
		{"Elu", one(Elu)},
		{"Erf", one(Erf)},
		{"Sigmoid", one(Sigmoid)},
		{"Tanh", one(Tanh)},
		{"TanhSigmoid", func() { TanhSigmoid(dst, x, y) }},
		{"FastTanhSigmoid", func() { FastTanhSigmoid(dst, x, y) }},
		{"Mul", func() { Mul(dst, x, y) }},
	} {
		b.Run(f.name, func(b *testing.B) {
			for b.Loop() {
				f.run()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)*16/n, "ns/16")
		})
	}
}
