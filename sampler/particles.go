package sampler

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"pixelcnn/internal/likelihood"
	"pixelcnn/sampler/internal/draw"
)

// particles draws the candidates first to first+n-1 by sequential importance
// resampling. Particle j of image i has the uniforms of image i·Particles+j, that of its
// class included where classes are drawn: the given pixels then weigh classes as they do
// pixels. Else it has the image's class.
//
// Particles are drawn to the end at once, which any engine can do; where the record
// shows that they should have been resampled after a row, that is done, and the rows
// below are drawn again with all that is above given. What came of the rows below
// before is forgotten, so this is the sequential algorithm.
func (s *Sampler) particles(ctx context.Context, p *prepared, first uint64, n int, classes []int, after func(symbols int) error) ([]Sample, error) {
	size := p.Inpainting.Particles
	if len(p.Classes) > 0 {
		classes = repeated(classes, size)
	} else {
		var err error
		if classes, err = p.classes.of(first*uint64(size), n*size); err != nil {
			return nil, err
		}
	}
	clouds := make([]*cloud, n)
	for i := range clouds {
		of := classes
		if classes != nil {
			of = classes[i*size : (i+1)*size]
		}
		rows := s.rows(p, (first+uint64(i))*uint64(size), of, make([]uint16, size*s.symbols()))
		clouds[i] = newCloud(rows, p.Inpainting.Mask, s.sig.Width*s.sig.Channels, draw.Choices(p.Seed, first+uint64(i)))
	}
	for {
		var rows []draw.Row
		for _, c := range clouds {
			if !c.done {
				rows = append(rows, c.rows...)
			}
		}
		if rows == nil {
			break
		}
		if err := s.draw(ctx, rows, after, false); err != nil || p.over() {
			return nil, err
		}
		for _, c := range clouds {
			if !c.done {
				c.weighRows()
			}
		}
		after = nil // rows that are drawn again are no progress
	}
	samples := make([]Sample, n)
	for i, c := range clouds {
		chosen := c.choose()
		samples[i] = s.sample(&chosen)
		samples[i].EffectiveSize, samples[i].Resampled = c.effective(), c.resampled
	}
	return samples, nil
}

// cloud is the particles of one image.
type cloud struct {
	rows       []draw.Row     // the particles; their records are those of the last draw
	fixed      []*draw.Record // by particle: of the rows before first, and of the last draw below
	mask       []bool         // [H, W, C]: what a draw must leave, the rows before first included
	width      int            // symbols of a row
	evidence   []bool         // [H]: rows with given pixels
	free       []bool         // [H]: rows with others
	first      int            // the first row that is not fixed
	weights    []float64      // [particles], the largest is 1
	impossible bool           // no particle could have had the given pixels of a row
	resampled  int
	done       bool
	rng        *rand.Rand
}

func newCloud(rows []draw.Row, mask []bool, width int, rng *rand.Rand) *cloud {
	height := len(mask) / width
	c := &cloud{
		rows: rows, mask: slices.Clone(mask), width: width, rng: rng, weights: make([]float64, len(rows)),
		evidence: make([]bool, height), free: make([]bool, height),
	}
	for k, given := range mask {
		c.evidence[k/width] = c.evidence[k/width] || given
		c.free[k/width] = c.free[k/width] || !given
	}
	for j := range rows {
		rows[j].Mask, rows[j].Record = c.mask, draw.NewRecord(height)
		c.fixed = append(c.fixed, draw.NewRecord(height))
	}
	return c
}

// weighRows takes the log-probabilities of a draw, and weighs row after row until the
// particles must be resampled or all rows are fixed.
func (c *cloud) weighRows() {
	for j := range c.rows {
		c.fixed[j].CopyRows(c.rows[j].Record, c.first, len(c.free))
		c.rows[j].Record.Clear()
	}
	logs := make([]float64, len(c.weights))
	c.weigh(logs)
	for ; c.first < len(c.free); c.first++ {
		if !c.evidence[c.first] {
			continue
		}
		for j := range logs {
			logs[j] += c.fixed[j].Given[c.first]
		}
		c.weigh(logs)
		if effectiveSize(c.weights) < float64(len(logs))/2 && slices.Contains(c.free[c.first+1:], true) {
			c.resample()
			return
		}
	}
	c.done = true
}

// weigh turns log-weights into weights. Where none is possible, all count alike.
func (c *cloud) weigh(logs []float64) {
	top := slices.Max(logs)
	if math.IsInf(top, -1) {
		c.impossible = true
		clear(logs)
		top = 0
	}
	for j, l := range logs {
		c.weights[j] = likelihood.Exp(l - top)
	}
}

// effectiveSize is (Σw)²/Σw², the number of equal weights that would be worth as much.
func effectiveSize(weights []float64) float64 {
	sum, squares := 0.0, 0.0
	for _, w := range weights {
		sum += w
		squares += float64(w * w)
	}
	return sum * sum / squares
}

// resample replaces the particles by copies, as many of each as its weight deserves
// (systematic resampling), and fixes the row that was weighed last.
func (c *cloud) resample() {
	from := systematic(c.weights, c.rng.Float64())
	c.first++
	c.resampled++
	symbols := c.first * c.width
	for k := range symbols {
		c.mask[k] = true
	}
	before := make([]draw.Row, len(c.rows))
	for j, r := range c.rows {
		before[j] = draw.Row{Class: r.Class, Levels: slices.Clone(r.Levels[:symbols]), Record: c.fixed[j].Clone()}
	}
	for j, k := range from {
		c.rows[j].Class = before[k].Class
		copy(c.rows[j].Levels, before[k].Levels)
		c.fixed[j].CopyRows(before[k].Record, 0, c.first)
	}
}

// systematic chooses len(weights) indices in proportion to the weights: those under
// the points (u+j)/n of the cumulated weights (Kitagawa, "Monte Carlo filter and
// smoother for non-Gaussian nonlinear state space models", 1996).
func systematic(weights []float64, u float64) []int {
	n, sum := len(weights), draw.Sum(weights)
	chosen := make([]int, n)
	k, below := 0, 0.0
	for j := range chosen {
		point := (u + float64(j)) / float64(n) * sum
		for k < n-1 && below+weights[k] <= point {
			below += weights[k]
			k++
		}
		chosen[j] = k
	}
	return chosen
}

// choose draws one of the particles in proportion to the weights.
func (c *cloud) choose() draw.Row {
	j, rest := 0, c.rng.Float64()*draw.Sum(c.weights)
	for j < len(c.weights)-1 && rest >= c.weights[j] {
		rest -= c.weights[j]
		j++
	}
	chosen := c.rows[j]
	chosen.Levels, chosen.Record = slices.Clone(chosen.Levels), c.fixed[j]
	return chosen
}

// effective is the effective sample size, 0 where the given pixels are impossible.
func (c *cloud) effective() float64 {
	if c.impossible {
		return 0
	}
	return effectiveSize(c.weights)
}
