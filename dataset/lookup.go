package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
)

const (
	dataEnv   = "PIXELCNN_DATA"
	systemDir = "/usr/share/datasets/fashion-mnist" // of Debian's dataset-fashion-mnist
	howToGet  = `get it with "trainer fetch-data"`
)

// cacheDir is where [Fetch] puts the data.
func cacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("user cache folder: %w", err)
	}
	return filepath.Join(dir, "pixelcnn", fashionName), nil
}

// place is somewhere to look for the data.
type place struct {
	setting string // that names it, if any
	dir     string // "" if there is none
	err     error  // why there is none
	// chosen says that the user named it. Then it is used or the search fails, and
	// it may hold a data set other than Fashion-MNIST.
	chosen bool
}

// places lists where to look, in order. dir is the caller's choice or "".
func places(dir string) []place {
	notSet := errors.New("not set")
	list := []place{
		{setting: "--data", dir: dir, err: notSet, chosen: dir != ""},
		{setting: dataEnv, dir: os.Getenv(dataEnv), err: notSet, chosen: os.Getenv(dataEnv) != ""},
	}
	cache, err := cacheDir()
	return append(list, place{dir: cache, err: err}, place{dir: systemDir})
}

// Load reads a data set of four IDX files under their usual names
// (train-images-idx3-ubyte and so on, each with .gz or without; the former is
// preferred). The test split is the t10k files. In a folder that is the user's choice the files of labels may
// both be missing: that is a set without labels.
//
// It looks in dir, if that is not ""; in the folder that the environment variable
// PIXELCNN_DATA names; in pixelcnn/fashion-mnist in the user's cache folder; and in
// /usr/share/datasets/fashion-mnist. The first two are the user's choice: if set, they
// are used or Load fails, and may hold another data set, whose checksum is recorded
// but not checked. The last two must hold Fashion-MNIST, bit for bit. If nothing is
// found, the error wraps [ErrNotFound] and says what is wrong with each place; other
// errors name the file or folder; the package comment lists them.
func Load(ctx context.Context, dir string, opt Options) (*Set, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	return load(ctx, dir, opt, everything)
}

// Part is one of the two parts in which a data set of IDX files comes.
type Part string

// The parts.
const (
	TrainPart Part = "train"
	TestPart  Part = "test"
)

// LoadPart is [Load] for those who need one part alone, and of that perhaps no more than the first n images; an
// n of 0 stands for all. Only the part's two files, of images and of labels, are read and checked, whole; those
// of the other part may be damaged or missing. So the set's SHA256, which is of all files, is empty, Fashion-MNIST
// is recognised by the part's files, and classes and preprocessing are those of the part. The other split is
// empty, and there can be no validation split.
func LoadPart(ctx context.Context, dir string, part Part, n int, opt Options) (*Set, error) {
	opt, err := opt.withDefaults()
	switch {
	case err != nil:
		return nil, err
	case part != TrainPart && part != TestPart:
		return nil, fmt.Errorf("%w: no part is named %q; there is %q", ErrOptions, part, []Part{TrainPart, TestPart})
	case n < 0:
		return nil, fmt.Errorf("%w: %d images: want 0 or more", ErrOptions, n)
	case opt.Validation > 0:
		return nil, fmt.Errorf("%w: validation %d: want 0 for a part", ErrOptions, opt.Validation)
	}
	if n == 0 {
		n = math.MaxInt
	}
	if part == TrainPart {
		return load(ctx, dir, opt, wanted{n, 0})
	}
	return load(ctx, dir, opt, wanted{0, n})
}

// wanted is how many of the training and of the test images are wanted, or more than there are. Where it is 0,
// the part's files are not read.
type wanted [2]int

// file tells whether file i of idxNames is to be read.
func (w wanted) file(i int) bool { return w[i/2] > 0 }

var everything = wanted{math.MaxInt, math.MaxInt}

