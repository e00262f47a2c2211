package shard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/color"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"pixelcnn/internal/npy"
)

// What is done with the images.
const (
	Draw   = "draw"
	Score  = "score"
	Encode = "encode" // codes, of pictures
)

// Format is the version of the manifest.
const Format = 1

// Manifest says what a shard is made of and what it holds. All but Output, Scores, Input, Host and
// Seconds is known before it is made, and the same in all shards, except for the shard's own range.
type Manifest struct {
	Format int    `json:"format"`
	Work   string `json:"work"` // Draw, Score or Encode
	Shard  int    `json:"shard"`
	Shards int    `json:"shards"`

	Images int   `json:"images"` // of all shards
	First  int   `json:"first"`  // the shard's first
	Count  int   `json:"count"`  // the shard's own
	Shape  []int `json:"shape"`  // of an image, or of its codes: [H, W] or [H, W, C]
	Levels int   `json:"levels"`
	// Palette is the model's own: the colour of each level. It is the model file's, as is Shape.
	Palette []color.NRGBA `json:"palette,omitempty"`

	Model string `json:"model_sha256"`
	// Parameters are what the library was given, and the data that are scored or encoded, by name.
	Parameters map[string]json.RawMessage `json:"parameters"`
	Version    string                     `json:"version"` // of the program

	Input  string  `json:"input_sha256,omitempty"` // of the levels that were scored or encoded
	Output *Output `json:"output,omitempty"`       // nil where there are scores only
	Labels *Output `json:"labels,omitempty"`       // the images' classes, where they are kept
	Scores *Scores `json:"scores,omitempty"`

	Host    string  `json:"host"`
	Seconds float64 `json:"seconds"`
}

// Output is an NPY file beside the manifest: an array [Count, …].
type Output struct {
	Type   npy.Type `json:"type"`
	Bytes  int64    `json:"bytes,omitempty"`
	SHA256 string   `json:"sha256,omitempty"`
}

// Scores are the sums of a shard's images.
type Scores struct {
	All   Sums  `json:"all"`
	Given *Sums `json:"given_class,omitempty"` // given the images' classes
}

// Merge adds the scores of other images.
func (s *Scores) Merge(other *Scores) {
	s.All.Merge(&other.All)
	if other.Given != nil {
		if s.Given == nil {
			s.Given = new(Sums)
		}
		s.Given.Merge(other.Given)
	}
}

// Part is the manifest's part.
func (m *Manifest) Part() Part { return Part{m.Shard, m.Shards} }

// copy is a manifest whose outputs can be filled in without changing m.
func (m *Manifest) copy() *Manifest {
	c := *m
	for _, o := range []**Output{&c.Output, &c.Labels} {
		if *o != nil {
			*o = &Output{Type: (*o).Type}
		}
	}
	return &c
}

// maxManifest bounds the file that is read.
const maxManifest = 1 << 20

// read reads the manifest of a part. The error wraps [os.ErrNotExist] where it is not there.
func read(dir string, p Part) (*Manifest, error) {
	path := filepath.Join(dir, p.Name()+".json")
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxManifest))
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	m := new(Manifest)
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("%w: %s is not a manifest: %w", ErrShard, path, err)
	}
	first, count := p.Range(m.Images)
	switch {
	case m.Format != Format:
		err = fmt.Errorf("is of format %d, must be %d", m.Format, Format)
	case m.Part() != p:
		err = fmt.Errorf("is that of shard %d of %d", m.Shard, m.Shards)
	case m.Images < p.Of || m.First != first || m.Count != count:
		err = fmt.Errorf("has images %d to %d of %d; shard %d of %d has others", m.First, m.First+m.Count-1, m.Images, p.At, p.Of)
	case (m.Work == Draw || m.Work == Encode) && (m.Output == nil || m.Scores != nil), m.Work == Score && (m.Scores == nil || m.Labels != nil),
		!slices.Contains([]string{Draw, Score, Encode}, m.Work):
		err = fmt.Errorf("has not what %q gives", m.Work)
	case len(m.Shape) < 2 || len(m.Shape) > 3 || slices.Min(m.Shape) < 1 || npy.Elements(m.Shape) > 1<<30 || m.Levels < 2 || m.Levels > 1<<16:
		err = fmt.Errorf("is of images of shape %v and %d levels, which cannot be", m.Shape, m.Levels)
	case m.Output != nil && m.Output.Type.Size() == 0:
		err = fmt.Errorf("has elements %q", m.Output.Type)
	case m.Labels != nil && m.Labels.Type != npy.Int64:
		err = fmt.Errorf("has labels %q, must be %q", m.Labels.Type, npy.Int64)
	case m.Scores != nil && m.Scores.All.Images+m.Scores.All.Impossible != m.Count:
		err = fmt.Errorf("has the scores of other than %d images", m.Count)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s %w", ErrShard, path, err)
	}
	return m, nil
}

// difference names, in words, what differs between a manifest and one of the same work; it is ""
// where nothing does. The parts' own ranges are not compared.
func (m *Manifest) difference(other *Manifest) string {
	type value struct {
		name       string
		have, want any
	}
	list := []value{
		{"work", m.Work, other.Work},
		{"model_sha256", m.Model, other.Model},
		{"number of images", m.Images, other.Images},
	}
	names := map[string]json.RawMessage{}
	maps.Copy(names, m.Parameters)
	maps.Copy(names, other.Parameters)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		list = append(list, value{name, text(m.Parameters[name]), text(other.Parameters[name])})
	}
	list = append(list, value{"shape", fmt.Sprint(m.Shape), fmt.Sprint(other.Shape)}, value{"levels", m.Levels, other.Levels},
		value{"output", m.Output.kind(), other.Output.kind()}, value{"labels", m.Labels.kind(), other.Labels.kind()}, value{"version", m.Version, other.Version})
	for _, v := range list {
		if v.have != v.want {
			return fmt.Sprintf("%s is %v, must be %v", v.name, v.have, v.want)
		}
	}
	return ""
}

// kind says what an output is.
func (o *Output) kind() string {
	if o == nil {
		return "none"
	}
	return string(o.Type)
}

// text is a value in its compact form.
func text(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return "not there"
	}
	return b.String()
}
