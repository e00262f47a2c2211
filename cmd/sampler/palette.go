package main

import (
	"encoding/hex"
	"fmt"
	"image/color"
	"maps"
	"math"
	"slices"
	"strings"
)

// palettes are the stops of the named ones, level 0's first, as hexadecimal colours.
// viridis and magma are matplotlib's, at ten stops.
var palettes = map[string]string{
	"grey":    "000000,ffffff",
	"inverse": "ffffff,000000",
	"viridis": "440154,482878,3e4989,31688e,26828e,1f9e89,35b779,6ece58,b5de2b,fde725",
	"magma":   "000004,180f3d,440f76,721f81,9e2f7f,cd4071,f1605d,fd9668,feca8d,fcfdbf",
	"gameboy": "0f380f,306230,8bac0f,9bbc0f",
}

// palette is the value of --palette: a name, or colours spread evenly over the levels. The zero
// value leaves the model its own colours.
type palette struct {
	text  string
	stops []color.RGBA
}

func (p *palette) Set(text string) error {
	list, named := palettes[text]
	if !named {
		list = text
	}
	var stops []color.RGBA
	for _, s := range strings.Split(list, ",") {
		rgb, err := hex.DecodeString(strings.TrimPrefix(s, "#"))
		if err != nil || len(rgb) != 3 {
			return fmt.Errorf("must be one of %s, or colours, as 000000,ff8800,ffffff", strings.Join(paletteNames(), ", "))
		}
		stops = append(stops, color.RGBA{rgb[0], rgb[1], rgb[2], 0xff})
	}
	if len(stops) < 2 {
		return fmt.Errorf("must have two colours or more")
	}
	*p = palette{text, stops}
	return nil
}

func (p *palette) String() string { return p.text }
func (p *palette) Type() string   { return "NAME" }

func paletteNames() []string { return slices.Sorted(maps.Keys(palettes)) }

// own tells whether the model's colours are to be shown.
func (p *palette) own() bool { return p.text == "" }

// grey tells whether levels are to be shown from black to white.
func (p *palette) grey() bool { return p.text == "grey" }

// colours are n colours, evenly from the first stop to the last; the zero value's from black to
// white.
func (p *palette) colours(n int) []color.Color {
	if p.own() {
		p = &palette{stops: []color.RGBA{{A: 0xff}, {0xff, 0xff, 0xff, 0xff}}}
	}
	out := make([]color.Color, n)
	for i := range out {
		at := float64(i) / float64(max(1, n-1)) * float64(len(p.stops)-1)
		k := min(int(at), len(p.stops)-2)
		share := at - float64(k)
		mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a)*(1-share) + float64(b)*share)) }
		a, b := p.stops[k], p.stops[k+1]
		out[i] = color.RGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 0xff}
	}
	return out
}
