package main

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/gif"
	"io"
	"slices"
	"time"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/sampler"
)

const (
	leastDelay   = 20 * time.Millisecond // what every viewer can show
	hold         = 2 * time.Second       // for the last frame
	maxAnimation = 1 << 30               // pixels of all frames
)

// growth is when each pixel of a draw was decided, with all of its channels.
type growth struct {
	step   []int // [n, H, W]; given ones have 0
	steps  int
	levels []uint16 // [n, H, W, C]

	classes []int // [n]; nil where the model has none
}

// note takes a step; mask, [H, W, C] or nil, is what is given.
func (g *growth) note(step sampler.Step, channels int, mask []bool) {
	at := 0
	for known := range slices.Chunk(step.Known, channels) {
		given := mask != nil && !slices.Contains(mask[at*channels%len(mask):][:channels], false)
		if g.step[at] == 0 && !given && !slices.Contains(known, false) {
			g.step[at] = step.Number
		}
		at++
	}
	g.levels, g.steps, g.classes = step.Levels, step.Number, step.Classes
}

// drawGIF draws the images of a request step by step and writes an animation of it.
func drawGIF(ctx context.Context, s *sampler.Sampler, req sampler.Request, f *drawFlags, w io.Writer) (*growth, error) {
	sig := s.Signature()
	l, err := layOut(sig, f.geometry(req.N))
	if err != nil {
		return nil, err
	}
	most := int(f.duration / leastDelay)
	if most*l.size.X*l.size.Y > maxAnimation {
		return nil, cli.Usagef("an animation of %d×%d pixels over %v is too large; use fewer images, a smaller --scale or a shorter --duration",
			l.size.X, l.size.Y, f.duration)
	}
	g := &growth{step: make([]int, req.N*sig.Pixels())}
	for step, err := range s.Steps(ctx, req) {
		if err != nil {
			return nil, err
		}
		g.note(step, sig.Channels, req.Inpainting.Mask)
	}
	sheet := newSheet(l, f.indices(sig, g.levels))
	return g, gif.EncodeAll(w, sheet.animate(g, most, f.duration))
}

// animate makes the frames: the first shows what was given, each later one what has become known
// since the one before. Where there are more steps than frames, some steps share a frame.
func (s *sheet) animate(g *growth, most int, duration time.Duration) *gif.GIF {
	frames := min(g.steps, most)
	delay := int(duration / time.Duration(frames) / (10 * time.Millisecond))
	pixels := s.width * s.height
	known := make([][]int, frames+1) // pixels by the frame in which they appear
	for k, step := range g.step {
		frame := 0
		if step > 0 {
			frame = ((step-1)*frames)/g.steps + 1
		}
		known[frame] = append(known[frame], k)
	}
	out := &gif.GIF{Config: image.Config{ColorModel: s.colours, Width: s.size.X, Height: s.size.Y}}
	for k := range g.step {
		s.set(k/pixels, k%pixels, s.unknown)
	}
	var inks []uint8
	for levels := range slices.Chunk(g.levels, len(g.levels)*pixels/len(g.step)) {
		inks = append(inks, s.image(levels)...)
	}
	for frame, ks := range known {
		if frame > 0 {
			s.pix = bytes.Repeat(s.keep, len(s.pix))
		}
		for _, k := range ks {
			s.set(k/pixels, k%pixels, inks[k:k+1])
		}
		out.Image = append(out.Image, &image.Paletted{
			Pix: s.pix, Stride: s.size.X, Rect: image.Rectangle{Max: s.size}, Palette: s.colours,
		})
		out.Delay = append(out.Delay, delay)
		out.Disposal = append(out.Disposal, gif.DisposalNone)
	}
	out.Delay[frames] = int(hold / (10 * time.Millisecond))
	return out
}

// unknownColour is the colour of a pixel that is not decided yet.
var unknownColour = color.RGBA{0x2c, 0x3e, 0x66, 0xff}
