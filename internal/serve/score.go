package serve

import (
	"context"
	"math"
	"mime"
	"net/http"

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
	m, err := s.model(or(p.Model, ""))
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
		picture, err := s.decode(f)
		if err != nil {
			return err
		}
		l, err := s.levels(sig, picture)
		if err != nil {
			return err
		}
		levels = append(levels, l...)
	}
	n := len(levels) / sig.Pixels()
	switch {
	case n == 0:
		return invalid("levels", "there is no picture: send levels, [n][height][width], or a form with images")
	case n > s.cfg.MaxImages:
		return invalid("levels", "there are %d pictures, %d are the most", n, s.cfg.MaxImages)
	case n*sig.Pixels() > s.cfg.MaxPixels:
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
		if bits := -x / math.Ln2 / float64(sig.Pixels()); !math.IsInf(bits, 0) && !math.IsNaN(bits) {
			list[i].BitsPerDim = &bits
		}
	}
	answer(w, http.StatusOK, map[string]any{
		"object": "list", "model": m.Name, "data": list,
		"usage": usage{n * sig.Pixels(), n * sig.Pixels(), 0, usageDetails{ImageTokens: n * sig.Pixels()}},
	})
	return nil
}

// scores has pictures scored, some at a time.
func (s *Server) scores(r *http.Request, m *Model, levels []uint16, class []int) ([]float64, error) {
	pixels := m.Signature().Pixels()
	n := len(levels) / pixels
	j := &job{ctx: r.Context(), client: s.whose(r), model: m, n: n, pixels: len(levels), most: 16}
	j.apart = func(ctx context.Context, from, n int) ([]sampler.Sample, error) {
		part := levels[from*pixels : (from+n)*pixels]
		var logs []float64
		var err error
		if class == nil {
			logs, err = m.LogProb(ctx, part)
		} else {
			classes := make([]int, n)
			for i := range classes {
				classes[i] = class[0]
			}
			logs, err = m.LogProbGivenClass(ctx, part, classes)
		}
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

// readEither reads a request that is JSON or a form.
func readEither(r *http.Request) (*params, []upload, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "multipart/form-data" {
		return readForm(r)
	}
	p, err := readJSON(r)
	return p, nil, err
}

// pictures are the levels of a request, [n, H, W].
func (p *params) pictures(sig *sampler.Signature) ([]uint16, error) {
	var all []uint16
	for i, rows := range p.Levels {
		if len(rows) != sig.Height {
			return nil, invalid("levels", "levels[%d] has %d rows, the model's images have %d", i, len(rows), sig.Height)
		}
		for y, row := range rows {
			if len(row) != sig.Width {
				return nil, invalid("levels", "levels[%d][%d] has %d pixels, the model's images are %d wide", i, y, len(row), sig.Width)
			}
			for x, level := range row {
				if int(level) >= sig.Levels {
					return nil, invalid("levels", "levels[%d][%d][%d] is %d, the model has %d levels", i, y, x, level, sig.Levels)
				}
			}
			all = append(all, row...)
		}
	}
	return all, nil
}
