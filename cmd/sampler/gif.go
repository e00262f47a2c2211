package main

import (
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

// growth is when each pixel of a draw was decided.
type growth struct {
	step   []int // [n, H, W]; 0: from the start
	steps  int
	levels []uint16 // [n, H, W]

	classes []int // [n]; nil where the model has none
}

// drawGIF draws the images of a request step by step and writes an animation of it.
func drawGIF(ctx context.Context, s *sampler.Sampler, req sampler.Request, f *drawFlags, w io.Writer) (*growth, error) {
	sheet, err := newSheet(s.Signature(), f.geometry(req.N), &f.palette, true)
	if err != nil {
		return nil, err
	}
	most := int(f.duration / leastDelay)
	if most*len(sheet.pix) > maxAnimation {
		return nil, cli.Usagef("an animation of %d×%d pixels over %v is too large; use fewer images, a smaller --scale or a shorter --duration",
			sheet.size.X, sheet.size.Y, f.duration)
	}
	g := &growth{}
	for step, err := range s.Steps(ctx, req) {
		if err != nil {
			return nil, err
		}
		if g.levels == nil {
			g.step = make([]int, len(step.Levels))
			if mask := req.Inpainting.Mask; mask != nil {
				for k := range g.step {
					if mask[k%len(mask)] {
						g.step[k] = -1 // known before the first step
					}
				}
			}
		}
		for k, known := range step.Known {
			if known && g.step[k] == 0 {
				g.step[k] = step.Number
			}
		}
		g.levels, g.steps, g.classes = step.Levels, step.Number, step.Classes
	}
	return g, gif.EncodeAll(w, sheet.animate(g, most, f.duration))
}

// animate makes the frames: the first with nothing but what was there before, the
// others with what became known since the one before. Where there are more steps than
// frames, some share one.
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
	for frame, ks := range known {
		if frame > 0 {
			for i := range s.pix {
				s.pix[i] = s.keep
			}
		}
		for _, k := range ks {
			s.set(k/pixels, k%pixels, s.shades[g.levels[k]])
		}
		out.Image = append(out.Image, &image.Paletted{
			Pix: slices.Clone(s.pix), Stride: s.size.X, Rect: image.Rectangle{Max: s.size}, Palette: s.colours,
		})
		out.Delay = append(out.Delay, delay)
		out.Disposal = append(out.Disposal, gif.DisposalNone)
	}
	out.Delay[frames] = int(hold / (10 * time.Millisecond))
	return out
}

// unknownColour is what a pixel has before it is decided.
var unknownColour = color.RGBA{0x2c, 0x3e, 0x66, 0xff}
