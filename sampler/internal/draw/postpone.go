package draw

import (
	"cmp"
	"slices"
)

// A tie is a symbol that waits for the end of its row: a near tie, or one that is measured.
type tie struct {
	row, symbol int
	u           float64
	drawn       drawn // as float32 has it
}

// measured is of how many symbols one waits to be measured.
const measured = 32

// wait lets a symbol wait that was drawn as level, where it is a near tie or the turn of one to
// be measured. What is settled already does not wait again.
func (b *Batch) wait(t tie, level int) int {
	if known, ok := b.decidedOf(t.row)[t.symbol]; ok {
		return int(known)
	}
	switch {
	case b.tie:
		b.ties++
	case (t.row+t.symbol)%measured == 0 && b.measurable():
		b.spread() // which near ties have
		t.drawn = b.drawn
	default:
		return level
	}
	b.waiting = append(b.waiting, t)
	return level
}

// Decided are the near ties of a row that are settled, level by symbol, where it is drawn once
// more.
type Decided map[int]uint16

// Postpone lets near ties wait: until the end they go as float32 has them, which mostly is
// right. Then [Batch.Settle] settles all of a row's together. known has those of each row that
// are settled already; nil where the rows are drawn for the first time.
func (b *Batch) Postpone(known []Decided) { b.postponed, b.known = true, known }

// Settle settles the near ties that wait; all symbols of the rows that are still wanted are
// decided. What is known of the network's accuracy by then may tell that some are none. Of a row
// that went wrong it finds the first symbol that did: what comes after it has to be drawn once
// more. again are the numbers of these rows, and decided what each is to be drawn with. It is
// not ok where a row, bad, cannot be evaluated.
func (b *Batch) Settle() (again []int, decided []Decided, bad int, ok bool) {
	if b.ties == 0 {
		return nil, nil, 0, true
	}
	slices.SortFunc(b.waiting, func(s, t tie) int {
		return cmp.Or(cmp.Compare(s.row, t.row), cmp.Compare(s.symbol, t.symbol))
	})
	for ties := b.waiting; len(ties) > 0; {
		i := ties[0].row
		n := slices.IndexFunc(ties, func(t tie) bool { return t.row != i })
		if n < 0 {
			n = len(ties)
		}
		if !b.rows[i].over() {
			wrong, ok := b.wrong(i, ties[:n])
			if !ok {
				return nil, nil, i, false
			}
			if wrong != nil {
				again, decided = append(again, i), append(decided, wrong)
			}
		}
		ties = ties[n:]
	}
	return again, decided, 0, true
}

// wrong is what is decided of row i up to the first of its symbols that went wrong; nil where
// none did. What waits after its last near tie is not evaluated.
func (b *Batch) wrong(i int, ties []tie) (decided Decided, ok bool) {
	known := b.settle.Accuracy()
	margin := known.Margin()
	last, near := 0, int64(0)
	for n, t := range ties {
		if t.drawn.near(t.u, margin, b.grain) {
			last, near = n, near+1
		}
	}
	if near == 0 {
		return nil, true
	}
	known.settle(near)
	r := &b.rows[i]
	ties = ties[:last+1]
	symbols := make([]int, len(ties))
	for k, t := range ties {
		symbols[k] = t.symbol
	}
	outputs, release, ok := b.settle.Drawn(r, symbols)
	if !ok {
		return nil, false
	}
	defer release()
	for n, t := range ties {
		level := b.exact(t, r.How.At(b.row(t.symbol)), outputs(t.symbol))
		if level < 0 {
			return nil, false
		}
		if level == int(r.Levels[t.symbol]) {
			continue
		}
		decided = Decided{t.symbol: uint16(level)}
		for _, before := range ties[:n] {
			decided[before.symbol] = r.Levels[before.symbol]
		}
		for symbol, level := range b.decidedOf(i) {
			decided[symbol] = level
		}
		return decided, true
	}
	return nil, true
}

// decidedOf are the near ties of row i that are settled already.
func (b *Batch) decidedOf(i int) Decided {
	if b.known == nil {
		return nil
	}
	return b.known[i]
}
