package likelihood

import "math"

// Mixture is a mixture of logistic distributions, cut into levels: that of PixelCNN++
// (Salimans et al., 2017). The outputs are a logit for each component, then for each channel
// the components' means, log-scales and, of three channels, coefficients: those of red
// and blue's second are how green and blue depend on the channels before.
//
// Level k stands for x = 2k/(L−1) − 1 and takes what lies within 1/(L−1) of it, the first and
// the last level all that is beyond. All channels of a pixel are of one component.
type Mixture struct {
	Depth      int // levels
	Channels   int // 1 or 3; 0 means 1
	Components int
}

// Name is "logistic-mixture".
func (Mixture) Name() string { return "logistic-mixture" }

// Levels is that of each channel.
func (m Mixture) Levels() int { return m.Depth }

// Symbols is the number of channels.
func (m Mixture) Symbols() int { return max(1, m.Channels) }

// parts is the number of parameters of a component in a channel.
func (m Mixture) parts() int {
	if m.Symbols() == 1 {
		return 2
	}
	return 3
}

// Outputs are 3 for a component of one channel, 10 for one of three.
func (m Mixture) Outputs() int { return m.Components * (1 + m.Symbols()*m.parts()) }

// Alone is itself, where there is one channel.
func (m Mixture) Alone() Head {
	if m.Symbols() > 1 {
		return nil
	}
	return m
}

// Scratch is room for the levels and the components.
func (m Mixture) Scratch() int { return m.Depth + logisticParts*m.Components }

const (
	leastLogScale = -7   // those below are this
	logisticParts = 10   // slices of a logistics
	logLittle     = -640 // below, probabilities are next to nothing: their logarithms are added up
)

// logistics is the distribution of a symbol: its components, and how far their parameters
// are off where outputs are off by Rounding.
type logistics struct {
	levels    int
	logWeight []float64
	weight    []float64 // Σ is 1
	mean      []float64
	logScale  []float64 // at least leastLogScale
	perScale  []float64 // 1/scale
	weightOff []float64 // of logWeight
	meanOff   []float64 // in scales
	scaleOff  []float64 // relative
	logs      []float64 // room for logProb, as is
	logsOff   []float64
}

// of makes the distribution of the symbol after earlier, in scratch; ok is false where
// outputs are not finite.
func (m Mixture) of(outputs []float64, earlier []uint16, scratch []float64) (d logistics, ok bool) {
	k := m.Components
	d.levels = m.Depth
	for i, s := range [logisticParts]*[]float64{
		&d.logWeight, &d.weight, &d.mean, &d.logScale, &d.perScale, &d.weightOff, &d.meanOff, &d.scaleOff, &d.logs, &d.logsOff,
	} {
		*s = scratch[m.Depth+i*k:][:k:k]
	}
	for i, o := range outputs[:k] {
		d.logWeight[i], d.weightOff[i] = o, Rounding*(1+math.Abs(o))
	}
	for c := 0; ; c++ {
		d.channel(m, outputs, earlier[:c])
		if c == len(earlier) {
			break
		}
		for i := range d.logWeight { // the posterior of the component
			l, off := d.log(i, int(earlier[c]))
			d.logWeight[i] += l
			d.weightOff[i] += off
		}
	}
	top, ok := Top(d.logWeight)
	sum := 0.0
	for i, l := range d.logWeight {
		ok = ok && !math.IsNaN(d.mean[i]-d.mean[i]) && !math.IsNaN(d.meanOff[i]-d.meanOff[i]) && d.logScale[i] <= math.MaxFloat64
		d.weight[i] = Exp(l - top)
		sum += d.weight[i]
	}
	logSum := top + Log(sum)
	for i := range d.weight {
		d.weight[i] /= sum
		d.logWeight[i] -= logSum
	}
	return d, ok
}

// channel makes the components' logistic distributions of the channel after earlier.
func (d *logistics) channel(m Mixture, outputs []float64, earlier []uint16) {
	k := m.Components
	own := outputs[k+len(earlier)*m.parts()*k:]
	for i := range k {
		mean := own[i]
		off := Rounding * (1 + math.Abs(mean))
		for j, level := range earlier {
			// Green's only coefficient is the first block's; blue's are the others'.
			o := outputs[k+((len(earlier)-1+j)*m.parts()+2)*k+i]
			t, x := tanh(o), d.value(int(level))
			mean += float64(t * x)
			o = Rounding * (1 + math.Abs(o))
			off += math.Abs(x) * o * min(1, (1-t*t)*(1+3*o))
		}
		scale := own[k+i]
		scaleOff := Rounding * (1 + math.Abs(scale))
		if !(scale+scaleOff >= leastLogScale) {
			scaleOff = 0
		}
		scale = max(scale, leastLogScale) // NaN stays
		per := 0.0
		if scale < 0 {
			per = 1 / Exp(scale)
		} else {
			per = Exp(-scale)
		}
		d.mean[i], d.logScale[i], d.perScale[i] = mean, scale, per
		d.scaleOff[i] = growth(scaleOff)
		d.meanOff[i] = off * per * (1 + d.scaleOff[i])
	}
}

