package dataset

import (
	"fmt"
	"math/bits"
)

// preprocess describes how a square, or with crop any, picture becomes levels.
func preprocess(size, levels int, crop bool) string {
	s := fmt.Sprintf("resize=%d triangle; levels=%d floor(v*levels/256)", size, levels)
	if crop {
		s = "crop=centre square; " + s
	}
	return s
}

// kernel is the triangle filter from n samples to m, in whole numbers. The distance
// of input i to output o, |(i+½) − (o+½)·n/m|, is a multiple of 1/2m, so that every
// weight times 2·max(n,m) is whole. Output o is
//
//	Σ_k taps[o][k] · in[first[o]+k] / sum[o].
//
// A sum is at most about 2n²/m < 2²⁷ for n ≤ maxSide and m ≥ 4, so that two passes
// over bytes stay under 2⁶².
type kernel struct {
	n, m  int
	first []int
	taps  [][]uint64
	sum   []uint64
}

func newKernel(n, m int) *kernel {
	k := &kernel{n: n, m: m, first: make([]int, m), taps: make([][]uint64, m), sum: make([]uint64, m)}
	for o := range m {
		for i := range n {
			d := m*(2*i+1) - n*(2*o+1)
			w := 2*max(n, m) - max(d, -d)
			if w <= 0 {
				continue
			}
			if k.taps[o] == nil {
				k.first[o] = i
			}
			k.taps[o] = append(k.taps[o], uint64(w))
			k.sum[o] += uint64(w)
		}
	}
	return k
}

// quantise resizes a square and writes its levels, ⌊v·levels/256⌋, to dst [m,m].
// src holds the square's rows [n,n], stride bytes apart. scratch [n,m] is overwritten.
func (k *kernel) quantise(dst, src []uint8, stride, levels int, scratch []uint64) {
	for y := range k.n {
		row := src[y*stride : y*stride+k.n]
		out := scratch[y*k.m : (y+1)*k.m]
		for o, taps := range k.taps {
			in := row[k.first[o]:][:len(taps)]
			var s uint64
			for i, w := range taps {
				s += w * uint64(in[i])
			}
			out[o] = s
		}
	}
	for oy, taps := range k.taps {
		column := scratch[k.first[oy]*k.m:]
		for ox := range k.m {
			var s uint64
			for i, w := range taps {
				s += w * column[i*k.m+ox]
			}
			// s ≤ 255·sum·sum, so the quotient is below levels and fits.
			hi, lo := bits.Mul64(s, uint64(levels))
			q, _ := bits.Div64(hi, lo, 256*k.sum[oy]*k.sum[ox])
			dst[oy*k.m+ox] = uint8(q)
		}
	}
}
