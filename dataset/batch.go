package dataset

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
)

// The second words of the generators' seeds, so that held-out images and the orders
// of the epochs are unrelated even where their seeds are equal.
const (
	holdOutStream = 0x73706c6974 << 24 // "split"
	orderStream   = 0x6f72646572 << 24 // "order", plus the epoch
	flipStream    = 0x666c6970 << 24   // "flip", plus the epoch
)

// Batch is some images of a [Split].
type Batch struct {
	Index  []int    // [n], which images of the split
	Pixels []uint16 // levels [n,Size,Size], row-major
	Labels []uint8  // [n]; nil for a set without labels
}

// Order returns the order in which an epoch visits the images: a permutation of
// 0 … N()−1 that depends on n, seed and epoch alone. The slice is the caller's.
func (s *Split) Order(seed uint64, epoch int) []int {
	return rand.New(rand.NewPCG(seed, orderStream+uint64(epoch))).Perm(s.N())
}

// Flips tells which images an epoch mirrors, each with probability ½: it depends on n,
// seed and epoch alone. The slice is the caller's.
func (s *Split) Flips(seed uint64, epoch int) []bool {
	rng := rand.New(rand.NewPCG(seed, flipStream+uint64(epoch)))
	flips := make([]bool, s.N())
	for i := range flips {
		flips[i] = rng.Uint64()>>63 == 1
	}
	return flips
}

// Flipped copies the chosen images with their labels; images i with flips[i] are
// mirrored left to right. It returns the copies and their indices, 0, 1, …. An index
// outside the split, and as many flips or labels as there are no images, are errors, which
// wrap [ErrOptions].
func (s *Split) Flipped(index []int, flips []bool) (*Split, []int, error) {
	if len(flips) != s.N() {
		return nil, nil, fmt.Errorf("%w: a split of %d images and %d flips", ErrOptions, s.N(), len(flips))
	}
	if err := s.check("index", index); err != nil {
		return nil, nil, err
	}
	out := s.subset(index)
	all := make([]int, len(index))
	for k, i := range index {
		all[k] = k
		if flips[i] {
			area := s.Size * s.Size
			for row := range slices.Chunk(out.Pixels[k*area:(k+1)*area], s.Size) {
				slices.Reverse(row)
			}
		}
	}
	return &out, all, nil
}

// check reports whether the images of a list of that name are there, with their labels
// where there are labels.
func (s *Split) check(name string, list []int) error {
	n := s.N()
	if s.Labels != nil && len(s.Labels) != n {
		return fmt.Errorf("%w: a split of %d images has %d labels", ErrOptions, n, len(s.Labels))
	}
	for k, i := range list {
		if i < 0 || i >= n {
			return fmt.Errorf("%w: %s[%d] is %d: the split has %d images", ErrOptions, name, k, i, n)
		}
	}
	return nil
}

// Batches yields the images of order, size at a time; a nil order means all of them
// as they lie. The last batch is smaller where size does not divide the number of
// images: none is left out.
//
// Each loop over the result owns the memory of its batches and uses it again for the
// next one, so copy what is to be kept; Index is a part of order. Several loops may
// run at once.
//
// A size below 1 and an index outside the split are errors, which wrap [ErrOptions].
func (s *Split) Batches(order []int, size int) (iter.Seq[Batch], error) {
	if size < 1 {
		return nil, fmt.Errorf("%w: batch %d: want 1 or more images", ErrOptions, size)
	}
	if err := s.check("order", order); err != nil {
		return nil, err
	}
	if order == nil {
		order = make([]int, s.N())
		for i := range order {
			order[i] = i
		}
	}
	return func(yield func(Batch) bool) {
		area := s.Size * s.Size
		pixels := make([]uint16, min(size, len(order))*area)
		var labels []uint8
		if s.Labels != nil {
			labels = make([]uint8, min(size, len(order)))
		}
		for rest := order; len(rest) > 0; {
			b := Batch{Index: rest[:min(size, len(rest))]}
			rest = rest[len(b.Index):]
			b.Pixels = pixels[:len(b.Index)*area]
			for k, i := range b.Index {
				copy(b.Pixels[k*area:], s.Pixels[i*area:(i+1)*area])
			}
			if labels != nil {
				b.Labels = labels[:len(b.Index)]
				for k, i := range b.Index {
					b.Labels[k] = s.Labels[i]
				}
			}
			if !yield(b) {
				return
			}
		}
	}, nil
}