// value is x of a level.
func (d *logistics) value(level int) float64 {
	return float64(2*float64(level)/float64(d.levels-1)) - 1
}

// upper is where component i has the upper end of a level, in scales from its mean.
func (d *logistics) upper(i, level int) float64 {
	end := float64(float64(2*level+1)/float64(d.levels-1)) - 1
	return float64((end - d.mean[i]) * d.perScale[i])
}

// upperOff is how far upper, z, is off.
func (d *logistics) upperOff(i int, z float64) float64 {
	return d.meanOff[i] + math.Abs(z)*d.scaleOff[i]
}

// inside is log(1 − e^−w) for component i, where a level is w scales wide.
func (d *logistics) inside(i int) float64 {
	w := float64(2 * d.perScale[i] / float64(d.levels-1))
	if w < 1e-8 {
		return Log(2/float64(d.levels-1)) - d.logScale[i] - w/2
	}
	return Log(oneMinusExp(w))
}

// log is the log-probability of a level under component i, with the ends a and b:
// σ(a) − σ(b) = σ(a)·σ(−b)·(1 − e^(b−a)). It is off by no more than off: softplus changes by
// its derivative σ, which itself grows no faster than its argument's exponential.
func (d *logistics) log(i, level int) (l, off float64) {
	if level < d.levels-1 {
		z := d.upper(i, level)
		by := d.upperOff(i, z)
		below, change := softplus(-z)
		l -= below
		off += min(by, change*growth(by))
	}
	if level == 0 {
		return l, off
	}
	z := d.upper(i, level-1)
	by := d.upperOff(i, z)
	above, change := softplus(z)
	l -= above
	off += min(by, change*growth(by))
	if level < d.levels-1 {
		l += d.inside(i)
		off += d.scaleOff[i]
	}
	return l, off
}

// logProb is the log-probability of a level, and how far it is off: by the growth of each
// component's part of the level, and of all weights.
func (d *logistics) logProb(level int) (lp, off float64) {
	for i, w := range d.logWeight {
		d.logs[i], d.logsOff[i] = d.log(i, level)
		d.logs[i] += w
	}
	top, ok := Top(d.logs)
	if !ok {
		return top, 0
	}
	sum, all := 0.0, 0.0
	for i, l := range d.logs {
		part := Exp(l - top)
		sum += part
		off += part * growth(d.weightOff[i]+d.logsOff[i])
		all += d.weight[i] * growth(d.weightOff[i])
	}
	return top + Log(sum), off/sum + all
}

// logProbs is that of every level. Probabilities are added up as they are, but
// for those that are next to nothing.
func (d *logistics) logProbs(logs []float64) {
	clear(logs)
	for i, w := range d.weight {
		if w > 0 {
			d.add(i, logs)
		}
	}
	for level, p := range logs {
		if l := Log(p); l > logLittle {
			logs[level] = l
		} else {
			logs[level], _ = d.logProb(level)
		}
	}
}

// add adds the probabilities of component i to those of every level. From its mean it goes
// outwards, as far as there is something: there e^−|z|, which σ(z) is made of, shrinks by the
// same factor from each end of a level to the next.
func (d *logistics) add(i int, probabilities []float64) {
	const anew = 32 // so many factors are rounded, before it is computed
	last := len(probabilities) - 1
	w, inside, shrink := d.weight[i], Exp(d.inside(i)), Exp(-float64(2*d.perScale[i]/float64(last)))
	// The first end at or above the mean, about.
	middle := int(max(0, min(float64(last), math.Ceil(float64((d.mean[i]+1)*float64(last))/2-0.5))))
	above := 1.0 // 1 − the CDF at the lower end of the level
	if middle > 0 {
		e := Exp(d.upper(i, middle-1))
		above = 1 / (1 + e)
		below := float64(e * above) // the CDF at the upper end
		level := middle - 1
		for ; level > 0 && below > 0; level-- {
			if e = float64(e * shrink); (middle-level)%anew == 0 {
				e = Exp(d.upper(i, level-1))
			}
			rest := 1 / (1 + e)
			probabilities[level] += float64(w * float64(below*float64(rest*inside)))
			below = tiny(float64(e * rest))
		}
		if level == 0 {
			probabilities[0] += float64(w * below)
		}
	}
	e := 1.0
	for level := middle; level < last; level++ {
		if e = float64(e * shrink); (level-middle)%anew == 0 {
			e = Exp(-d.upper(i, level))
		}
		below := 1 / (1 + e)
		p := float64(w * float64(below*above))
		if level > 0 {
			p = float64(p * inside)
		}
		probabilities[level] += p
		if above = tiny(float64(e * below)); above == 0 {
			return
		}
	}
	probabilities[last] += float64(w * above)
}

