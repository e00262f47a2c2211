package serve

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"mime"
	"net/http"
	"slices"

	"pixelcnn/sampler"
)

// scoreObject is what is told of a picture.
type scoreObject struct {
	Index      int      `json:"index"`
	LogProb    *float64 `json:"logprob"` // in nats; null where the picture is impossible
	BitsPerDim *float64 `json:"bits_per_dim"`
}

// score answers POST /v1/score: how likely the model finds pictures. The class is the prompt's,
// or summed out.
func (s *Server) score(w http.ResponseWriter, r *http.Request) error {
	if err := s.accepts(); err != nil {
		return err
	}
	p, files, err := readEither(r)
	if err != nil {
		return err
	}
	m, err := s.model(p.Model)
	if err != nil {
		return err
	}
	sig := m.Signature()
	class, err := p.class(m)
	if err != nil {
		return err
	}
	levels, err := p.pictures(sig)
	if err != nil {
		return err
	}
	for _, f := range files {
		l, err := s.levels(sig, f)
		if err != nil {
			return err
		}
		levels = append(levels, l...)
	}
	n := len(levels) / sig.Symbols()
	switch {
	case n == 0:
		return invalid("levels", "there is no picture: send levels, [n][height][width], or a form with images")
	case n > s.cfg.MaxImages:
		return invalid("levels", "there are %d pictures, %d are the most", n, s.cfg.MaxImages)
	case n*sig.Symbols() > s.cfg.MaxPixels:
		return invalid("levels", "the pictures have more than %d pixels", s.cfg.MaxPixels)
	}
	results, err := s.scores(r, m, levels, class)
	if err != nil {
		return err
	}
	noted(r.Context(), m.Name, n)
	s.metrics.scored.WithLabelValues(m.Name).Add(float64(n))
	list := make([]scoreObject, n)
	for i, x := range results {
		list[i] = scoreObject{i, hundredths(x), nil}
		if bits := -x / math.Ln2 / float64(sig.Symbols()); !math.IsInf(bits, 0) && !math.IsNaN(bits) {
			list[i].BitsPerDim = &bits
		}
	}
	answer(w, http.StatusOK, map[string]any{
		"object": "list", "model": m.Name, "data": list,
		"usage": usage{n * sig.Symbols(), n * sig.Symbols(), 0, usageDetails{ImageTokens: n * sig.Symbols()}},
	})
	return nil
}

// scores has pictures scored, some at a time.
func (s *Server) scores(r *http.Request, m *Model, levels []uint16, class []int) ([]float64, error) {
	pixels := m.Signature().Symbols()
	n := len(levels) / pixels
	j := &job{ctx: r.Context(), client: s.whose(r), model: m, n: n, pixels: len(levels), most: 16}
	j.apart = func(ctx context.Context, from, n int) ([]sampler.Sample, error) {
		part := levels[from*pixels : (from+n)*pixels]
		logs, err := m.Score(ctx, part, sampler.Given{First: uint64(from), Classes: repeated(class, n), Conditions: m.Conditions})
		if err != nil {
			return nil, err
		}
		samples := make([]sampler.Sample, n)
		for i := range samples {
			samples[i].LogProb = logs[i]
		}
		return samples, nil
	}
	results := make([]float64, n)
	return results, s.collect(j, func(from int, samples []sampler.Sample) error {
		for i, sample := range samples {
			results[from+i] = sample.LogProb
		}
		return nil
	})
}

// repeated is a class for n pictures; nil for any.
func repeated(class []int, n int) []int {
	if class == nil {
		return nil
	}
	return slices.Repeat(class, n)
}

// readEither reads a request that is JSON or a form.
func readEither(r *http.Request) (*params, []upload, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "multipart/form-data" {
		return readForm(r)
	}
	p, err := readJSON(r)
	return p, nil, err
}

// pictures are the levels of a request, [n, H, W, C].
func (p *params) pictures(sig *sampler.Signature) (all []uint16, err error) {
	switch {
	case p.Levels == nil:
		return nil, nil
	case sig.Channels == 1: // then the last lists are rows
		var pictures [][][]uint16
		if err = json.Unmarshal(p.Levels, &pictures); err == nil {
			for i, rows := range pictures {
				all = append(all, slices.Concat(rows...)...)
				if err := shaped(sig, i, len(rows), rows, sig.Width); err != nil {
					return nil, err
				}
			}
		}
	default:
		var pictures [][][][]uint16
		if err = json.Unmarshal(p.Levels, &pictures); err == nil {
			for i, rows := range pictures {
				pixels := slices.Concat(rows...)
				all = append(all, slices.Concat(pixels...)...)
				if err := errors.Join(shaped(sig, i, len(rows), rows, sig.Width), shaped(sig, i, len(rows), pixels, sig.Channels)); err != nil {
					return nil, err
				}
			}
		}
	}
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return nil, wrongType("levels", "not all lists of lists of levels: there is a "+wrong.Value, wrong.Type)
	}
	for k, level := range all {
		if int(level) >= sig.Levels {
			return nil, invalid("levels", "picture %d of levels has level %d, the model has %d levels", k/sig.Symbols(), level, sig.Levels)
		}
	}
	return all, nil
}

// shaped tells whether picture i has the rows of the model's, and each list so many elements.
func shaped[T any](sig *sampler.Signature, i, rows int, lists [][]T, long int) error {
	for _, list := range lists {
		if len(list) != long {
			return invalid("levels", "picture %d of levels has a list of %d, the model's pictures are %s", i, len(list), sig.Shape())
		}
	}
	if rows != sig.Height {
		return invalid("levels", "picture %d of levels has %d rows, the model's pictures are %s", i, rows, sig.Shape())
	}
	return nil
}
