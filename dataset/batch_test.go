package dataset

import (
	"errors"
	"math"
	"slices"
	"testing"
)

// numbered is a split of n 2×2 images; image i holds i, label 10+i.
func numbered(n int) Split {
	s := Split{Size: 2}
	for i := range n {
		s.Pixels = append(s.Pixels, uint16(i), uint16(i), uint16(i), uint16(i))
		s.Labels = append(s.Labels, uint8(10+i))
	}
	return s
}

func TestOrder(t *testing.T) {
	s := numbered(100)
	first := s.Order(7, 0)
	if sorted := slices.Sorted(slices.Values(first)); sorted[0] != 0 || sorted[99] != 99 || len(slices.Compact(sorted)) != 100 {
		t.Errorf("not a permutation: %v", first)
	}
	if !slices.Equal(s.Order(7, 0), first) {
		t.Error("same seed and epoch, another order")
	}
	for _, other := range [][]int{s.Order(7, 1), s.Order(8, 0), s.Order(8, 1), s.Order(0, 0)} {
		same := 0
		for i := range other {
			if other[i] == first[i] {
				same++
			}
		}
		if same > 10 { // 1 expected
			t.Errorf("%d of 100 images at the same place in another epoch", same)
		}
	}
	// A run is resumed, perhaps by a later version: the order is for ever.
	small := numbered(8)
	if got, want := small.Order(1, 2), []int{6, 1, 3, 7, 5, 0, 4, 2}; !slices.Equal(got, want) {
		t.Errorf("Order(1, 2) of 8 images = %v, want %v", got, want)
	}
}

func TestBatches(t *testing.T) {
	s := numbered(5)
	tests := []struct {
		name  string
		order []int
		size  int
		want  [][]int
	}{
		{"all", nil, 2, [][]int{{0, 1}, {2, 3}, {4}}},
		{"even", nil, 5, [][]int{{0, 1, 2, 3, 4}}},
		{"large", nil, 100, [][]int{{0, 1, 2, 3, 4}}},
		{"ordered", []int{4, 0, 4}, 2, [][]int{{4, 0}, {4}}},
		{"none", []int{}, 2, nil},
	}
	for _, test := range tests {
		batches, err := s.Batches(test.order, test.size)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		for range 2 { // each loop starts anew
			var got [][]int
			for b := range batches {
				got = append(got, slices.Clone(b.Index))
				if len(b.Pixels) != 4*len(b.Index) || len(b.Labels) != len(b.Index) {
					t.Fatalf("%s: batch of %d images has %d pixels and %d labels", test.name, len(b.Index), len(b.Pixels), len(b.Labels))
				}
				for k, i := range b.Index {
					if b.Pixels[4*k] != uint16(i) || b.Pixels[4*k+3] != uint16(i) || b.Labels[k] != uint8(10+i) {
						t.Errorf("%s: image %d has pixels %v, label %d", test.name, i, b.Pixels[4*k:4*k+4], b.Labels[k])
					}
				}
			}
			if !slices.EqualFunc(got, test.want, slices.Equal) {
				t.Errorf("%s: got %v, want %v", test.name, got, test.want)
			}
		}
	}
}

func TestBatchesStop(t *testing.T) {
	s := numbered(5)
	s.Labels = nil
	batches, err := s.Batches(nil, 2)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for b := range batches {
		if b.Labels != nil {
			t.Errorf("labels %v of a split without", b.Labels)
		}
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d batches, want 1", n)
	}
}

func TestBatchesRefuses(t *testing.T) {
	s := numbered(5)
	short := numbered(5)
	short.Labels = short.Labels[:4]
	tests := []struct {
		name  string
		split Split
		order []int
		size  int
		want  string
	}{
		{"no size", s, nil, 0, "dataset: invalid options: batch 0: want 1 or more images"},
		{"too large an index", s, []int{0, 5}, 2, "dataset: invalid options: order[1] is 5: the split has 5 images"},
		{"negative index", s, []int{-1}, 2, "dataset: invalid options: order[0] is -1: the split has 5 images"},
		{"labels missing", short, nil, 2, "dataset: invalid options: a split of 5 images has 4 labels"},
		{"zero split", Split{}, []int{0}, 2, "dataset: invalid options: order[0] is 0: the split has 0 images"},
	}
	for _, test := range tests {
		if _, err := test.split.Batches(test.order, test.size); !errors.Is(err, ErrOptions) || err.Error() != test.want {
			t.Errorf("%s: got error %v, want %s", test.name, err, test.want)
		}
	}
}

