package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

var (
	// ErrNotFound is wrapped by the error of [Load] when no place holds the data set;
	// [Fetch] gets it.
	ErrNotFound = errors.New("dataset: Fashion-MNIST not found")
	// ErrFormat is wrapped by errors about a file whose content cannot be used:
	// a wrong magic number, a truncated file, labels and images that do not match.
	ErrFormat = errors.New("dataset: bad file")
	// ErrChecksum is wrapped by errors about a file that can be read but is not the
	// one that it should be.
	ErrChecksum = errors.New("dataset: checksum mismatch")
	// ErrNotRegular is wrapped by errors about a folder, a device or a pipe in place of a file.
	ErrNotRegular = errors.New("not a regular file")
	// ErrOptions is wrapped by errors about [Options] and other arguments.
	ErrOptions = errors.New("dataset: invalid options")
)

// FolderError is a folder that is not there, or that does not hold what it should.
type FolderError struct {
	Path    string // the folder, or what is the matter in it
	Problem string // in words
}

func (e *FolderError) Error() string { return fmt.Sprintf("dataset: %s: %s", e.Path, e.Problem) }

// Options says how pictures become levels and how they are divided. The zero value
// is the reference task: 16×16 pixels of 4 levels, no validation split.
type Options struct {
	// Size is the height and width in pixels, 4 to 64. Default 16.
	Size int
	// Levels is the number of grey levels, 2 to 256. Default 4.
	Levels int
	// Resize is the filter. Default [Antialias].
	Resize Resize
	// Validation is the number of training images to hold out. Default 0.
	Validation int
	// SplitSeed chooses which images are held out. It is not the seed of a training
	// run, so that runs of different seeds can be compared. Default 0.
	SplitSeed uint64
	// Limits bound what the files may ask for. The zero value is their defaults.
	Limits Limits
	// Skip, where not nil, is called with the reason for each picture that cannot be used and is
	// therefore left out. The calls come one after the other.
	Skip func(error)
	// Opened, where not nil, is called for each file that is read, by several goroutines at once; by [LoadPart]
	// also for the other files of the set, since whoever must not write to the set must not write to them.
	Opened func(path string, info fs.FileInfo)
}

func (o Options) withDefaults() (Options, error) {
	if o.Size == 0 {
		o.Size = 16
	}
	if o.Levels == 0 {
		o.Levels = 4
	}
	if o.Resize == "" {
		o.Resize = Antialias
	}
	switch {
	case !slices.Contains(Resizes, o.Resize):
		return o, fmt.Errorf("%w: no way to resize is named %q; there is %q", ErrOptions, o.Resize, Resizes)
	case o.Size < 4 || o.Size > 64:
		return o, fmt.Errorf("%w: size %d: want 4 to 64", ErrOptions, o.Size)
	case o.Levels < 2 || o.Levels > 256:
		return o, fmt.Errorf("%w: levels %d: want 2 to 256", ErrOptions, o.Levels)
	case o.Validation < 0:
		return o, fmt.Errorf("%w: validation %d: want 0 or more images", ErrOptions, o.Validation)
	}
	if o.Opened == nil {
		o.Opened = func(string, fs.FileInfo) {}
	}
	var err error
	o.Limits, err = o.Limits.withDefaults()
	return o, err
}

// Set is a data set in memory, resized and quantised.
type Set struct {
	Name       string   // "fashion-mnist", or the name of the folder
	Dir        string   // the folder it was read from
	SHA256     string   // of the source files, in hex; see the package comment; "" from [LoadPart]
	Preprocess string   // from source to levels, e.g. "resize=16 triangle; levels=4 floor(v*levels/256)"
	Size       int      // height and width in pixels
	Levels     int      // number of grey levels
	ClassNames []string // by label; nil for a set without labels
	Unlabelled error    // why there are no labels although there are sub-folders; else nil

	Train, Validation, Test Split
}

// Split is a part of a [Set].
type Split struct {
	Size   int      // height and width in pixels
	Pixels []uint16 // levels [N,Size,Size], row-major
	Labels []uint8  // [N], indices into ClassNames; nil for a set without labels
}

// N returns the number of images.
func (s *Split) N() int {
	if s.Size < 1 {
		return 0
	}
	return len(s.Pixels) / s.Size / s.Size // their product may overflow
}

// ClassShares returns how much of the split each of so many classes is: their relative
// frequencies. A split without labels and a label that is no class are errors, which wrap
// [ErrOptions].
func (s *Split) ClassShares(classes int) ([]float64, error) {
	if len(s.Labels) == 0 || classes < 1 || classes > maxClasses {
		return nil, fmt.Errorf("%w: shares of %d classes among %d labels: want 1 to %d classes and a label at least", ErrOptions, classes, len(s.Labels), maxClasses)
	}
	shares := make([]float64, classes)
	for i, l := range s.Labels {
		if int(l) >= classes {
			return nil, fmt.Errorf("%w: image %d has the label %d: want less than %d", ErrOptions, i, l, classes)
		}
		shares[l]++
	}
	for l := range shares {
		shares[l] /= float64(len(s.Labels))
	}
	return shares, nil
}

// subset copies the images with the given indices.
func (s *Split) subset(index []int) Split {
	area := s.Size * s.Size
	out := Split{Size: s.Size, Pixels: make([]uint16, 0, len(index)*area)}
	for _, i := range index {
		out.Pixels = append(out.Pixels, s.Pixels[i*area:(i+1)*area]...)
	}
	if s.Labels != nil {
		out.Labels = make([]uint8, 0, len(index))
		for _, i := range index {
			out.Labels = append(out.Labels, s.Labels[i])
		}
	}
	return out
}

// holdOut divides s at random: parts of the given sizes, then the rest. Each keeps
// the order of s. The sizes must not add up to more than s.N().
func (s *Split) holdOut(seed uint64, sizes ...int) (parts []Split, rest Split) {
	perm := rand.New(rand.NewPCG(seed, holdOutStream)).Perm(s.N())
	take := func(n int) Split {
		index := slices.Sorted(slices.Values(perm[:n]))
		perm = perm[n:]
		return s.subset(index)
	}
	for _, n := range sizes {
		parts = append(parts, take(n))
	}
	return parts, take(len(perm))
}

// checkValidation reports whether validation images can be held out of n.
func checkValidation(validation, n int) error {
	if validation >= n {
		return fmt.Errorf("%w: validation %d: there are %d training images and one at least must be left", ErrOptions, validation, n)
	}
	return nil
}

// checkDir reports whether dir is a folder.
func checkDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &FolderError{dir, "no such folder"}
	case err != nil:
		return fmt.Errorf("dataset: %w", err)
	case !info.IsDir():
		return &FolderError{dir, "not a folder"}
	}
	return nil
}

// folderName names a data set after its folder.
func folderName(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return filepath.Base(dir)
}

// entry is a source file of a set: its name and the SHA-256 of its content.
type entry struct {
	name string
	sum  [sha256.Size]byte
}

// digest is the SHA-256, in hex, of what sha256sum prints for the files.
func digest(files []entry) string {
	files = slices.SortedFunc(slices.Values(files), func(a, b entry) int { return strings.Compare(a.name, b.name) })
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%x  %s\n", f.sum, f.name)
	}
	return hex.EncodeToString(h.Sum(nil))
}
