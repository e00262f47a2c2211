package draw

import (
	"math"
	"sync"
)

// wide is how many times its usual error a boundary may be off by.
const wide = 16

// Accuracy is what is known of a network's errors: how far the boundaries between levels were
// off in float32, each as a share of what [likelihood.Boundary] bounds it by. The bound lets
// the errors of all outputs work together. They mostly cancel, and the more so the more levels
// there are. So near ties are measured when they are settled, and with them every 32nd symbol
// before them: then both are known, what float32 had and what is exact.
//
// It is safe for concurrent use; the zero value knows nothing.
type Accuracy struct {
	mu      sync.Mutex
	seen    float64 // boundaries
	squares float64 // the sum of their squared shares
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

// See adds a boundary that was off by a share of its bound.
func (a *Accuracy) See(share float64) {
	if math.IsNaN(share) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen++
	a.squares += share * share
}

// Share is the share of its bound that a boundary may be off by: 16 times the root mean square
// of what was seen. One more that needs all of its bound is counted in, so that it is 1 at
// first, and no smaller than 1/√(n+1) after n. Where a network is less exact than the bound
// takes it to be, it is over 1.
func (a *Accuracy) Share() float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return math.Sqrt((1 + wide*wide*a.squares) / (1 + a.seen))
}
