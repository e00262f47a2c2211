package main

import (
	"encoding/json"
	"io"
	"maps"
	"math"
	"slices"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/internal/npy"
	"pixelcnn/sampler"
)

// sink takes samples in order.
type sink interface {
	add(sampler.Sample) error
	close() error
}

// sinks begin a file of a format. "gif" is not among them, since it needs the steps of a draw.
var sinks = map[string]func(io.Writer, *sampler.Signature, *drawFlags) (sink, error){
	"png":  newGrid,
	"npy":  newNPY,
	"raw":  newRaw,
	"json": newJSON,
}

var formats = append(slices.Sorted(maps.Keys(sinks)), "gif")

// raw writes levels, image after image, in the element type of NPY files.
type raw struct {
	w    io.Writer
	elem npy.Type
}

func newRaw(w io.Writer, sig *sampler.Signature, _ *drawFlags) (sink, error) {
	return raw{w, npy.LevelType(sig.Levels)}, nil
}

func (r raw) add(s sampler.Sample) error {
	_, err := r.w.Write(npy.AppendLevels(nil, s.Levels, r.elem))
	return err
}

func (r raw) close() error { return nil }

// newNPY begins an array of levels.
func newNPY(w io.Writer, sig *sampler.Signature, f *drawFlags) (sink, error) {
	_, n := f.Shard.Range(f.n)
	r := raw{w, npy.LevelType(sig.Levels)}
	return r, npy.WriteHeader(w, r.elem, append([]int{n}, imageShape(sig)...)...)
}

// imageShape is the shape of an image of the model in arrays: [H, W], or [H, W, C] where it has
// several channels.
func imageShape(sig *sampler.Signature) []int {
	if sig.Channels == 1 {
		return []int{sig.Height, sig.Width}
	}
	return []int{sig.Height, sig.Width, sig.Channels}
}

// jsonLines writes an object a line.
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
	Filters        string   `json:"filters,omitempty"`
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
		Seed:           f.number,
		Greedy:         f.greedy,
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
		line.TopK, line.TopP, line.MinP, line.Filters = f.topK, f.topP, f.minP, f.filters
	}
	if f.bestOf > 1 {
		line.BestOf = f.bestOf
	}
	if len(f.init) > 0 {
		line.LogProbKept = rounded(s.LogProbGiven, 100)
	}
	if n := f.particles.n; n > 1 {
		line.Particles, line.EffectiveSize, line.Resampled = n, rounded(s.EffectiveSize, 100), &s.Resampled
	}
	return j.encoder.Encode(line)
}

// rounded is x as a multiple of 1/parts. It is nil, JSON's null, for infinity and NaN, which JSON
// does not have: x is infinite where a given pixel is impossible, and NaN where it is not known.
func rounded(x, parts float64) *float64 {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return nil
	}
	x = math.Round(x*parts)/parts + 0 // no -0
	return &x
}

func (j jsonLines) close() error { return nil }
