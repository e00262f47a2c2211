package draw

import "slices"

// A tie is a near tie that waits for the end of its row.
type tie struct {
	symbol int
	u      float64
}

// Decided are the near ties of a row that are settled, level by symbol, where it is drawn once
// more.
type Decided map[int]uint16

// Postpone lets near ties wait: until the end they go as float32 has them, which mostly is
// right. Then [Batch.Settle] settles all of a row's, in hardly more time than one would take in
// the middle where each depends on most of the picture. decided has those of each row that are
// settled already.
func (b *Batch) Postpone(decided []Decided) {
	b.waiting, b.known = make([][]tie, len(b.rows)), decided
}

// Settle settles the near ties of the rows, all of whose symbols are decided. Of a row that went
// wrong it finds the first symbol that did: what comes after it has to be drawn once more, with
// what is decided now. again are the rows' numbers. It is not ok where a row, bad, cannot be
// evaluated.
func (b *Batch) Settle() (again []int, bad int, ok bool) {
	for i, ties := range b.waiting {
		if len(ties) == 0 {
			continue
		}
		r := &b.rows[i]
		outputs, release, ok := b.settle.Drawn(r)
		if !ok {
			return nil, i, false
		}
		slices.SortFunc(ties, func(s, t tie) int { return s.symbol - t.symbol })
		if b.known[i] == nil {
			b.known[i] = Decided{}
		}
		for _, t := range ties {
			copy(b.outputs, outputs(t.symbol))
			level := b.Level(r.How, r.How.At(b.row(t.symbol)), b.outputs, b.earlier(r, t.symbol), t.u)
			if level < 0 {
				release()
				return nil, i, false
			}
			b.known[i][t.symbol] = uint16(level)
			if level != int(r.Levels[t.symbol]) {
				again = append(again, i)
				break
			}
		}
		release()
	}
	return again, 0, true
}
