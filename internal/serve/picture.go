package serve

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/image/draw"

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
	if r := or(p.ResponseFormat, ""); r != "" && r != "b64_json" {
		if f.format = r; r == "url" {
			return f, invalid("response_format", "response_format is url, but the server keeps no images: take b64_json")
		}
	}
	if o := or(p.OutputFormat, ""); o != "" {
		f.format = o
	}
	switch f.format {
	case "png", "npy", "json":
	default:
		return f, invalid("output_format", "the format is %.40q, must be png, npy or json", f.format)
	}
	var err error
	f.scale, err = parseSize(or(p.Size, "auto"), sig.Width, sig.Height)
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

// picture makes an image of levels. Where known is not nil, the pixels that are not are
// transparent. It is the one place that knows how levels are shown.
func picture(sig *sampler.Signature, levels []uint16, known []bool, scale int) image.Image {
	var img, out draw.Image = sig.Gray(levels), nil
	size := image.Rect(0, 0, sig.Width*scale, sig.Height*scale)
	out = image.NewGray(size)
	if known != nil {
		img, out = sampler.Step{Levels: levels, Known: known}.Image(sig, 0), image.NewNRGBA(size)
	}
	if scale == 1 {
		return img
	}
	draw.NearestNeighbor.Scale(out, size, img, img.Bounds(), draw.Src, nil)
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
		return npy(sig, levels), nil
	}
	var b bytes.Buffer
	err := encoder.Encode(&b, picture(sig, levels, known, f.scale))
	return b.Bytes(), err
}

// npy is levels [1, H, W] in NumPy's format, version 1.0: bytes where there are no more than 256.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
func npy(sig *sampler.Signature, levels []uint16) []byte {
	descr := "|u1"
	if sig.Levels > 256 {
		descr = "<u2"
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (1, %d, %d), }", descr, sig.Height, sig.Width)
	const before = 10 // bytes of magic, version and length; data begin at a multiple of 64
	header += strings.Repeat(" ", 63-(before+len(header))%64) + "\n"
	b := append(binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header))), header...)
	for _, l := range levels {
		if sig.Levels > 256 {
			b = binary.LittleEndian.AppendUint16(b, l)
		} else {
			b = append(b, uint8(l))
		}
	}
	return b
}

// nested is levels [H][W].
func nested(levels []uint16, width int) [][]uint16 {
	var rows [][]uint16
	for ; len(levels) >= width && width > 0; levels = levels[width:] {
		rows = append(rows, levels[:width])
	}
	return rows
}
