package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/sampler"
)

// writer takes images, levels [H, W] each, in order.
type writer interface {
	image(index int, levels []uint8) error
	close() error
}

// writers begin a file of a format.
var writers = map[string]func(io.Writer, *sampler.Spec, *drawFlags) (writer, error){
	"png":  newGrid,
	"npy":  newNPY,
	"json": newJSON,
}

var formats = slices.Sorted(maps.Keys(writers))

// grid is one PNG with all images, as near to a square as may be.
type grid struct {
	w       io.Writer
	spec    *sampler.Spec
	scale   int
	columns int
	picture *image.Gray
}

const (
	gap     = 2 // pixels between images and around them
	maxSide = 1 << 15
	paper   = 0xff
)

func newGrid(w io.Writer, spec *sampler.Spec, f *drawFlags) (writer, error) {
	g := &grid{w: w, spec: spec, scale: f.scale}
	g.columns = int(math.Ceil(math.Sqrt(float64(f.n))))
	rows := (f.n + g.columns - 1) / g.columns
	dx, dy := g.pitch()
	size := image.Rect(0, 0, g.columns*dx+gap, rows*dy+gap)
	if size.Dx() > maxSide || size.Dy() > maxSide {
		return nil, cli.Usagef("%d images at --scale %d make a PNG of %d×%d pixels; use fewer, a smaller scale, or --format npy",
			f.n, f.scale, size.Dx(), size.Dy())
	}
	g.picture = image.NewGray(size)
	for i := range g.picture.Pix {
		g.picture.Pix[i] = paper
	}
	return g, nil
}

// pitch is the distance from an image to the next, in the picture's pixels.
func (g *grid) pitch() (dx, dy int) {
	return g.spec.Width*g.scale + gap, g.spec.Height*g.scale + gap
}

func (g *grid) image(index int, levels []uint8) error {
	img := g.spec.Gray(levels)
	dx, dy := g.pitch()
	left, top := gap+index%g.columns*dx, gap+index/g.columns*dy
	for y := range g.spec.Height * g.scale {
		for x := range g.spec.Width * g.scale {
			g.picture.SetGray(left+x, top+y, color.Gray{Y: img.Pix[y/g.scale*g.spec.Width+x/g.scale]})
		}
	}
	return nil
}

func (g *grid) close() error { return png.Encode(g.w, g.picture) }

// npy is NumPy's format, version 1.0: uint8 levels [n, height, width].
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
type npy struct{ w io.Writer }

func newNPY(w io.Writer, spec *sampler.Spec, f *drawFlags) (writer, error) {
	header := fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': (%d, %d, %d), }", f.n, spec.Height, spec.Width)
	const before = 10                                                // bytes of magic, version and length
	header += strings.Repeat(" ", 63-(before+len(header))%64) + "\n" // data begin at a multiple of 64
	b := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	_, err := w.Write(append(b, header...))
	return npy{w}, err
}

func (n npy) image(_ int, levels []uint8) error {
	_, err := n.w.Write(levels)
	return err
}

func (n npy) close() error { return nil }

// jsonLines is one object a line.
type jsonLines struct {
	encoder *json.Encoder
	spec    *sampler.Spec
	flags   *drawFlags
}

func newJSON(w io.Writer, spec *sampler.Spec, f *drawFlags) (writer, error) {
	return jsonLines{json.NewEncoder(w), spec, f}, nil
}

func (j jsonLines) image(index int, levels []uint8) error {
	rows := make([][]int, j.spec.Height) // []uint8 would become base64
	for y := range rows {
		rows[y] = make([]int, j.spec.Width)
		for x := range rows[y] {
			rows[y][x] = int(levels[y*j.spec.Width+x])
		}
	}
	return j.encoder.Encode(struct {
		Index       int     `json:"index"`
		Seed        uint64  `json:"seed"`
		Temperature float64 `json:"temperature"`
		Height      int     `json:"height"`
		Width       int     `json:"width"`
		Levels      [][]int `json:"levels"`
	}{index, j.flags.seed, j.flags.temperature, j.spec.Height, j.spec.Width, rows})
}

func (j jsonLines) close() error { return nil }
