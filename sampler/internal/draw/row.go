package draw

import (
	"errors"
	"fmt"

	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/onnx"
)

// ErrLogits is wrapped where a model gives outputs from which nothing can be drawn:
// a NaN, an infinity, or no level with a probability over zero.
var ErrLogits = errors.New("sampler: the model's logits are not finite")

// A Row is an image to draw, and all that decides what comes of it.
type Row struct {
	Image uint64 // its number: with the seed it has its uniforms
	Class int    // 0 where the model has none
	// Conditions are what the network is given beside the picture and the class, of one image,
	// in the order of [signature.Signature.Conditions].
	Conditions []*onnx.Tensor

	How    *How
	Levels []uint16 // [H, W, C]: where its levels go; those that are given are there
	Mask   []bool   // [H, W, C]: which levels are given; nil: none
	Known  []bool   // [H, W, C]: where to note what is decided; nil: nowhere
	Record *Record  // nil: not wanted

	Done <-chan struct{} // closed where nobody wants the row any more; nil: never
}

// over tells whether nobody wants the row any more.
func (r *Row) over() bool {
	select {
	case <-r.Done:
		return true
	default:
		return false
	}
}

// plain tells whether there is nothing to do but draw and store.
func (r *Row) plain() bool {
	return r.How.byRow == nil && r.Mask == nil && r.Known == nil && r.Record == nil
}

// Record holds log-probabilities of an image in nats by row of pixels, [H] each. Sums by
// row make totals the same in whatever order an engine decides pixels: within a row it is
// always the same.
type Record struct {
	Model []float64 // of every symbol, under the model as it is
	Given []float64 // of the given ones, under the model as it is
	Drawn []float64 // of the others, under the parameters
	Off   []float64 // sums of squares: of bounds on the errors of Model's, where the head tells them
}

// NewRecord makes one for an image of height rows.
func NewRecord(height int) *Record {
	part := func() []float64 { return make([]float64, height) }
	return &Record{part(), part(), part(), part()}
}

// CopyRows copies the rows from from to to-1 of another record.
func (r *Record) CopyRows(of *Record, from, to int) {
	copy(r.Model[from:to], of.Model[from:to])
	copy(r.Given[from:to], of.Given[from:to])
	copy(r.Drawn[from:to], of.Drawn[from:to])
	copy(r.Off[from:to], of.Off[from:to])
}

// Clone copies a record.
func (r *Record) Clone() *Record {
	c := NewRecord(len(r.Model))
	c.CopyRows(r, 0, len(r.Model))
	return c
}

// Clear makes all of it 0.
func (r *Record) Clear() {
	clear(r.Model)
	clear(r.Given)
	clear(r.Drawn)
	clear(r.Off)
}

// Sum adds up log-probabilities in their order: the rows of one of a record's parts, or the symbols
// of an image.
func Sum(logs []float64) float64 {
	sum := 0.0
	for _, x := range logs {
		sum += x
	}
	return sum
}

// Settler evaluates the outputs for a symbol's pixel again where float32 cannot decide a draw: in float64,
// always in the same way, from the levels decided so far. ok is false where the model is not
// defined for the row's class.
// What it returns is good until release.
type Settler interface {
	Outputs(r *Row, symbol int) (outputs []float64, release func(), ok bool)

	// Drawn is the same for these symbols, in order, of a row that is drawn to its end.
	Drawn(r *Row, symbols []int) (outputs func(symbol int) []float64, release func(), ok bool)

	// Accuracy is what is known of the errors that make near ties.
	Accuracy() *Accuracy
}

// Batch decides the symbols of rows that are drawn together, for the one goroutine that
// draws them. Every engine asks it, symbol by symbol.
type Batch struct {
	Drawer
	rows    []Row
	width   int     // of images
	symbols int     // of a pixel
	settle  Settler // nil where near ties cannot be settled
	decided int

	postponed bool
	waiting   []tie     // where near ties are postponed: these, and what is measured with them
	ties      int       // how many of those are near
	known     []Decided // by row, likewise
}

// NewBatch starts a drawing of rows of that width.
func NewBatch(head likelihood.Head, rows []Row, width int, settle Settler) *Batch {
	b := &Batch{Drawer: *NewDrawer(head), rows: rows, width: width, symbols: head.Symbols(), settle: settle}
	if settle != nil {
		b.margin = settle.Accuracy().Margin()
	}
	return b
}