// load is Load with all options set.
func load(ctx context.Context, dir string, opt Options, want wanted) (*Set, error) {
	src, fashion, err := opt.Limits.search(ctx, places(dir), fashionPins, want)
	if err != nil {
		return nil, err
	}
	for i, info := range src.infos {
		if info != nil {
			opt.Opened(src.paths[i], info)
		}
	}
	return src.set(ctx, fashion, opt)
}

// search searches within the default limits for all images.
func search(ctx context.Context, list []place, pins [4]pin) (src *sources, fashion bool, err error) {
	return defaultLimits().search(ctx, list, pins, everything)
}

// search returns the data of the first place that has them, and whether they are
// those of the pins.
func (l Limits) search(ctx context.Context, list []place, pins [4]pin, want wanted) (src *sources, fashion bool, err error) {
	var reasons []string
	for _, p := range list {
		err := p.err
		if p.dir != "" {
			src, err = l.readSources(ctx, p.dir, p.chosen, want)
			if err == nil && p.chosen {
				fashion, err = src.recognise(pins)
			} else if err == nil {
				fashion, err = true, src.require(pins)
			}
			if err == nil {
				return src, fashion, nil
			}
			if ctx.Err() != nil {
				return nil, false, fmt.Errorf("dataset: %w", ctx.Err())
			}
		}
		if p.chosen {
			return nil, false, fmt.Errorf("%w (folder set by %s)", err, p.setting)
		}
		reason := strings.TrimPrefix(err.Error(), "dataset: ")
		if p.setting != "" {
			reason = p.setting + ": " + reason
		}
		reasons = append(reasons, reason)
	}
	return nil, false, fmt.Errorf("%w: %s; %s", ErrNotFound, strings.Join(reasons, "; "), howToGet)
}

// sources are the four files of a data set, in the order of idxNames.
type sources struct {
	dir        string
	unlabelled bool      // there are no labels: these files are empty
	paths      [4]string // "" for none
	infos      [4]fs.FileInfo
	files      [4]*idxFile // nil for those of a part that is not wanted
}

