package sampler

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
)

// particles draws the completions first to first+n-1 by sequential importance
// resampling. Particle j of image i has the coins of image i·Particles+j, that of its
// class included where classes are drawn: the kept pixels then weigh classes as they do
// pixels. Else it has the image's class.
//
// Candidates are drawn to the end at once, which any engine can do; where the record
// shows that they should have been resampled after a row, that is done, and the rows
// below are drawn again with all that is above kept. What came of the rows below
// before is forgotten, so this is the sequential algorithm.
func (p *portion) particles(ctx context.Context, first uint64, n int, classes []int) ([]Sample, error) {
	size := p.req.Completion.Particles
	if len(p.classes.list) > 0 {
		classes = repeated(classes, size)
	} else {
		var err error
		if classes, err = p.classes.of(first*uint64(size), n*size); err != nil {
			return nil, err
		}
	}
	clouds := make([]*cloud, n)
	for i := range clouds {
		clouds[i] = newCloud(p.s.spec, p.req.Completion, p.how.seed, first+uint64(i))
		if classes != nil {
			clouds[i].classes = classes[i*size : (i+1)*size]
		}
	}
	how := p.how
	for {
		// Draw each run of neighbours that are not done.
		again := false
		for at := 0; at < n; {
			if clouds[at].done {
				at++
				continue
			}
			end := at + 1
			for end < n && !clouds[end].done {
				end++
			}
			again = true
			if err := p.drawClouds(ctx, first+uint64(at), clouds[at:end], how); err != nil {
				return nil, err
			}
			at = end
		}
		if !again {
			break
		}
		how.after = nil // the rows that are drawn again are no progress
	}
	samples := make([]Sample, n)
	for i, c := range clouds {
		samples[i] = c.choose()
	}
	return samples, nil
}

// drawClouds draws the particles of neighbouring images, the first of which is number
// first.
func (p *portion) drawClouds(ctx context.Context, first uint64, clouds []*cloud, how options) error {
	size := p.req.Completion.Particles
	pixels := p.s.spec.Height * p.s.spec.Width
	height := p.s.spec.Height
	levels := make([]uint8, 0, len(clouds)*size*pixels)
	keep := make([]bool, 0, len(clouds)*size*pixels)
	how.classes = nil
	for _, c := range clouds {
		levels = append(levels, c.levels...)
		keep = append(keep, slices.Repeat(c.keep, size)...)
		how.classes = append(how.classes, c.classes...)
	}
	how.first, how.keep, how.record = first*uint64(size), keep, newRecord(len(clouds)*size*height)
	if err := p.s.engine.draw(ctx, how.first, levels, how); err != nil {
		return err
	}
	for i, c := range clouds {
		copy(c.levels, levels[i*size*pixels:])
		c.settle(how.record, i*size*height)
	}
	return nil
}

// cloud is the particles of one image.
type cloud struct {
	height, width int
	evidence      []bool    // [H]: rows with kept pixels
	free          []bool    // [H]: rows with others
	levels        []uint8   // [particles, H, W]
	classes       []int     // [particles]; nil where the model has none
	keep          []bool    // [H, W]: what a draw must leave, all of the settled rows included
	row           int       // first row that is not settled
	model         []float64 // as in record, [particles, H]
	kept, drawn   []float64
	weights       []float64 // [particles], the largest is 1
	impossible    bool      // whether no particle could have had the kept pixels of a row
	resampled     int
	done          bool
	rng           *rand.Rand
}

// choices is what is added to an image's number for the coins of its resampling: no
// image has a number that large.
const choices = 1 << 63

func newCloud(spec *Spec, c Completion, seed, image uint64) *cloud {
	n := c.Particles
	cl := &cloud{
		height:   spec.Height,
		width:    spec.Width,
		evidence: make([]bool, spec.Height),
		free:     make([]bool, spec.Height),
		levels:   slices.Repeat(c.Picture, n),
		keep:     slices.Clone(c.Keep),
		model:    make([]float64, n*spec.Height),
		kept:     make([]float64, n*spec.Height),
		drawn:    make([]float64, n*spec.Height),
		weights:  make([]float64, n),
		rng:      rand.New(rand.NewPCG(seed, choices+image)),
	}
	for k, keep := range c.Keep {
		row := k / spec.Width
		cl.evidence[row] = cl.evidence[row] || keep
		cl.free[row] = cl.free[row] || !keep
	}
	return cl
}

// settle takes the log-probabilities of a draw, r's from entry at, and weighs row
// after row until the particles must be resampled or all rows are settled.
func (c *cloud) settle(r *record, at int) {
	for j := range c.weights {
		from, to := j*c.height+c.row, (j+1)*c.height
		copy(c.model[from:to], r.model[at+from:at+to])
		copy(c.kept[from:to], r.kept[at+from:at+to])
		copy(c.drawn[from:to], r.drawn[at+from:at+to])
	}
	logs := make([]float64, len(c.weights))
	c.weigh(logs)
	for ; c.row < c.height; c.row++ {
		if !c.evidence[c.row] {
			continue
		}
		for j := range logs {
			logs[j] += c.kept[j*c.height+c.row]
		}
		c.weigh(logs)
		if effectiveSize(c.weights) < float64(len(logs))/2 && slices.Contains(c.free[c.row+1:], true) {
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
		c.weights[j] = exp(l - top)
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
// (systematic resampling), and settles the rows up to c.row.
func (c *cloud) resample() {
	n, pixels := len(c.weights), c.height*c.width
	from := systematic(c.weights, c.rng.Float64())
	c.row++
	c.resampled++
	for k := range c.row * c.width {
		c.keep[k] = true
	}
	levels := slices.Clone(c.levels)
	model, kept, drawn := slices.Clone(c.model), slices.Clone(c.kept), slices.Clone(c.drawn)
	classes := slices.Clone(c.classes)
	for j := range n {
		if classes != nil {
			c.classes[j] = classes[from[j]]
		}
		copy(c.levels[j*pixels:][:c.row*c.width], levels[from[j]*pixels:])
		copy(c.model[j*c.height:][:c.row], model[from[j]*c.height:])
		copy(c.kept[j*c.height:][:c.row], kept[from[j]*c.height:])
		copy(c.drawn[j*c.height:][:c.row], drawn[from[j]*c.height:])
	}
}

// systematic chooses len(weights) indices in proportion to the weights: those under
// the points (u+j)/n of the cumulated weights (Kitagawa, "Monte Carlo filter and
// smoother for non-Gaussian nonlinear state space models", 1996).
func systematic(weights []float64, u float64) []int {
	n, sum := len(weights), 0.0
	for _, w := range weights {
		sum += w
	}
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
func (c *cloud) choose() Sample {
	size := effectiveSize(c.weights)
	if c.impossible {
		size = 0
	}
	j, rest := 0, c.rng.Float64()*total(c.weights)
	for j < len(c.weights)-1 && rest >= c.weights[j] {
		rest -= c.weights[j]
		j++
	}
	pixels, class := c.height*c.width, -1
	if c.classes != nil {
		class = c.classes[j]
	}
	return Sample{
		Class:          class,
		Levels:         slices.Clone(c.levels[j*pixels:][:pixels]),
		LogProb:        total(c.model[j*c.height:][:c.height]),
		LogProbOptions: total(c.drawn[j*c.height:][:c.height]),
		LogProbKept:    total(c.kept[j*c.height:][:c.height]),
		EffectiveSize:  size,
		Resampled:      c.resampled,
	}
}
