package serve

import (
	"context"
	"net/http"
	"time"

	"pixelcnn/sampler"
)

// asked is a request for images, checked.
type asked struct {
	*job
	form
	kind    string // "image_generation" or "image_edit", which begins the names of events
	stream  bool
	partial int // pictures of each image while it is drawn
	given   int // symbols of the picture to inpaint
}

const maxPartial = 100

// generate answers POST /v1/images/generations.
func (s *Server) generate(w http.ResponseWriter, r *http.Request) error {
	if err := s.accepts(); err != nil {
		return err
	}
	p, err := readJSON(r)
	if err != nil {
		return err
	}
	m, err := s.model(p.Model)
	if err != nil {
		return err
	}
	a, err := s.ask(r, p, m, sampler.Inpainting{})
	if err != nil {
		return err
	}
	return s.draw(w, a)
}

// ask makes of a request's fields what is asked of the sampler.
func (s *Server) ask(r *http.Request, p *params, m *Model, in sampler.Inpainting) (*asked, error) {
	sig := m.Signature()
	a := &asked{kind: "image_generation", stream: p.Stream, partial: p.PartialImages}
	if in.Mask != nil {
		a.kind = "image_edit"
		in.Particles = p.Particles
		for _, given := range in.Mask {
			if given {
				a.given++
			}
		}
	}
	n := p.N
	var err error
	switch {
	case n < 1 || n > s.cfg.MaxImages:
		return nil, invalid("n", "n is %d, must be from 1 to %d", n, s.cfg.MaxImages)
	case a.partial < 0 || a.partial > maxPartial:
		return nil, invalid("partial_images", "partial_images is %d, must be from 0 to %d", a.partial, maxPartial)
	case p.BestOf < 1:
		return nil, invalid("best_of", "best_of is %d, must be at least 1", p.BestOf)
	case p.Particles < 1:
		return nil, invalid("particles", "particles is %d, must be at least 1", p.Particles)
	case p.Particles > 1 && in.Mask == nil:
		return nil, invalid("particles", "particles are for edits")
	}
	if a.form, err = p.form(sig); err != nil {
		return nil, err
	}
	req := sampler.Request{First: p.First, N: n, BestOf: p.BestOf, Inpainting: in, Conditions: m.Conditions}
	if req.Parameters, err = p.parameters(); err != nil {
		return nil, err
	}
	if req.Classes, err = p.class(m); err != nil {
		return nil, err
	}
	if err := m.Check(req); err != nil {
		return nil, err
	}
	a.job = &job{ctx: r.Context(), client: s.whose(r), model: m, req: req, n: n}
	// Of numbers each of which is below 2³⁰.
	each := sig.Channels * max(a.candidates(), a.scale*a.scale)
	if a.stream {
		each += sig.Channels * a.partial * a.scale * a.scale
	}
	if most := s.cfg.MaxPixels / sig.Pixels() / n; each > most {
		return nil, invalid("n", "%d images of %dx%d at %s, their candidates and partial images have more than %d pixels", n, sig.Width, sig.Height, a.size(sig), s.cfg.MaxPixels)
	}
	a.pixels = n * sig.Pixels() * each
	if in.Particles > 1 {
		a.most, a.apart = 1, func(_ context.Context, from, n int) ([]sampler.Sample, error) {
			t := task{a.job, from, n}
			samples, err := m.Together(context.Background(), []sampler.Request{t.request()})
			if err != nil {
				return nil, err
			}
			return samples[0], a.ctx.Err()
		}
	}
	noted(r.Context(), m.Name, n)
	return a, nil
}

// draw has the images drawn, and answers with them.
func (s *Server) draw(w http.ResponseWriter, a *asked) error {
	if a.stream {
		return s.streamed(w, a)
	}
	samples := make([]sampler.Sample, a.n)
	if err := s.collect(a.job, func(from int, part []sampler.Sample) error {
		copy(samples[from:], part)
		return nil
	}); err != nil {
		return err
	}
	return s.send(w, a, samples)
}

// collect has a job done, and hands over its parts in the order in which they are done.
func (s *Server) collect(j *job, part func(from int, samples []sampler.Sample) error) error {
	return s.collectWatching(j, nil, part, nil)
}

// collectWatching is collect, and hands over what is sent to partials before the image that it
// belongs to.
func (s *Server) collectWatching(j *job, partials <-chan partial, part func(from int, samples []sampler.Sample) error, show func(partial) error) error {
	if err := s.queue.add(j); err != nil {
		return err
	}
	defer s.queue.leave(j)
	began := time.Now()
	for have := 0; have < j.n; {
		select {
		case p := <-partials:
			if err := show(p); err != nil {
				return err
			}
		case p := <-j.done:
			if p.err != nil {
				return p.err
			}
			if have == 0 {
				s.metrics.first.Observe(time.Since(began).Seconds())
			}
			for len(partials) > 0 { // sent before the part was
				if err := show(<-partials); err != nil {
					return err
				}
			}
			have += len(p.samples)
			if err := part(p.from, p.samples); err != nil {
				return err
			}
		case <-j.ctx.Done():
			return j.ctx.Err()
		}
	}
	return nil
}
