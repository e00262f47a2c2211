package dataset

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/semaphore"
)

const maxClasses = 256 // labels are bytes

// LoadImages reads the pictures in dir, which [FindPictures] finds and [ReadPicture] reads: in grey, as squares.
// opt.Limits say how large they may be. A picture that cannot be used is told to opt.Skip and left out; where that
// is nil, the error is a [*BadPicturesError].
//
// One in ten, and at least one, is the test split; opt.SplitSeed decides which.
func LoadImages(ctx context.Context, dir string, opt Options) (*Set, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	files, err := FindPictures(ctx, dir)
	if err != nil {
		return nil, err
	}
	if err := opt.Limits.checkSet(dir, len(files.Names), opt.Size); err != nil {
		return nil, err
	}

	area := opt.Size * opt.Size
	pixels := make([]uint16, len(files.Names)*area)
	entries := make([]entry, len(files.Names))
	each := PictureOptions{Height: opt.Size, Width: opt.Size, Channels: 1, Levels: opt.Levels, Resize: opt.Resize}
	room := semaphore.NewWeighted(int64(opt.Limits.Pixels)) // for pixels that are decoded at once
	bad, err := files.Each(ctx, func(i int) error {
		p, err := opt.Limits.openPicture(files.Path(i), opt.Opened)
		if err != nil {
			return err
		}
		if err := room.Acquire(ctx, p.pixels()); err != nil {
			return err
		}
		defer room.Release(p.pixels())
		entries[i] = entry{files.Names[i], sha256.Sum256(p.data)}
		return p.levels(pixels[i*area:(i+1)*area], each)
	})
	if err != nil {
		return nil, err
	}
	if err := files.Drop(bad, opt.Skip); err != nil {
		return nil, err
	}
	for label, class := range files.Classes {
		if !slices.Contains(files.Labels, uint8(label)) {
			return nil, &FolderError{filepath.Join(dir, class), "no picture is left: each sub-folder is a class"}
		}
	}
	n := 0 // how many pictures are left
	for i, err := range bad {
		if err == nil {
			copy(pixels[n*area:], pixels[i*area:(i+1)*area])
			entries[n] = entries[i]
			n++
		}
	}
	all := Split{Size: opt.Size, Pixels: pixels[:n*area], Labels: files.Labels}
	test := max(1, n/10)
	if n < 2 {
		return nil, &FolderError{dir, "a single picture: want two at least, one of them for testing"}
	}
	if err := checkValidation(opt.Validation, n-test); err != nil {
		return nil, err
	}

	set := &Set{
		Name:       folderName(dir),
		Dir:        dir,
		SHA256:     digest(entries[:n]),
		Preprocess: "grey; " + preprocess(opt, true),
		Size:       opt.Size,
		Levels:     opt.Levels,
		ClassNames: files.Classes,
		Unlabelled: files.Unlabelled,
	}
	parts, rest := all.holdOut(opt.SplitSeed, test, opt.Validation)
	set.Test, set.Validation, set.Train = parts[0], parts[1], rest
	return set, nil
}

// BadPicturesError is the pictures of a folder that cannot be used.
type BadPicturesError struct {
	Errors []error // one for each, in the order of the names
	Of     int     // pictures
}

func (e *BadPicturesError) Error() string {
	var all strings.Builder
	fmt.Fprintf(&all, "dataset: %d of %d pictures cannot be used", len(e.Errors), e.Of)
	for i, err := range e.Errors {
		all.WriteString([]string{": ", "; "}[min(i, 1)] + strings.TrimPrefix(err.Error(), "dataset: "))
	}
	return all.String()
}

// Unwrap lets errors.Is and errors.As find each error.
func (e *BadPicturesError) Unwrap() []error { return e.Errors }

// Pictures are the pictures of a folder, as [FindPictures] finds them.
type Pictures struct {
	Dir     string
	Names   []string // below the folder, with slashes, sorted
	Labels  []uint8  // by picture, indices into Classes; nil without classes
	Classes []string // sorted; nil without classes
	// Unlabelled says why there are no classes although there are sub-folders; else it is nil.
	Unlabelled error
}

// Path is the path of picture i.
func (p *Pictures) Path(i int) string { return filepath.Join(p.Dir, filepath.FromSlash(p.Names[i])) }

