package exact

import (
	"math"
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/goruntime/kernel"
)

// attend is, head by head, the mean of the values at what the mask shows, weighted by the
// softmax of the query's products with the keys.
func (e *Evaluator) attend(u *ir.Unit, h *held) {
	const lot = 8 // readers at a time
	clear(h.values)
	a := &attention{
		unit: u, seen: u.Args[1].Access.(ir.Attended), query: e.argument(0, u, 0),
		keys: e.held[u.Args[1].Src.ID], values: e.held[u.Args[2].Src.ID],
		depth: u.Args[0].Channels() / u.Heads, width: u.Channels / u.Heads,
	}
	switch {
	case u.Self:
		a.ownKey, a.ownValue = e.argument(3, u, 3), e.argument(4, u, 4)
	case len(u.Args) > 3:
		a.hides = e.held[u.Args[3].Src.ID]
	}
	if a.keys == nil { // no pixel is seen
		a.keys, a.values = &held{}, &held{}
	}
	w := u.Args[1].Src.Dom.W()
	for _, p := range a.keys.at {
		a.places = append(a.places, a.seen.Source(p/w, p%w))
	}
	n := len(a.places)
	a.turned, a.scores, a.rows, a.own, a.sums = make([]float64, a.depth*n), make([]float64, lot*n), make([]float64, lot*a.depth), make([]float64, lot), make([]float64, lot)
	for head := range u.Heads {
		a.turn(head)
		for first := 0; first < len(h.at); first += lot {
			a.mean(head, h.at[first:min(first+lot, len(h.at))], h.values[first*u.Channels+head*a.width:])
		}
	}
}

// attention is the evaluation of one.
type attention struct {
	unit                    *ir.Unit
	seen                    ir.Attended
	query, ownKey, ownValue *argument
	keys, values, hides     *held // hides: what is added to the scores of each place, nil for nothing
	depth, width            int   // channels of a head: of queries and keys, of values
	places                  []int // of the keys, in ascending order

	turned []float64 // a head's keys, [depth, keys]
	scores []float64 // [readers, keys]
	rows   []float64 // queries, [readers, depth]
	own    []float64 // scores of the readers' own places
	sums   []float64 // of the readers' weights
}

// turn puts a head's keys side by side.
func (a *attention) turn(head int) {
	n, channels := len(a.places), a.unit.Args[1].Src.Channels
	for k := range n {
		for c := range a.depth {
			a.turned[c*n+k] = a.keys.values[k*channels+head*a.depth+c]
		}
	}
}

// before is how many keys there are before a place.
func (a *attention) before(place int) int {
	n, _ := slices.BinarySearch(a.places, place)
	return n
}

// mean adds to out what a head makes at some positions.
func (a *attention) mean(head int, at []int, out []float64) {
	u, n, w := a.unit, len(a.places), a.unit.Dom.W()
	end := 0 // of the keys that any of them sees
	for i, p := range at {
		row := a.rows[i*a.depth : (i+1)*a.depth]
		copy(row, a.query.at(p)[head*a.depth:])
		if u.Self {
			a.own[i] = 0
			for c, x := range a.ownKey.at(p)[head*a.depth : (head+1)*a.depth] {
				a.own[i] += float64(x * row[c])
			}
		}
		for _, s := range a.seen.Spans(p/w, p%w) {
			end = max(end, a.before(s.To))
		}
	}
	clear(a.scores)
	kernel.AddProduct64(a.scores, n, a.rows, a.depth, a.turned, n, len(at), end, a.depth)
	for i, p := range at {
		a.sums[i] = a.weigh(head, p/w, p%w, a.scores[i*n:i*n+end], &a.own[i])
	}
	kernel.AddProduct64(out, u.Channels, a.scores, n, a.values.values[head*a.width:], u.Channels, len(at), a.width, end)
	for i, p := range at {
		row := out[i*u.Channels : i*u.Channels+a.width]
		if u.Self {
			for c, x := range a.ownValue.at(p)[head*a.width : (head+1)*a.width] {
				row[c] += float64(a.own[i] * x)
			}
		}
		for c := range row {
			row[c] /= a.sums[i]
		}
	}
}

// weigh turns a reader's scores into weights, zero where it does not look, and returns their sum.
func (a *attention) weigh(head, y, x int, scores []float64, own *float64) (sum float64) {
	u := a.unit
	reader, _ := a.seen.Place(y, x)
	top := math.Inf(-1)
	if u.Self {
		*own += u.Added(head, reader, reader)
		top = *own
	}
	end := 0
	for _, s := range a.seen.Spans(y, x) {
		from, to := a.before(s.From), a.before(s.To)
		for k := end; k < from; k++ {
			scores[k] = math.Inf(-1)
		}
		for k := from; u.Summand != nil && k < to; k++ {
			scores[k] += u.Added(head, reader, a.places[k])
		}
		for k := from; a.hides != nil && k < to; k++ {
			n := u.Args[3].Src.Channels
			scores[k] += a.hides.values[k*n+head%n]
		}
		for _, s := range scores[from:to] {
			if s > top {
				top = s
			}
		}
		end = to
	}
	for k := end; k < len(scores); k++ {
		scores[k] = math.Inf(-1)
	}
	if math.IsInf(top, -1) { // it looks at nothing
		*own = 0
		clear(scores)
		return 1
	}
	if u.Self {
		one := []float64{*own - top}
		kernel.Exp64(one, one)
		*own, sum = one[0], one[0]
	}
	for k := range scores {
		scores[k] -= top
	}
	kernel.Exp64(scores, scores)
	for _, s := range scores {
		sum += s
	}
	return sum
}