// Symbol decides symbol k of row i and stores its level: the one that is given there, or one
// drawn from the network's outputs for its pixel with the uniform u. Number j of the outputs
// is outputs[j·stride]. The result is -1 where they are unusable.
func (b *Batch) Symbol(i, k int, outputs []float32, stride int, u float64) int {
	r := &b.rows[i]
	b.decided++
	if !r.plain() {
		return b.any(i, k, outputs, stride, u)
	}
	level := b.decide(i, k, r.How.Temperature, outputs, stride, u)
	if level >= 0 {
		r.Levels[k] = uint16(level)
	}
	return level
}

// row is that of the picture with symbol k.
func (b *Batch) row(k int) int { return k / (b.width * b.symbols) }

// earlier are the levels of the symbols before symbol k in its pixel.
func (b *Batch) earlier(r *Row, k int) []uint16 {
	if b.symbols == 1 {
		return nil
	}
	return r.Levels[k-k%b.symbols : k]
}

// decide draws symbol k of row i. A near tie is settled, or waits.
func (b *Batch) decide(i, k int, temperature float64, outputs []float32, stride int, u float64) int {
	r := &b.rows[i]
	level := b.Level(r.How, temperature, b.read(outputs, stride, k%b.symbols), b.earlier(r, k), u)
	switch {
	case b.settle == nil || level < 0:
		return level
	case b.postponed:
		return b.wait(tie{i, k, u, b.drawn}, level)
	case !b.tie:
		return level
	}
	t := tie{i, k, u, b.drawn}
	exact, release, ok := b.settle.Outputs(r, k)
	if !ok {
		return -1
	}
	level = b.exact(t, temperature, exact)
	release()
	known := b.settle.Accuracy()
	known.settle(1)
	b.margin = known.Margin()
	return level
}

// exact decides a symbol from exact outputs, and measures by them how far float32 was off.
func (b *Batch) exact(t tie, temperature float64, outputs []float64) int {
	r := &b.rows[t.row]
	copy(b.outputs, outputs)
	level := b.Level(r.How, temperature, b.outputs, b.earlier(r, t.symbol), t.u)
	if at, off, ok := t.drawn.off(t.u, b.grain, &b.drawn); ok {
		b.settle.Accuracy().See(off, at.Off, at.spread)
	}
	return level
}

func (b *Batch) any(i, k int, outputs []float32, stride int, u float64) int {
	r := &b.rows[i]
	given := r.Mask != nil && r.Mask[k]
	level := int(r.Levels[k])
	y := b.row(k)
	drawn := 0.0
	if !given {
		temperature := r.How.At(y)
		if level = b.decide(i, k, temperature, outputs, stride, u); level < 0 {
			return -1
		}
		r.Levels[k] = uint16(level)
	}
	if rec := r.Record; rec != nil {
		if !given {
			drawn = b.LogProb(level)
		}
		// At temperature 1 with nothing left out the draw has done the sums already.
		model := drawn
		if given || b.t != 1 || r.How.filtered {
			var ok bool
			if model, ok = b.ModelLogProb(outputs, stride, b.earlier(r, k), level); !ok {
				return -1
			}
		}
		rec.Model[y] += model
		rec.Off[y] += b.off * b.off
		if given {
			rec.Given[y] += model
		} else {
			rec.Drawn[y] += drawn
		}
	}
	if r.Known != nil {
		r.Known[k] = true
	}
	return level
}

// Wanted tells whether somebody still wants row i.
func (b *Batch) Wanted(i int) bool { return !b.rows[i].over() }

// Decided is the number of symbols decided since it was last asked.
func (b *Batch) Decided() int {
	n := b.decided
	b.decided = 0
	return n
}

// Fail names the symbol of row i whose outputs cannot be drawn from.
func (b *Batch) Fail(i, k int) error { return Unusable(b.rows[i].Image, k/b.symbols, b.width) }

// Unusable names a pixel whose outputs cannot be drawn from.
func Unusable(image uint64, pixel, width int) error {
	return fmt.Errorf("%w: image %d, row %d, column %d", ErrLogits, image, pixel/width, pixel%width)
}
