package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/sampler"
)

// sink takes samples in order.
type sink interface {
	add(sampler.Sample) error
	close() error
}

// sinks begin a file of a format. "gif" is none of them: it needs the steps of a draw.
var sinks = map[string]func(io.Writer, *sampler.Signature, *drawFlags) (sink, error){
	"png":  newGrid,
	"npy":  newNPY,
	"raw":  newRaw,
	"json": newJSON,
}

var formats = append(slices.Sorted(maps.Keys(sinks)), "gif")

// raw is levels, image after image: a byte each, or two, the low one first, where there are
// more than 256.
type raw struct {
	w    io.Writer
	wide bool
}

func newRaw(w io.Writer, sig *sampler.Signature, _ *drawFlags) (sink, error) {
	return raw{w, sig.Levels > 1<<8}, nil
}

func (r raw) add(s sampler.Sample) error {
	var b []byte
	for _, l := range s.Levels {
		if b = append(b, byte(l)); r.wide {
			b = append(b, byte(l>>8))
		}
	}
	_, err := r.w.Write(b)
	return err
}

func (r raw) close() error { return nil }

// newNPY begins an array of levels, [n, height, width] of one channel, else
// [n, height, width, channels]: uint8, or uint16 where there are more than 256.
func newNPY(w io.Writer, sig *sampler.Signature, f *drawFlags) (sink, error) {
	_, n := f.shard.of(f.n)
	descr, shape := "|u1", []int{n, sig.Height, sig.Width}
	if sig.Levels > 1<<8 {
		descr = "<u2"
	}
	if sig.Channels > 1 {
		shape = append(shape, sig.Channels)
	}
	if err := writeNPYHeader(w, descr, shape...); err != nil {
		return nil, err
	}
	return newRaw(w, sig, f)
}

// writeNPYHeader begins NumPy's format, version 1.0: an array of that type and shape.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
func writeNPYHeader(w io.Writer, descr string, shape ...int) error {
	var dims []string
	for _, d := range shape {
		dims = append(dims, strconv.Itoa(d))
	}
	if len(dims) == 1 {
		dims[0] += "," // as Python writes a tuple of one
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, strings.Join(dims, ", "))
	const before = 10                                                // bytes of magic, version and length
	header += strings.Repeat(" ", 63-(before+len(header))%64) + "\n" // data begin at a multiple of 64
	b := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	_, err := w.Write(append(b, header...))
	return err
}

// jsonLines is one object a line.
type jsonLines struct {
	encoder *json.Encoder
	sig     *sampler.Signature
	flags   *drawFlags
}

func newJSON(w io.Writer, sig *sampler.Signature, f *drawFlags) (sink, error) {
	return jsonLines{cli.NewEncoder(w), sig, f}, nil
}

// jsonSample is a line. Settings that are off are left out.
type jsonSample struct {
	Index          uint64   `json:"index"`
	Seed           uint64   `json:"seed"`
	Class          *int     `json:"class,omitempty"`
	ClassName      string   `json:"class_name,omitempty"`
	Temperature    float64  `json:"temperature,omitempty"`
	TemperatureEnd float64  `json:"temperature_end,omitempty"`
	Greedy         bool     `json:"greedy,omitempty"`
	TopK           int      `json:"top_k,omitempty"`
	TopP           float64  `json:"top_p,omitempty"`
	MinP           float64  `json:"min_p,omitempty"`
	BestOf         int      `json:"best_of,omitempty"`
	Height         int      `json:"height"`
	Width          int      `json:"width"`
	Channels       int      `json:"channels,omitempty"` // where there are more than one
	LogProb        *float64 `json:"logprob"`
	LogProbOptions *float64 `json:"logprob_options"`
	LogProbKept    *float64 `json:"logprob_kept,omitempty"`
	Particles      int      `json:"particles,omitempty"`
	EffectiveSize  *float64 `json:"effective_size,omitempty"`
	Resampled      *int     `json:"resampled,omitempty"`
	Levels         any      `json:"levels"` // [height][width], with more channels [height][width][channels]
}

func (j jsonLines) add(s sampler.Sample) error {
	f := j.flags
	line := jsonSample{
		Index:          s.Index,
		Seed:           f.seed,
		Greedy:         f.greedy,
		TopK:           f.topK,
		TopP:           f.topP,
		MinP:           f.minP,
		Height:         j.sig.Height,
		Width:          j.sig.Width,
		LogProb:        rounded(s.LogProb, 100),
		LogProbOptions: rounded(s.LogProbDrawn, 100),
		Levels:         slices.Collect(slices.Chunk(s.Levels, j.sig.Width)),
	}
	if c := j.sig.Channels; c > 1 {
		pixels := slices.Collect(slices.Chunk(s.Levels, c))
		line.Channels, line.Levels = c, slices.Collect(slices.Chunk(pixels, j.sig.Width))
	}
	if s.Class >= 0 {
		line.Class = &s.Class
	}
	if s.Class >= 0 && s.Class < len(j.sig.Meta.Classes) {
		line.ClassName = j.sig.Meta.Classes[s.Class]
	}
	if !f.greedy {
		line.Temperature, line.TemperatureEnd = f.temperature.first, f.temperature.last
	}
	if f.bestOf > 1 {
		line.BestOf = f.bestOf
	}
	if f.init != "" {
		line.LogProbKept = rounded(s.LogProbGiven, 100)
	}
	if n := f.particles.n; n > 1 {
		line.Particles, line.EffectiveSize, line.Resampled = n, rounded(s.EffectiveSize, 100), &s.Resampled
	}
	return j.encoder.Encode(line)
}

// rounded is x to a hundredth or the like. It is nil, JSON's null, where it is no number
// that JSON has: a given pixel is impossible and x infinite, or x is not known.
func rounded(x, parts float64) *float64 {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return nil
	}
	x = math.Round(x*parts)/parts + 0 // no -0
	return &x
}

func (j jsonLines) close() error { return nil }
