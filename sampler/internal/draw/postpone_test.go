package draw

import (
	"slices"
	"testing"

	"pixelcnn/internal/likelihood"
)

// settling evaluates near ties.
type settling struct {
	outputs func(symbol int) []float64
	known   *Accuracy
}

func (s settling) Accuracy() *Accuracy { return s.known }

func (s settling) Outputs(_ *Row, symbol int) (outputs []float64, release func(), ok bool) {
	return s.outputs(symbol), func() {}, true
}

func (s settling) Drawn(*Row, []int) (outputs func(symbol int) []float64, release func(), ok bool) {
	return s.outputs, func() {}, true
}

// leaning finds the first level a little likelier at some symbols, the second at the others.
func leaning(first ...int) settling {
	return settling{func(symbol int) []float64 {
		if slices.Contains(first, symbol) {
			return []float64{1e-7, 0}
		}
		return []float64{0, 1e-7}
	}, &Accuracy{}}
}

// TestPostpone: near ties that wait come out as those that do not, in as many rounds as there
// are wrong ones, and one more.
func TestPostpone(t *testing.T) {
	head := likelihood.Categorical{Depth: 2}
	how, err := Parameters{}.For(head, 2)
	if err != nil {
		t.Fatal(err)
	}
	const n = 6
	// Two logits alike and a uniform of 1/2: float32 has the second level everywhere. The
	// symbols are drawn in the order of waves.
	draw := func(b *Batch, row Row) {
		for _, k := range []int{3, 0, 4, 1, 5, 2} {
			if level := b.Symbol(0, k, []float32{0, 0}, 1, 0.5); level != int(row.Levels[k]) || level < 0 {
				t.Fatalf("symbol %d is %d", k, level)
			}
		}
	}
	settle := leaning(1, 4)
	now := Row{How: how, Levels: make([]uint16, n)}
	draw(NewBatch(head, []Row{now}, 3, settle), now)
	if want := []uint16{1, 0, 1, 1, 0, 1}; !slices.Equal(now.Levels, want) {
		t.Fatalf("levels %v, want %v", now.Levels, want)
	}

	later := Row{How: how, Levels: make([]uint16, n)}
	var decided []Decided
	for round := range 3 {
		b := NewBatch(head, []Row{later}, 3, settle)
		b.Postpone(decided)
		draw(b, later)
		again, known, _, ok := b.Settle()
		decided = known
		if !ok || (len(again) > 0) != (round < 2) {
			t.Fatalf("round %d: again %v, %v", round, again, ok)
		}
	}
	if !slices.Equal(later.Levels, now.Levels) {
		t.Errorf("levels %v, want %v", later.Levels, now.Levels)
	}
}
