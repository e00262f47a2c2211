package dataset

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"pixelcnn/internal/signature/encoding"
)

// Resize is a way to change the number of pixels; see the package comment.
type Resize string

// The ways to resize.
const (
	Antialias           Resize = "antialias"            // triangle filter, as image libraries do it
	BilinearNoAntialias Resize = "bilinear-noantialias" // the two nearest pixels, as tf.image.resize does it
)

// Resizes lists them.
var Resizes = []Resize{Antialias, BilinearNoAntialias}

// word is how a description of the preprocessing names the filter.
func (r Resize) word() string {
	if r == Antialias {
		return "triangle"
	}
	return string(r)
}

// ResizeOf returns the filter that [Set].Preprocess, or a model file that has recorded
// it, names, and [Antialias] where it names none.
func ResizeOf(preprocess string) Resize {
	for _, r := range Resizes {
		for step := range strings.SplitSeq(preprocess, "; ") {
			if strings.HasPrefix(step, "resize=") && strings.HasSuffix(step, " "+r.word()) {
				return r
			}
		}
	}
	return Antialias
}

// preprocess describes how a square, or with crop any, picture becomes levels.
func preprocess(opt Options, crop bool) string {
	s := fmt.Sprintf("resize=%d %s; levels=%d floor(v*levels/256)", opt.Size, opt.Resize.word(), opt.Levels)
	if crop {
		s = "crop=centre square; " + s
	}
	return s
}

// kernel is a filter from n samples to m, in whole numbers. Output o is
//
//	Σ_k taps[o][k] · in[first[o]+k] / sum[o].
type kernel struct {
	n, m  int
	first []int
	taps  [][]uint64
	sum   []uint64
}

// kernel returns the filter from n samples to m.
func (r Resize) kernel(n, m int) *kernel {
	k := &kernel{n: n, m: m, first: make([]int, m), taps: make([][]uint64, m), sum: make([]uint64, m)}
	for o := range m {
		if r == Antialias {
			k.triangle(o)
		} else {
			k.nearest(o)
		}
		for _, w := range k.taps[o] {
			k.sum[o] += w
		}
	}
	return k
}

// triangle sets the taps of output o. The distance of input i, |(i+½) − (o+½)·n/m|, is
// a multiple of 1/2m, so that every weight times 2·max(n,m) is whole.
//
// A sum is at most about 2n²/m, so that two passes over bytes, 2⁸·(2n²/m)·(2n'²/m') for n·n' ≤ MaxPixels
// and m·m' ≥ 16, stay under 2⁶². For fewer m·m' [ReadPicture] allows a quarter of the pixels.
func (k *kernel) triangle(o int) {
	for i := range k.n {
		d := k.m*(2*i+1) - k.n*(2*o+1)
		w := 2*max(k.n, k.m) - max(d, -d)
		if w <= 0 {
			continue
		}
		if k.taps[o] == nil {
			k.first[o] = i
		}
		k.taps[o] = append(k.taps[o], uint64(w))
	}
}

// nearest sets the taps of output o to the inputs on either side of its centre c = (o+½)·n/m − ½, a
// multiple of 1/2m, weighted by 1 minus the distance. Beyond an edge the edge's value is repeated.
func (k *kernel) nearest(o int) {
	c, unit := (2*o+1)*k.n-k.m, 2*k.m
	c = min(max(c, 0), (k.n-1)*unit)
	k.first[o] = c / unit
	k.taps[o] = []uint64{uint64(unit - c%unit)}
	if c%unit > 0 {
		k.taps[o] = append(k.taps[o], uint64(c%unit))
	}
}

// quantise resizes a plane of bytes and writes its levels, ⌊v·levels/256⌋, to dst, step apart, one row of
// across.m after the other, down.m in all. src holds the plane's rows, down.n of across.n bytes, stride
// apart. scratch, of across.n at least, is overwritten.
func quantise(across, down *kernel, dst []uint16, step int, src []uint8, stride, levels int, scratch []uint64) {
	row := scratch[:across.n]
	for y, taps := range down.taps {
		clear(row)
		for i, w := range taps {
			for x, v := range src[(down.first[y]+i)*stride:][:len(row)] {
				row[x] += w * uint64(v)
			}
		}
		for x, taps := range across.taps {
			in := row[across.first[x]:][:len(taps)]
			var sum uint64
			for i, w := range taps {
				sum += w * in[i]
			}
			dst[(y*across.m+x)*step] = uint16(encoding.Quantise(sum, down.sum[y]*across.sum[x], levels))
		}
	}
}

// quantiseBelow is quantise for a colour in which each pixel counts by its opacity, so that the
// colour of transparent pixels, which nobody sees, does not run into the others. Where all is
// transparent, each pixel counts the same. scratch has down.n·across.m elements at least, too.
func quantiseBelow(across, down *kernel, dst []uint16, step int, src, alpha []uint8, stride, levels int, scratch []uint64) {
	quantise(across, down, dst, step, src, stride, levels, scratch)
	product := make([]uint16, len(src))
	for i, v := range src {
		product[i] = uint16(v) * uint16(alpha[i])
	}
	// A sum of weights times 2¹⁶ has to fit; bits below 2⁻⁴⁶ of it are cut off.
	shift := max(0, bits.Len64(slices.Max(down.sum)*slices.Max(across.sum))-46)
	opaque := make([]uint64, down.m*across.m)
	sums(across, down, alpha, stride, shift, scratch, func(y, x int, sum uint64) { opaque[y*across.m+x] = sum })
	sums(across, down, product, stride, shift, scratch, func(y, x int, sum uint64) {
		if whole := opaque[y*across.m+x]; whole > 0 {
			dst[(y*across.m+x)*step] = uint16(encoding.Quantise(min(sum, 255*whole), whole, levels))
		}
	})
}

// sums resizes a plane: for each row and column it calls put with the sum of the values times the
// weights. The sums along rows, which it writes to scratch [down.n,across.m], lose their last shift bits.
func sums[T uint8 | uint16](across, down *kernel, src []T, stride, shift int, scratch []uint64, put func(y, x int, sum uint64)) {
	for y := range down.n {
		row := src[y*stride : y*stride+across.n]
		out := scratch[y*across.m : (y+1)*across.m]
		for o, taps := range across.taps {
			in := row[across.first[o]:][:len(taps)]
			var s uint64
			for i, w := range taps {
				s += w * uint64(in[i])
			}
			out[o] = s >> shift
		}
	}
	for y, taps := range down.taps {
		column := scratch[down.first[y]*across.m:]
		for x := range across.m {
			var s uint64
			for i, w := range taps {
				s += w * column[i*across.m+x]
			}
			put(y, x, s)
		}
	}
}
