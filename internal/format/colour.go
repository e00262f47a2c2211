package format

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"strings"
)

// How the levels of a pixel become a colour: the values of pixelcnn.colour.
const (
	Grey         = "grey"    // one channel, from black to white
	RGB          = "rgb"     // three channels, or four with alpha
	PaletteIndex = "palette" // one channel, whose levels are places in the palette
)

// checkColour tells whether the colours are those of the channels and levels.
func (m Meta) checkColour() error {
	channels := max(1, m.Channels)
	fits := map[string]bool{"": true, Grey: channels == 1, RGB: channels == 3 || channels == 4, PaletteIndex: channels == 1}
	switch ok, known := fits[m.Colour]; {
	case !known:
		return fmt.Errorf("%w: %scolour is %q, must be grey, rgb or palette", ErrMetadata, prefix, Cut(m.Colour))
	case !ok:
		return fmt.Errorf("%w: %scolour is %q, which pictures of %d channels cannot have", ErrMetadata, prefix, m.Colour, channels)
	case m.Colour == PaletteIndex && len(m.Palette) != m.Levels:
		return fmt.Errorf("%w: %spalette has %d colours for %d levels", ErrMetadata, prefix, len(m.Palette), m.Levels)
	case m.Colour != PaletteIndex && len(m.Palette) > 0:
		return fmt.Errorf("%w: %spalette is there, but %scolour is %q, not palette", ErrMetadata, prefix, prefix, m.Colour)
	}
	return nil
}

// hexColours writes colours as a JSON list: "#rrggbb", with two digits more where one is not
// opaque.
func hexColours(colours []color.NRGBA) string {
	list := make([]string, len(colours))
	for i, c := range colours {
		b := []byte{c.R, c.G, c.B, c.A}
		if c.A == 0xff {
			b = b[:3]
		}
		list[i] = "#" + hex.EncodeToString(b)
	}
	b, _ := json.Marshal(list) // strings always can be
	return string(b)
}

func parseColours(s string) ([]color.NRGBA, error) {
	var list []string
	if err := json.Unmarshal([]byte(s), &list); err != nil {
		return nil, err
	}
	var colours []color.NRGBA
	for _, text := range list {
		c, err := parseColour(text)
		if err != nil {
			return nil, err
		}
		colours = append(colours, c)
	}
	return colours, nil
}

// parseColour reads a colour of 6 hexadecimal digits, or 8 with alpha, after "#" or not.
func parseColour(text string) (color.NRGBA, error) {
	b, err := hex.DecodeString(strings.TrimPrefix(text, "#"))
	switch {
	case err == nil && len(b) == 3:
		return color.NRGBA{b[0], b[1], b[2], 0xff}, nil
	case err == nil && len(b) == 4:
		return color.NRGBA{b[0], b[1], b[2], b[3]}, nil
	}
	return color.NRGBA{}, errors.New("must be a colour of 6 or 8 hexadecimal digits, as #ff8800")
}
