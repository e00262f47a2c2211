package serve

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"slices"
	"strconv"
	"strings"
	"sync"

	"pixelcnn/internal/npy"
	"pixelcnn/sampler"
)

// form is how images are sent.
type form struct {
	format string // png, npy or json
	scale  int    // size of a pixel, of PNG
}

const maxScale = 64

// form checks how images are to be sent.
func (p *params) form(sig *sampler.Signature) (form, error) {
	f := form{format: "png", scale: 1}
	if r := p.ResponseFormat; r != "" && r != "b64_json" {
		if f.format = r; r == "url" {
			return f, invalid("response_format", "response_format is url, but the server keeps no images: take b64_json")
		}
	}
	if p.OutputFormat != "" {
		f.format = p.OutputFormat
	}
	switch f.format {
	case "png", "npy", "json":
	default:
		return f, invalid("output_format", "the format is %.40q, must be png, npy or json", f.format)
	}
	if f.format == "png" && sig.Colour() == "" {
		return f, invalid("output_format", "images of %d channels are no pictures: take npy or json", sig.Channels)
	}
	var err error
	f.scale, err = parseSize(p.Size, sig.Width, sig.Height)
	if err == nil && f.scale > 1 && f.format != "png" {
		err = invalid("size", "only png images are enlarged")
	}
	return f, err
}

// parseSize reads "256x256": width and height, a multiple of the model's.
func parseSize(text string, width, height int) (scale int, err error) {
	if text == "auto" || text == "" {
		return 1, nil
	}
	w, h, _ := strings.Cut(text, "x")
	x, errX := strconv.Atoi(w)
	y, errY := strconv.Atoi(h)
	if errX == nil && errY == nil && x%width == 0 && y == x/width*height {
		if scale := x / width; scale >= 1 && scale <= maxScale {
			return scale, nil
		}
	}
	return 0, invalid("size", "size is %.40q, must be auto or %dx%d times a number up to %d", text, width, height, maxScale)
}

// size is how large the images are, as clients say it.
func (f form) size(sig *sampler.Signature) string {
	return fmt.Sprintf("%dx%d", sig.Width*f.scale, sig.Height*f.scale)
}

// shown makes a picture of levels, [H, W, C]. Where known is not nil, the pixels that are not
// are transparent.
func shown(sig *sampler.Signature, levels []uint16, known []bool, scale int) image.Image {
	img := sig.Image(levels)
	if known != nil {
		img = sampler.Step{Levels: levels, Known: known}.Image(sig, 0)
	}
	if scale == 1 || img == nil {
		return img
	}
	size := image.Rect(0, 0, sig.Width*scale, sig.Height*scale)
	var out draw.Image = image.NewNRGBA(size)
	if _, grey := img.(*image.Gray); grey {
		out = image.NewGray(size)
	}
	for y := range size.Max.Y {
		for x := range size.Max.X {
			out.Set(x, y, img.At(x/scale, y/scale))
		}
	}
	return out
}

// buffers keeps what the encoder needs, which is more than what it makes.
type buffers struct{ sync.Pool }

func (b *buffers) Get() *png.EncoderBuffer {
	buffer, _ := b.Pool.Get().(*png.EncoderBuffer)
	return buffer
}

func (b *buffers) Put(buffer *png.EncoderBuffer) { b.Pool.Put(buffer) }

var encoder = png.Encoder{BufferPool: &buffers{}}

// file is an image's file, as the command writes it: a PNG, or an array of levels.
func (f form) file(sig *sampler.Signature, levels []uint16, known []bool) ([]byte, error) {
	if f.format == "npy" {
		h := npy.Header{Type: npy.LevelType(sig.Levels), Shape: []int{1, sig.Height, sig.Width}}
		if sig.Channels > 1 {
			h.Shape = append(h.Shape, sig.Channels)
		}
		return npy.AppendLevels(h.Marshal(), levels, h.Type), nil
	}
	var b bytes.Buffer
	err := encoder.Encode(&b, shown(sig, levels, known, f.scale))
	return b.Bytes(), err
}

// nested is an image's levels or the like as lists: [H][W], or [H][W][C] where there are channels.
func nested[T any](sig *sampler.Signature, all []T) any {
	var rows [][]T
	for row := range slices.Chunk(all, sig.Width*sig.Channels) {
		rows = append(rows, row)
	}
	if sig.Channels == 1 {
		return rows
	}
	var pixels [][][]T
	for _, row := range rows {
		pixels = append(pixels, slices.Collect(slices.Chunk(row, sig.Channels)))
	}
	return pixels
}