// tiny is x, or 0 where the next factors would leave less than normal numbers.
func tiny(x float64) float64 {
	if x < 1e-300 {
		return 0
	}
	return x
}

// errors bounds how far each of logs, as logProbs made them, is off. A component's part of a
// level, r, that is off by up to a factor of 1 + g moves the level's probability by r·g.
func (d *logistics) errors(errors, logs []float64) {
	clear(errors)
	last := len(logs) - 1
	for i, w := range d.weight {
		if w == 0 {
			continue
		}
		inside := Exp(d.inside(i))
		// At a level's lower end: 1 − the CDF, and how far log is off by that end.
		above, lower := 1.0, 0.0
		for level := range logs {
			part, rest, off, next := w*above, 0.0, d.weightOff[i]+lower, 0.0
			if level < last {
				z := d.upper(i, level)
				by := d.upperOff(i, z)
				p, q := sigmoid(z)
				g := growth(by)
				off += min(by, q*g)
				part *= p
				rest, next = q, min(by, p*g)
			}
			if level > 0 && level < last {
				part *= inside
				off += d.scaleOff[i]
			}
			errors[level] += part * growth(off)
			above, lower = rest, next
		}
	}
	for level, log := range logs {
		if log > logLittle {
			errors[level] /= Exp(log)
			continue
		}
		errors[level] = 0
		for i, w := range d.logWeight {
			l, off := d.log(i, level)
			errors[level] += Exp(min(0, w+l-log)) * growth(d.weightOff[i]+off)
		}
	}
}

// cdf is the probability of a level and those below.
func (d *logistics) cdf(level int) float64 {
	sum := 0.0
	for i, w := range d.weight {
		p, _ := sigmoid(d.upper(i, level))
		sum += float64(w * p)
	}
	return sum
}

// cdfOff bounds how far cdf, c, is off. Weights that are off by a factor of up to 1 + g move
// what is below by its part of that, and what is above; see [logistics.logOff] for the rest.
func (d *logistics) cdfOff(level int, c float64) float64 {
	below, above, all, moved := 0.0, 0.0, 0.0, 0.0
	for i, w := range d.weight {
		z := d.upper(i, level)
		p, rest := sigmoid(z)
		g := growth(d.weightOff[i])
		below += w * p * g
		above += w * rest * g
		all += w * g
		moved += w * (1 + g) * min(1, p*rest*growth(d.upperOff(i, z)))
	}
	return below*(1-c) + above*c + below*above + moved*(1+all)
}

// LogProbs are those of every level.
func (m Mixture) LogProbs(outputs []float64, earlier []uint16, scratch []float64) []float64 {
	d, ok := m.of(outputs, earlier, scratch)
	logs := scratch[:m.Depth]
	if !ok {
		logs[0] = math.NaN()
		return logs
	}
	d.logProbs(logs)
	return logs
}

// LogProb is that of one level.
func (m Mixture) LogProb(outputs []float64, earlier []uint16, level int, scratch []float64) (lp, off float64, ok bool) {
	d, ok := m.of(outputs, earlier, scratch)
	if !ok {
		return 0, 0, false
	}
	lp, off = d.logProb(level)
	return lp, off, true
}

// Invert bisects the CDF.
func (m Mixture) Invert(outputs []float64, earlier []uint16, u float64, scratch []float64) (level int, lower, upper Boundary) {
	d, ok := m.of(outputs, earlier, scratch)
	if !ok {
		return -1, lower, upper
	}
	low, high := 0, m.Depth-1
	upper.At = 1
	for low < high {
		middle := (low + high) / 2
		if c := d.cdf(middle); c > u {
			high, upper.At = middle, c
		} else {
			low, lower.At = middle+1, c
		}
	}
	if low > 0 {
		lower.Off = d.cdfOff(low-1, lower.At)
	}
	if low < m.Depth-1 {
		upper.Off = d.cdfOff(low, upper.At)
	}
	return low, lower, upper
}

// Error is that of a component at the level that is furthest from it.
func (m Mixture) Error(outputs []float64, earlier []uint16, _ float64, scratch []float64) float64 {
	d, _ := m.of(outputs, earlier, scratch)
	worst := 0.0
	for i, w := range d.weightOff {
		if math.IsInf(d.logWeight[i], -1) {
			continue
		}
		z := max(math.Abs(d.upper(i, 0)), math.Abs(d.upper(i, m.Depth-2)))
		worst = max(worst, w+2*d.upperOff(i, z)+d.scaleOff[i])
	}
	return growth(worst)
}

// Errors is that of every level.
func (m Mixture) Errors(errors, logs, outputs []float64, earlier []uint16, scratch []float64) {
	d, _ := m.of(outputs, earlier, scratch)
	d.errors(errors, logs)
}