func TestHoldOut(t *testing.T) {
	s := numbered(20)
	parts, rest := s.holdOut(3, 4, 0, 6)
	sizes := []int{parts[0].N(), parts[1].N(), parts[2].N(), rest.N()}
	if !slices.Equal(sizes, []int{4, 0, 6, 10}) {
		t.Fatalf("sizes %v, want 4 0 6 10", sizes)
	}
	var all []uint8
	for _, part := range append(parts, rest) {
		if !slices.IsSorted(part.Labels) {
			t.Errorf("labels %v: order not kept", part.Labels)
		}
		for i, l := range part.Labels {
			if part.Pixels[4*i] != uint16(l-10) {
				t.Errorf("image %d has the label of image %d", part.Pixels[4*i], l-10)
			}
		}
		all = append(all, part.Labels...)
	}
	slices.Sort(all)
	if !slices.Equal(all, s.Labels) {
		t.Errorf("the parts hold %v, want each image once", all)
	}
	again, _ := s.holdOut(3, 4)
	other, _ := s.holdOut(4, 4)
	if !slices.Equal(again[0].Labels, parts[0].Labels) {
		t.Error("same seed, other images")
	}
	if slices.Equal(other[0].Labels, parts[0].Labels) {
		t.Error("another seed, same images")
	}
}

func TestFlips(t *testing.T) {
	s := numbered(1000)
	first := s.Flips(7, 0)
	if !slices.Equal(s.Flips(7, 0), first) {
		t.Error("same seed and epoch, other flips")
	}
	for _, other := range [][]bool{s.Flips(7, 1), s.Flips(8, 0), make([]bool, 1000)} {
		same := 0
		for i := range other {
			if other[i] == first[i] {
				same++
			}
		}
		if same < 430 || same > 570 { // 500 ± 16 expected
			t.Errorf("%d of 1000 images are flipped alike in another epoch, or not at all", same)
		}
	}
	// A run is resumed, perhaps by a later version.
	small := numbered(8)
	if got, want := small.Flips(1, 2), []bool{true, false, true, false, false, true, true, false}; !slices.Equal(got, want) {
		t.Errorf("Flips(1, 2) of 8 images = %v, want %v", got, want)
	}
}

func TestFlipped(t *testing.T) {
	s := &Split{Size: 2, Pixels: []uint16{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, Labels: []uint8{7, 8, 9}}
	before := slices.Clone(s.Pixels)
	got, index, err := s.Flipped([]int{2, 0, 2}, []bool{false, true, true})
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint16{10, 9, 12, 11, 1, 2, 3, 4, 10, 9, 12, 11}; !slices.Equal(got.Pixels, want) || got.Size != 2 {
		t.Errorf("%v, want %v", got, want)
	}
	if !slices.Equal(got.Labels, []uint8{9, 7, 9}) || !slices.Equal(index, []int{0, 1, 2}) {
		t.Errorf("labels %v at %v", got.Labels, index)
	}
	if !slices.Equal(s.Pixels, before) {
		t.Error("the split itself is flipped")
	}
	short := &Split{Size: 2, Pixels: s.Pixels, Labels: []uint8{7}}
	for name, call := range map[string]func() error{
		"an index":   func() error { _, _, err := s.Flipped([]int{3}, make([]bool, 3)); return err },
		"below 0":    func() error { _, _, err := s.Flipped([]int{-1}, make([]bool, 3)); return err },
		"the flips":  func() error { _, _, err := s.Flipped([]int{0}, nil); return err },
		"the labels": func() error { _, _, err := short.Flipped([]int{0}, make([]bool, 3)); return err },
	} {
		if err := call(); !errors.Is(err, ErrOptions) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestN(t *testing.T) {
	for _, c := range []struct{ size, pixels, want int }{
		{0, 4, 0}, {-1, 4, 0}, {1, 4, 4}, {2, 11, 2}, {2, 3, 0}, {1 << 32, 12, 0}, {math.MaxInt, 12, 0},
	} {
		s := Split{Size: c.size, Pixels: make([]uint16, c.pixels)}
		if got := s.N(); got != c.want {
			t.Errorf("%d pixels in images of size %d are %d, want %d", c.pixels, c.size, got, c.want)
		}
	}
}

func TestClassShares(t *testing.T) {
	s := &Split{Size: 1, Pixels: make([]uint16, 4), Labels: []uint8{2, 0, 2, 2}}
	if got, err := s.ClassShares(4); err != nil || !slices.Equal(got, []float64{0.25, 0, 0.75, 0}) {
		t.Errorf("shares %v, error %v", got, err)
	}
	for _, classes := range []int{-1, 0, 2, math.MaxInt} {
		if got, err := s.ClassShares(classes); !errors.Is(err, ErrOptions) {
			t.Errorf("shares of %d classes: %v, error %v", classes, got, err)
		}
	}
	if got, err := new(Split).ClassShares(4); !errors.Is(err, ErrOptions) {
		t.Errorf("shares of nothing: %v, error %v", got, err)
	}
}

func BenchmarkFlipped(b *testing.B) {
	s := &Split{Size: 16, Pixels: make([]uint16, 1000*256)}
	index, flips := s.Order(1, 0)[:128], s.Flips(1, 0)
	for b.Loop() {
		_, _, _ = s.Flipped(index, flips)
	}
}
