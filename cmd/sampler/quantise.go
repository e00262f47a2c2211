package main

import (
	"image/color"
	"slices"
)

// quantise finds up to n colours to stand for the colours of pixels, and which one stands for each.
// If there are no more than n colours, it takes those. Else it cuts boxes of colours until there
// are n: the box whose squared distances from the mean, in one channel and summed over its pixels,
// are largest is cut at that mean (Heckbert, "Color image quantization for frame buffer display",
// 1982, which cuts at the median).
func quantise(pixels map[rgb]int, n int) (color.Palette, map[rgb]uint8) {
	all := make([]tally, 0, len(pixels))
	for c, n := range pixels {
		all = append(all, tally{c, n})
	}
	slices.SortFunc(all, func(a, b tally) int { return slices.Compare(a.colour[:], b.colour[:]) })
	boxes := []box{newBox(all)}
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
		low, high := boxes[at].cut()
		boxes[at] = newBox(low)
		boxes = append(boxes, newBox(high))
	}
	palette, index := make(color.Palette, len(boxes)), make(map[rgb]uint8, len(pixels))
	for i, b := range boxes {
		var mean rgb
		for k := range mean {
			mean[k] = uint8(b.mean[k] + 0.5)
		}
		palette[i] = color.RGBA{mean[0], mean[1], mean[2], 0xff}
		for _, t := range b.tallies {
			index[t.colour] = uint8(i)
		}
	}
	return palette, index
}

// tally is how many pixels have a colour.
type tally struct {
	colour rgb
	pixels int
}

// box is some colours.
type box struct {
	tallies []tally
	mean    [3]float64 // over the pixels
	channel int        // that which varies most
	spread  float64    // its squared distances from the mean, summed over the pixels
}

func newBox(tallies []tally) box {
	b := box{tallies: tallies}
	for k := range b.mean {
		n, sum, spread := 0, 0, 0.0
		for _, t := range tallies {
			n += t.pixels
			sum += t.pixels * int(t.colour[k])
		}
		b.mean[k] = float64(sum) / float64(n)
		for _, t := range tallies {
			off := float64(t.colour[k]) - b.mean[k]
			spread += float64(float64(t.pixels) * float64(off*off))
		}
		if spread > b.spread {
			b.channel, b.spread = k, spread
		}
	}
	return b
}

// cut divides the colours at the mean of the channel that varies most. Those below it keep
// their place.
func (b box) cut() (low, high []tally) {
	low = b.tallies[:0]
	for _, t := range b.tallies {
		if float64(t.colour[b.channel]) > b.mean[b.channel] {
			high = append(high, t)
		} else {
			low = append(low, t)
		}
	}
	return low, high
}
