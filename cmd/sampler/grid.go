package main

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/internal/signature/encoding"
	"pixelcnn/sampler"
)

// sheet is a picture of images in rows and columns, with captions below them if
// wanted. A byte of pix is a shade of grey, or an index into colours where there are
// some.
type sheet struct {
	geometry
	width, height int     // of an image
	shades        []uint8 // by level
	paper, ink    uint8
	unknown       uint8 // of pixels that are not decided
	keep          uint8 // of pixels that stay as they were in the frame before; with colours only
	colours       color.Palette
	size          image.Point
	pix           []uint8
}

// geometry says where images go on a sheet.
type geometry struct {
	images  int
	scale   int // size of a pixel
	gap     int // between images and around them
	columns int // 0: as near to a square as may be
	lines   int // of captions
}

const (
	gap     = 2
	maxSide = 1 << 15
)

var face = basicfont.Face7x13

// newSheet lays images out. Where coloured is false and the palette grey, the picture
// is in shades of grey; else it has colours.
func newSheet(sig *sampler.Signature, l geometry, p *palette, coloured bool) (*sheet, error) {
	s := &sheet{width: sig.Width, height: sig.Height, geometry: l}
	if s.columns == 0 {
		s.columns = int(math.Ceil(math.Sqrt(float64(l.images))))
	}
	s.columns = min(s.columns, l.images)
	rows := (l.images-1)/s.columns + 1
	dx, dy := s.pitch()
	if room := maxSide - s.gap; s.columns > room/dx || rows > room/dy { // no product: it may be too large
		return nil, cli.Usagef("%d images, %d side by side, at --scale %d make a picture with a side of over %d pixels; use fewer, a smaller scale, or --format npy",
			l.images, s.columns, l.scale, maxSide)
	}
	s.size = image.Pt(s.columns*dx+s.gap, rows*dy+s.gap)
	s.shade(sig.Levels, p, coloured)
	s.pix = make([]uint8, s.size.X*s.size.Y)
	for i := range s.pix {
		s.pix[i] = s.paper
	}
	return s, nil
}

// shade chooses a byte for each level. A palette has room for 252 beside those with
// other uses; with more levels neighbours share a colour.
func (s *sheet) shade(levels int, p *palette, coloured bool) {
	s.shades = make([]uint8, levels)
	spread := func(shades int) {
		for level := range s.shades {
			s.shades[level] = uint8(encoding.Shade(level, levels, shades))
		}
	}
	if p.grey() && !coloured {
		spread(256)
		s.paper, s.ink = 0xff, 0
		return
	}
	n := min(levels, 252)
	spread(n)
	s.colours = append(p.colours(n), color.White, color.Black, unknownColour, color.Transparent)
	s.paper, s.ink, s.unknown, s.keep = uint8(n), uint8(n+1), uint8(n+2), uint8(n+3)
}

// pitch is the distance from an image to the next.
func (s *sheet) pitch() (dx, dy int) {
	dy = s.height*s.scale + s.gap
	if s.lines > 0 {
		dy += s.lines*face.Height + s.gap
	}
	return s.width*s.scale + s.gap, dy
}

// corner is where the image at a place begins.
func (s *sheet) corner(place int) (left, top int) {
	dx, dy := s.pitch()
	return s.gap + place%s.columns*dx, s.gap + place/s.columns*dy
}

// set paints a pixel of the image at a place.
func (s *sheet) set(place, pixel int, shade uint8) {
	left, top := s.corner(place)
	left, top = left+pixel%s.width*s.scale, top+pixel/s.width*s.scale
	for y := top; y < top+s.scale; y++ {
		row := s.pix[y*s.size.X+left:][:s.scale]
		for x := range row {
			row[x] = shade
		}
	}
}

// image paints the image at a place.
func (s *sheet) image(place int, levels []uint16) {
	for pixel, level := range levels {
		s.set(place, pixel, s.shades[level])
	}
}

// caption writes a line of text below the image at a place.
func (s *sheet) caption(place, line int, text string) {
	left, top := s.corner(place)
	d := font.Drawer{
		Dst: s.picture(), Src: image.NewUniform(color.Black), Face: face,
		Dot: fixed.P(left, top+s.height*s.scale+s.gap/2+line*face.Height+face.Ascent),
	}
	d.DrawString(text)
}

// drawable is what a sheet becomes, and text is written on.
type drawable interface {
	image.Image
	Set(x, y int, c color.Color)
}

// picture shares the sheet's pixels.
func (s *sheet) picture() drawable {
	bounds := image.Rectangle{Max: s.size}
	if s.colours == nil {
		return &image.Gray{Pix: s.pix, Stride: s.size.X, Rect: bounds}
	}
	return &image.Paletted{Pix: s.pix, Stride: s.size.X, Rect: bounds, Palette: s.colours}
}

// captionKinds are what can stand below an image.
var captionKinds = []string{"index", "class", "logprob"}

// captionWidth is the room, in characters, that captions up to the image last need.
func captionWidth(kinds []string, last int) int {
	need := 0
	for _, kind := range kinds {
		switch kind {
		case "index":
			need = max(need, len(fmt.Sprintf("#%d", last)))
		case "class":
			need = max(need, 4) // names are cut off
		case "logprob":
			need = max(need, len("-100.0"))
		}
	}
	return need
}

// captionText is a line below an image, in at most room characters.
func captionText(kind string, sig *sampler.Signature, s sampler.Sample, room int) string {
	switch kind {
	case "index":
		return fmt.Sprintf("#%d", s.Index)
	case "class":
		name := []rune(className(sig, s.Class))
		return string(name[:min(len(name), room)])
	}
	text := fmt.Sprintf("%.1f", s.LogProb)
	if len(text) > room {
		text = fmt.Sprintf("%.0f", s.LogProb)
	}
	return text
}

// grid is one PNG with all images.
type grid struct {
	w     io.Writer
	sig   *sampler.Signature
	sheet *sheet
	kinds []string
	first uint64
}

func newGrid(w io.Writer, sig *sampler.Signature, f *drawFlags) (sink, error) {
	first, n := f.shard.Range(f.n)
	s, err := newSheet(sig, f.geometry(n), &f.palette, false)
	if err != nil {
		return nil, err
	}
	if need := captionWidth(f.captions, first+n-1) * face.Advance; need > sig.Width*f.scale {
		return nil, cli.Usagef("--captions need images at least %d pixels wide: use --scale %d or more", need, (need+sig.Width-1)/sig.Width)
	}
	return &grid{w, sig, s, f.captions, uint64(first)}, nil
}

func (g *grid) add(s sampler.Sample) error {
	place := int(s.Index - g.first)
	g.sheet.image(place, s.Levels)
	for line, kind := range g.kinds {
		g.sheet.caption(place, line, captionText(kind, g.sig, s, g.sheet.width*g.sheet.scale/face.Advance))
	}
	return nil
}

func (g *grid) close() error { return png.Encode(g.w, g.sheet.picture()) }