// Each calls do for each picture, for several at once, and returns the errors, [N]. Its own error
// is that of the context.
func (p *Pictures) Each(ctx context.Context, do func(i int) error) ([]error, error) {
	errs := make([]error, len(p.Names))
	err := parallel(ctx, len(p.Names), func(i int) error {
		errs[i] = do(i)
		return nil
	})
	if err = cmp.Or(err, ctx.Err()); err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	return errs, nil
}

// Drop leaves out the pictures that have an error in bad, [N], and calls tell with each. Where tell
// is nil the pictures stay, and the errors are returned as a [*BadPicturesError].
func (p *Pictures) Drop(bad []error, tell func(error)) error {
	all := slices.DeleteFunc(slices.Clone(bad), func(err error) bool { return err == nil })
	if len(all) == 0 {
		return nil
	}
	if tell == nil {
		return &BadPicturesError{all, len(bad)}
	}
	for _, err := range all {
		tell(err)
	}
	i, k := 0, 0
	p.Names = slices.DeleteFunc(p.Names, func(string) bool { i++; return bad[i-1] != nil })
	p.Labels = slices.DeleteFunc(p.Labels, func(uint8) bool { k++; return bad[k-1] != nil })
	return nil
}

// splitFolders are names of sub-folders that are probably splits, not classes.
var splitFolders = []string{"train", "training", "val", "valid", "validation", "test"}

// endings are the endings of pictures' names. Files with those of the second line cannot be read:
// they are errors, rather than passed over.
var endings = []string{
	".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff",
	".heic", ".heif", ".avif", ".jxl",
}

// IsPicture tells by a file's name whether [FindPictures] takes it for a picture.
func IsPicture(name string) bool {
	return slices.Contains(endings, strings.ToLower(filepath.Ext(name))) && !strings.HasPrefix(filepath.Base(name), ".")
}

// FindPictures lists the pictures in dir and below by the endings of their names: those of [ReadPicture]'s formats
// and some of others, which cannot be read. Names that begin with a dot are left out.
//
// Where all are in sub-folders, each of those is a class, with its pictures in it or deeper. Classes and pictures
// are ordered by name. Sub-folders that are called like splits, as train and test, are an error.
func FindPictures(ctx context.Context, dir string) (*Pictures, error) {
	if err := checkDir(dir); err != nil {
		return nil, err
	}
	out := Pictures{Dir: dir}
	folder := os.DirFS(dir)
	err := fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("dataset: %s: %w", full, err)
		}
		if name != "." && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			if name != "." && !strings.Contains(name, "/") {
				out.Classes = append(out.Classes, name)
			}
			return nil
		}
		if IsPicture(name) {
			out.Names = append(out.Names, name)
		}
		if d.Type()&fs.ModeSymlink != 0 {
			if target, err := fs.Stat(folder, name); err == nil && target.IsDir() {
				return &FolderError{full, "a link to a folder: put the folder itself there"}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(out.Names) == 0 {
		return nil, &FolderError{dir, "no " + formats + " files"}
	}
	slices.Sort(out.Names)
	slices.Sort(out.Classes)
	if len(out.Classes) == 0 {
		return &out, nil
	}
	isSplit := func(class string) bool { return slices.Contains(splitFolders, strings.ToLower(class)) }
	if !slices.ContainsFunc(out.Classes, func(c string) bool { return !isSplit(c) }) {
		return nil, &FolderError{dir, fmt.Sprintf("its sub-folders %s look like splits, not classes: choose one of them, as %s",
			strings.Join(out.Classes, ", "), filepath.Join(dir, out.Classes[0]))}
	}
	if out.Unlabelled = out.label(); out.Unlabelled != nil {
		out.Labels, out.Classes = nil, nil
	}
	return &out, nil
}

// label gives each picture the label of its sub-folder. The error says why that cannot be.
func (p *Pictures) label() error {
	if len(p.Classes) > maxClasses {
		return &FolderError{p.Dir, fmt.Sprintf("%d sub-folders: want %d classes at most", len(p.Classes), maxClasses)}
	}
	count := make([]int, len(p.Classes))
	for i, name := range p.Names {
		class, _, found := strings.Cut(name, "/")
		if !found {
			return &FolderError{p.Path(i), "a picture beside class folders: put it into one of them"}
		}
		label, _ := slices.BinarySearch(p.Classes, class)
		p.Labels = append(p.Labels, uint8(label))
		count[label]++
	}
	if empty := slices.Index(count, 0); empty >= 0 {
		return &FolderError{filepath.Join(p.Dir, p.Classes[empty]), "no " + formats + " files: each sub-folder is a class"}
	}
	return nil
}
