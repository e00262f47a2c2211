package main

import (
	"cmp"
	"image/color"
	"maps"
	"slices"
)

// quantise finds n colours or fewer that stand for those of pixels, and which one of them each
// has. Where no more than n occur, these are they. The box of colours which varies most, in
// one channel and summed over its pixels, is cut in two at its mean there, until there are n
// (Heckbert, "Color image quantization for frame buffer display", 1982, which cuts at the
// median).
func quantise(pixels map[rgb]int, n int) (color.Palette, map[rgb]uint8) {
	all := slices.SortedFunc(maps.Keys(pixels), func(a, b rgb) int { return slices.Compare(a[:], b[:]) })
	boxes := []box{newBox(all, pixels)}
	for len(boxes) < n {
		at, most := 0, 0.0
		for i, b := range boxes {
			if b.spread > most {
				at, most = i, b.spread
			}
		}
		if most == 0 {
			break
		}
		b := boxes[at]
		slices.SortStableFunc(b.colours, func(x, y rgb) int { return cmp.Compare(x[b.channel], y[b.channel]) })
		cut := slices.IndexFunc(b.colours, func(c rgb) bool { return float64(c[b.channel]) > b.mean[b.channel] })
		boxes[at] = newBox(b.colours[:cut], pixels)
		boxes = append(boxes, newBox(b.colours[cut:], pixels))
	}
	palette, index := make(color.Palette, len(boxes)), map[rgb]uint8{}
	for i, b := range boxes {
		var mean rgb
		for k := range mean {
			mean[k] = uint8(b.mean[k] + 0.5)
		}
		palette[i] = color.RGBA{mean[0], mean[1], mean[2], 0xff}
		for _, c := range b.colours {
			index[c] = uint8(i)
		}
	}
	return palette, index
}

// box is some colours.
type box struct {
	colours []rgb
	mean    [3]float64 // over the pixels
	channel int        // that which varies most
	spread  float64    // its squared distances from the mean, summed over the pixels
}

func newBox(colours []rgb, pixels map[rgb]int) box {
	b := box{colours: colours}
	for k := range b.mean {
		n, sum, spread := 0, 0, 0.0
		for _, c := range colours {
			n += pixels[c]
			sum += pixels[c] * int(c[k])
		}
		b.mean[k] = float64(sum) / float64(n)
		for _, c := range colours {
			off := float64(c[k]) - b.mean[k]
			spread += float64(float64(pixels[c]) * float64(off*off))
		}
		if spread > b.spread {
			b.channel, b.spread = k, spread
		}
	}
	return b
}
