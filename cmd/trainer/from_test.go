package main

import (
	"slices"
	"testing"

	"pixelcnn/dataset"
)

func TestTypical(t *testing.T) {
	s := dataset.Split{Size: 2, Pixels: []uint16{0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0}, Labels: []uint8{3, 1, 2}}
	for _, c := range []struct {
		least  float64
		pixels []uint16
		labels []uint8
	}{
		{0.1, s.Pixels, s.Labels},
		{0.5, []uint16{0, 0, 0, 1, 0, 1, 0, 0}, []uint8{3, 2}}, // as sure as that is enough
		{0.95, nil, nil},
	} {
		got := typical(s, []float64{0.5, 0.4, 0.9}, c.least)
		if got.Size != 2 || !slices.Equal(got.Pixels, c.pixels) || !slices.Equal(got.Labels, c.labels) {
			t.Errorf("%v: %+v", c.least, got)
		}
	}
}
