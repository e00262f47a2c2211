package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"math"
)

// Limits bound what the files of a data set may ask of the machine. A field that is zero
// means its default. They are checked against what a file says of itself before anything
// of that size is allocated.
//
// Beside them, sides of pictures are up to 16,384 pixels always, and a JPEG file has 100
// scans at most.
type Limits struct {
	// FileBytes is the length of one file, and of what an IDX file holds when it is
	// uncompressed. Default 1 GiB.
	FileBytes int64
	// Pixels is the size of one picture, or of what [ReadPicture] makes of it;
	// reading takes up to 20 bytes a pixel. [LoadImages] decodes several pictures at once
	// as long as they have no more than this together. Default 2²⁵, which is a little more
	// than an 8K frame; at most [MaxPixels].
	Pixels int
	// SetBytes is the size of a set's levels, a byte each: images·Size². Default 4 GiB.
	SetBytes int64
}

// MaxPixels is the most that [Limits].Pixels can be.
const MaxPixels = 1 << 28

var (
	// ErrLimit is wrapped by every [*LimitError].
	ErrLimit = errors.New("dataset: over the limit")
	// ErrLimits is wrapped by the error about a field of [Limits] that makes no sense.
	ErrLimits = errors.New("dataset: invalid limits")
)

// LimitError is a file, or a folder of them, that asks for more than [Limits] allow.
type LimitError struct {
	File      string
	Limit     string // the field of [Limits]
	What      string // what is over it
	Have, Max int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%v: %s: %s: %d, at most %d is allowed (Limits.%s)", ErrLimit, e.File, e.What, e.Have, e.Max, e.Limit)
}

// Unwrap makes errors.Is(err, ErrLimit) true.
func (e *LimitError) Unwrap() error { return ErrLimit }

func (l Limits) withDefaults() (Limits, error) {
	for _, f := range []struct {
		name       string
		value, max int64
	}{
		{"FileBytes", l.FileBytes, math.MaxInt64},
		{"Pixels", int64(l.Pixels), MaxPixels},
		{"SetBytes", l.SetBytes, math.MaxInt64},
	} {
		if f.value < 0 || f.value > f.max {
			return l, fmt.Errorf("%w: %s is %d, must be from 0 (for the default) to %d", ErrLimits, f.name, f.value, f.max)
		}
	}
	l.FileBytes = cmp.Or(l.FileBytes, 1<<30)
	l.Pixels = cmp.Or(l.Pixels, 1<<25)
	l.SetBytes = cmp.Or(l.SetBytes, 4<<30)
	return l, nil
}

// defaultLimits are the defaults.
func defaultLimits() Limits {
	l, _ := Limits{}.withDefaults()
	return l
}

// checkSet reports whether a set of so many images of size×size may be held.
func (l Limits) checkSet(dir string, images, size int) error {
	// Below 2³¹ images or files of up to 64×64: no overflow.
	have := int64(images) * int64(size) * int64(size)
	if limit := min(l.SetBytes, math.MaxInt); have > limit {
		return &LimitError{dir, "SetBytes", fmt.Sprintf("bytes of %d images of %d×%d", images, size, size), have, limit}
	}
	return nil
}
