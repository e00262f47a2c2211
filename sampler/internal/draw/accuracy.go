package draw

import (
	"math"
	"sync"
)

// Accuracy is what is known of a network's errors: how far the boundaries between levels were
// off in float32. What [likelihood.Boundary] bounds that by lets the errors of all outputs
// work together. They mostly cancel, and the more so the more levels there are. So near ties
// are measured when they are settled, and with them every 32nd symbol before them: then both
// are known, what float32 had and what is exact.
//
// It is safe for concurrent use; the zero value knows nothing.
type Accuracy struct {
	mu      sync.Mutex
	seen    float64 // boundaries
	squares float64 // Σ (off/bound)², over them
	largest float64 // the largest off/spread, see [Drawer.spread]
	settled int64   // near ties
}

// Settled is the number of near ties that were settled.
func (a *Accuracy) Settled() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.settled
}

// settle counts near ties.
func (a *Accuracy) settle(n int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settled += n
}

// See adds a boundary of such a bound and spread that was off by so much.
func (a *Accuracy) See(off, bound, spread float64) {
	share, multiple := off/bound, off/spread
	if sum := share + multiple; math.IsNaN(sum) || math.IsInf(sum, 0) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen++
	a.squares += share * share
	a.largest = max(a.largest, multiple)
}

const (
	wide  = 16 // times the usual share
	twice = 2  // times the largest multiple of the spread
)

// Margin is how far boundaries may be off by what was seen.
func (a *Accuracy) Margin() Margin {
	a.mu.Lock()
	defer a.mu.Unlock()
	return Margin{
		share:  math.Sqrt((1 + wide*wide*a.squares) / (1 + a.seen)),
		spread: twice * a.largest,
		doubt:  1 / math.Sqrt(1+a.seen),
	}
}

// A Margin is how far a boundary may be off, of two the smaller.
//
// One is a share of its bound: 16 times the root mean square of the shares that were seen. One
// more that needs all of its bound is counted in, so that it is 1 at first, and no smaller than
// 1/√(n+1) after n. Where a network is less exact than the bound takes it to be, it is over 1.
//
// The other one is a multiple of its spread: twice the largest that was seen, but no less than that
// 1/√(n+1) of the bound.
type Margin struct{ share, spread, doubt float64 }

// unknown is that of a network of which nothing is known.
var unknown = Margin{share: 1, doubt: 1}

// covers tells whether a boundary could be off by so much.
func (m Margin) covers(b boundary, off float64) bool {
	return off <= m.share*b.Off && (off <= m.doubt*b.Off || off <= m.spread*b.spread)
}

// bounds is the margin of the bound alone.
func (m Margin) bounds() Margin { return Margin{share: m.share, doubt: m.share} }
