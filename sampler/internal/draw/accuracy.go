package draw

import (
	"math"
	"sync"

	"pixelcnn/internal/likelihood"
)

// wide is how many times its usual error a boundary may be off by.
const wide = 16

// Accuracy is what is known of a network's errors: how far the boundaries between levels were
// off in float32, each as a share of what [likelihood.Boundary] bounds it by. The bound lets
// the errors of all outputs work together. They mostly cancel, and the more so the more levels
// there are. So near ties are measured, when they are settled: then both are known, what
// float32 had and what is exact.
//
// It is safe for concurrent use; the zero value knows nothing.
type Accuracy struct {
	mu      sync.Mutex
	seen    float64 // boundaries
	squares float64 // the sum of their squared shares
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

// edge is the boundary that a uniform was near to.
type edge struct {
	below int // the level below it
	likelihood.Boundary
}

// edge is that of the last draw, with u; none where boundaries did not decide it.
func (d *Drawer) edge(u float64) edge {
	if lower := d.drawn.lower; u-lower.At < d.drawn.upper.At-u {
		return edge{d.drawn.level - 1, lower}
	}
	return edge{d.drawn.level, d.drawn.upper}
}

// see measures by the last draw, from exact outputs, how far an edge was off.
func (a *Accuracy) see(e edge, d *Drawer) {
	var exact likelihood.Boundary
	switch e.below {
	case d.drawn.level:
		exact = d.drawn.upper
	case d.drawn.level - 1:
		exact = d.drawn.lower
	}
	if e.Off > 0 && exact.Off > 0 {
		a.See(math.Abs(exact.At-e.At) / e.Off)
	}
}
