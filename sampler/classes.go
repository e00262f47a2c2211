package sampler

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"pixelcnn/internal/likelihood"
	"pixelcnn/sampler/internal/draw"
)

// classes decides the classes of a request's images.
type classes struct {
	sig   *Signature
	req   *Request
	given []*posteriors // by picture, of those that are inpainted; nil where the prior decides
}

// posteriors are how likely the classes are given the pixels of a picture.
type posteriors struct {
	probs []float64
	// They are off by no more than doubt between one class and the next. Where that leaves a
	// class open, exact decides; it is nil where there is nothing to decide it with.
	doubt float64
	exact func() ([]float64, error)
}

// newClasses prepares a request's classes. The given pixels that come before all free ones
// bear on the class: it is drawn given them. With particles, that is left to their weights.
func (s *Sampler) newClasses(ctx context.Context, req Request) (*classes, error) {
	c := &classes{sig: s.sig, req: &req}
	in := req.Inpainting
	first := 0
	for first < len(in.Mask) && in.Mask[first] {
		first++
	}
	if first == 0 || in.Particles > 1 || len(req.Classes) > 0 || s.sig.ClassInput == "" {
		return c, nil
	}
	if s.sig.OneFile != nil {
		return nil, fmt.Errorf("%w: the file holds a one-file sampler, which cannot tell what given pixels say of the class: say which class to draw", ErrConfig)
	}
	conditions, err := s.checkConditions(req)
	if err != nil {
		return nil, err
	}
	var own []*Tensor
	if conditions != nil {
		own = conditions(req.First)
		for i := range uint64(req.N) {
			if !slices.Equal(own, conditions(req.First+i)) {
				return nil, fmt.Errorf("%w: the given pixels bear on the class, and the images have conditions of their own: say which class to draw", ErrConfig)
			}
		}
		conditions = func(uint64) []*Tensor { return own }
	}
	c.given = make([]*posteriors, len(in.Picture)/len(in.Mask))
	for i := range uint64(req.N) {
		number := in.at(req.First + i)
		if c.given[number] != nil {
			continue
		}
		picture := make([]uint16, len(in.Mask)) // black where it is free
		copy(picture, in.levels(number)[:first])
		if c.given[number], err = s.posteriors(ctx, picture, first, own, conditions); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// posteriors are those given the first symbols of a picture.
func (s *Sampler) posteriors(ctx context.Context, picture []uint16, first int, own []*Tensor, conditions func(uint64) []*Tensor) (*posteriors, error) {
	n := len(s.sig.Prior)
	logs, err := s.logProb(ctx, &scoring{levels: picture, times: n, first: first, class: func(i int) int { return i }, conditions: conditions, drawing: true})
	if err != nil {
		return nil, err
	}
	p := &posteriors{probs: posterior(s.sig.Prior, logs)}
	if settler := s.engines.Settler; settler != nil {
		p.doubt = 2 * likelihood.Rounding * math.Sqrt(float64(first))
		p.exact = sync.OnceValues(func() ([]float64, error) {
			logs := make([]float64, n)
			for class := range logs {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				var err error
				if logs[class], err = settler.First(&draw.Row{Levels: picture, Class: class, Conditions: own}, first); err != nil {
					return nil, err
				}
			}
			return posterior(s.sig.Prior, logs), nil
		})
	}
	return p, nil
}

// posterior is the prior times what happened's probability under each class, with sum 1.
func posterior(prior, logs []float64) []float64 {
	total := likelihood.LogSumExp(logs, prior)
	out := make([]float64, len(prior))
	for k, p := range prior {
		if p > 0 && !math.IsInf(total, -1) {
			out[k] = p * likelihood.Exp(logs[k]-total)
		}
	}
	if math.IsInf(total, -1) {
		copy(out, prior) // impossible under every class
	}
	return out
}

// of are the classes of the images first to first+n-1; nil where the model has none.
func (c *classes) of(first uint64, n int) ([]int, error) {
	if c.sig.ClassInput == "" {
		return nil, nil
	}
	out := make([]int, n)
	for i := range out {
		image := first + uint64(i)
		if list := c.req.Classes; len(list) > 0 {
			out[i] = list[image/uint64(max(1, c.req.ClassRun))%uint64(len(list))]
			continue
		}
		u := draw.ClassUniform(c.req.Seed, image)
		if c.given == nil {
			out[i] = classOf(c.sig.Prior, u)
			continue
		}
		p := c.given[c.req.Inpainting.at(image)]
		probs := p.probs
		if p.exact != nil && classOf(probs, u-p.doubt) != classOf(probs, u+p.doubt) {
			var err error
			if probs, err = p.exact(); err != nil {
				return nil, err
			}
		}
		out[i] = classOf(probs, u)
	}
	return out, nil
}

// classOf draws a class by inverse CDF, with u in [0, 1).
func classOf(p []float64, u float64) int {
	last, cumulative := 0, 0.0
	for k, x := range p {
		if x == 0 {
			continue
		}
		if cumulative += x; u < cumulative {
			return k
		}
		last = k
	}
	return last // rounding only: u < 1
}

// Class is the class of an image of a request, by its number: the one that Classes says, or
// the one drawn from the prior. It is -1 where the model has no classes, or does not tell
// how many and the request says nothing.
func (s *Sampler) Class(req Request, image uint64) int {
	if s.sig.ClassInput == "" || s.sig.CheckClasses(req.Classes) != nil || s.sig.CheckDrawn(req.Classes) != nil {
		return -1
	}
	req.Inpainting = Inpainting{}
	c := classes{sig: s.sig, req: &req}
	class, _ := c.of(image, 1) // nothing is given, so nothing can fail
	return class[0]
}
