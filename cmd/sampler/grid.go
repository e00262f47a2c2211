package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"slices"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/internal/format"
	"pixelcnn/sampler"
)

// sheet is a picture of images in rows and columns, with captions below them if
// wanted.
type sheet struct {
	layout
	*inks
	pix []uint8 // of size
}

// layout is where the pixels of images are.
type layout struct {
	geometry
	width, height int // of an image
	size          image.Point
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

// layOut lays images out.
func layOut(sig *sampler.Signature, g geometry) (layout, error) {
	s := layout{width: sig.Width, height: sig.Height, geometry: g}
	if s.columns == 0 {
		s.columns = int(math.Ceil(math.Sqrt(float64(g.images))))
	}
	s.columns = min(s.columns, g.images)
	rows := (g.images-1)/s.columns + 1
	dx, dy := s.pitch()
	if room := maxSide - s.gap; s.columns > room/dx || rows > room/dy { // not by the product, which may overflow
		return s, cli.Usagef("%d images, %d side by side, at --scale %d make a picture with a side of over %d pixels; use fewer, a smaller scale, or --format npy",
			g.images, s.columns, g.scale, maxSide)
	}
	s.size = image.Pt(s.columns*dx+s.gap, rows*dy+s.gap)
	if most := maxSide * maxSide / 4; sig.Colour() != format.Grey && s.size.X*s.size.Y > most { // 1 GB, in grey too
		return s, cli.Usagef("%d images at --scale %d make a picture of over %d pixels; use fewer, a smaller scale, or --format npy", g.images, g.scale, most)
	}
	return s, nil
}

// newSheet is an empty sheet.
func newSheet(l layout, in *inks) *sheet {
	return &sheet{l, in, bytes.Repeat(in.paper, l.size.X*l.size.Y)}
}

// pitch is the distance from an image to the next.
func (s layout) pitch() (dx, dy int) {
	dy = s.height*s.scale + s.gap
	if s.lines > 0 {
		dy += s.lines*face.Height + s.gap
	}
	return s.width*s.scale + s.gap, dy
}

// corner is where the image at a place begins.
func (s layout) corner(place int) (left, top int) {
	dx, dy := s.pitch()
	return s.gap + place%s.columns*dx, s.gap + place/s.columns*dy
}

// set paints a pixel of the image at a place.
func (s *sheet) set(place, pixel int, ink []uint8) {
	left, top := s.corner(place)
	left, top = left+pixel%s.width*s.scale, top+pixel/s.width*s.scale
	for y := top; y < top+s.scale; y++ {
		row := s.pix[(y*s.size.X+left)*s.bytes:][:s.scale*s.bytes]
		for x := 0; x < len(row); x += s.bytes {
			copy(row[x:], ink)
		}
	}
}

// add paints the image at a place.
func (s *sheet) add(place int, levels []uint16) {
	pixel := 0
	for ink := range slices.Chunk(s.image(levels), s.bytes) {
		s.set(place, pixel, ink)
		pixel++
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

// drawable is the picture of a sheet, on which text can be written.
type drawable interface {
	image.Image
	Set(x, y int, c color.Color)
}

// picture is the sheet as a picture, which shares its pixels.
func (s *sheet) picture() drawable {
	bounds := image.Rectangle{Max: s.size}
	switch {
	case s.bytes > 1:
		return &image.NRGBA{Pix: s.pix, Stride: s.bytes * s.size.X, Rect: bounds}
	case s.colours == nil:
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
	first, n := f.Shard.Range(f.n)
	l, err := layOut(sig, f.geometry(n))
	if err != nil {
		return nil, err
	}
	if need := captionWidth(f.captions, first+n-1) * face.Advance; need > sig.Width*f.scale {
		return nil, cli.Usagef("--captions need images at least %d pixels wide: use --scale %d or more", need, (need+sig.Width-1)/sig.Width)
	}
	return &grid{w, sig, newSheet(l, f.inks(sig)), f.captions, uint64(first)}, nil
}

func (g *grid) add(s sampler.Sample) error {
	place := int(s.Index - g.first)
	g.sheet.add(place, s.Levels)
	for line, kind := range g.kinds {
		g.sheet.caption(place, line, captionText(kind, g.sig, s, g.sheet.width*g.sheet.scale/face.Advance))
	}
	return nil
}

func (g *grid) close() error { return png.Encode(g.w, g.sheet.picture()) }