// readSources reads the files of the wanted parts in dir and checks that they fit together. Where that is
// allowed, both files of labels may be missing: one that is there shows that the other was lost, so it is looked
// for even if its part is not wanted.
func (l Limits) readSources(ctx context.Context, dir string, unlabelled bool, want wanted) (*sources, error) {
	if err := checkDir(dir); err != nil {
		return nil, err
	}
	s := &sources{dir: dir}
	var missing [4]error
	for i, name := range idxNames {
		var err error
		if s.paths[i], err = findIDX(dir, name); err != nil && want.file(i) && !errors.As(err, new(*FolderError)) {
			return nil, err
		}
		missing[i] = err
	}
	s.unlabelled = unlabelled && missing[1] != nil && missing[3] != nil
	for i, err := range missing {
		if err != nil && want.file(i) && !(s.unlabelled && i%2 == 1) {
			return nil, err
		}
	}
	err := parallel(ctx, len(s.files), func(i int) error {
		if !want.file(i) {
			if s.paths[i] != "" {
				s.infos[i], _ = os.Stat(s.paths[i])
			}
			return nil
		}
		if s.paths[i] == "" {
			s.files[i] = &idxFile{dims: []int{0}}
			return nil
		}
		f, err := os.Open(s.paths[i])
		if err != nil {
			return fmt.Errorf("dataset: %w", err)
		}
		defer f.Close()
		if s.infos[i], err = f.Stat(); err != nil {
			return fmt.Errorf("dataset: %w", err)
		}
		keep := math.MaxInt // of labels, as describe looks at all of them
		if i%2 == 0 {
			keep = want[i/2]
		}
		s.files[i], err = l.readIDX(f, s.paths[i], idxMagic(i), keep)
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(s.files); i += 2 {
		if !want.file(i) {
			continue
		}
		images, labels := s.files[i].dims[0], s.files[i+1].dims[0]
		if images == 0 {
			return nil, fmt.Errorf("%w: %s: no images", ErrFormat, s.paths[i])
		}
		if images != labels && !s.unlabelled {
			return nil, fmt.Errorf("%w: %s: %d labels for the %d images of %s",
				ErrFormat, s.paths[i+1], labels, images, filepath.Base(s.paths[i]))
		}
	}
	return s, nil
}

// findIDX returns the path of a file or of its .gz.
func findIDX(dir, name string) (string, error) {
	for _, path := range []string{filepath.Join(dir, name+".gz"), filepath.Join(dir, name)} {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return "", fmt.Errorf("dataset: %w", err)
		case !info.Mode().IsRegular():
			return "", fmt.Errorf("dataset: %s: %w", path, ErrNotRegular)
		}
		return path, nil
	}
	return "", &FolderError{filepath.Join(dir, name+".gz"), "no such file, nor without .gz"}
}

// set resizes and divides the images that are kept.
func (s *sources) set(ctx context.Context, fashion bool, opt Options) (*Set, error) {
	most, crop, whole := 0, false, true
	for i := 0; i < len(s.files); i += 2 {
		if s.files[i] == nil {
			whole = false
			continue
		}
		dims := s.files[i].dims
		most, crop = max(most, dims[0]), crop || dims[1] != dims[2]
	}
	if opt.Validation > 0 { // then the training part is wanted
		if err := checkValidation(opt.Validation, s.files[0].dims[0]); err != nil {
			return nil, err
		}
	}
	if err := opt.Limits.checkSet(s.dir, most, opt.Size); err != nil {
		return nil, err
	}
	set := &Set{
		Dir:        s.dir,
		Preprocess: preprocess(opt, crop),
		Size:       opt.Size,
		Levels:     opt.Levels,
	}
	s.describe(set, fashion)
	if s.unlabelled {
		set.Unlabelled = &FolderError{s.dir, "no files of labels, " + idxNames[1] + " and " + idxNames[3] + " or these with .gz"}
	}
	if whole {
		var entries []entry
		for i, f := range s.files {
			if s.paths[i] != "" {
				entries = append(entries, entry{idxNames[i], f.sum})
			}
		}
		set.SHA256 = digest(entries)
	}

	for i, split := range []*Split{&set.Train, &set.Test} {
		if s.files[2*i] == nil {
			*split = Split{Size: opt.Size}
			continue
		}
		images, labels := s.files[2*i].images(), s.files[2*i+1].data
		pixels, err := quantiseAll(ctx, images, opt)
		if err != nil {
			return nil, err
		}
		*split = Split{Size: opt.Size, Pixels: pixels, Labels: labels[:min(len(labels), images.Count)]}
	}
	set.Validation = Split{Size: opt.Size}
	if opt.Validation > 0 {
		parts, rest := set.Train.holdOut(opt.SplitSeed, opt.Validation)
		set.Validation, set.Train = parts[0], rest
	}
	return set, nil
}

// quantiseAll makes levels [N,Size,Size] of the centre squares of images.
func quantiseAll(ctx context.Context, images *Images, opt Options) ([]uint16, error) {
	const chunk = 1000 // images at a time
	side := min(images.Height, images.Width)
	k := opt.Resize.kernel(side, opt.Size)
	area := opt.Size * opt.Size
	levels := make([]uint16, images.Count*area)
	corner := (images.Height-side)/2*images.Width + (images.Width-side)/2
	err := parallel(ctx, (images.Count+chunk-1)/chunk, func(c int) error {
		scratch := make([]uint64, side)
		for i := c * chunk; i < min((c+1)*chunk, images.Count); i++ {
			src := images.Pixels[i*images.Height*images.Width+corner:]
			quantise(k, k, levels[i*area:(i+1)*area], 1, src, images.Width, opt.Levels, scratch)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	return levels, nil
}
