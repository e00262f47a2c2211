package dataset

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/semaphore"
)

const maxClasses = 256 // labels are bytes

// LoadImages reads the PNG and JPEG files in dir. Either they lie in dir itself and
// have no labels, or each sub-folder is a class, with its pictures in it or deeper;
// classes and pictures are ordered by name. Names that begin with a dot and files that
// are no pictures are left out; other kinds of picture are an error, as is any file
// that cannot be read.
//
// Pictures become grey (luma; transparent ones are laid over black), lose the ends of
// their longer side and are resized and quantised; Exif rotation is not applied.
// opt.Limits say how large pictures may be.
//
// One in ten, and at least one, is the test split; opt.SplitSeed decides which.
func LoadImages(ctx context.Context, dir string, opt Options) (*Set, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	files, err := findPictures(ctx, dir)
	if err != nil {
		return nil, err
	}
	test := max(1, len(files.names)/10)
	if len(files.names) < 2 {
		return nil, &FolderError{dir, "a single picture: want two at least, one of them for testing"}
	}
	if err := checkValidation(opt.Validation, len(files.names)-test); err != nil {
		return nil, err
	}
	if err := opt.Limits.checkSet(dir, len(files.names), opt.Size); err != nil {
		return nil, err
	}

	area := opt.Size * opt.Size
	all := Split{Size: opt.Size, Pixels: make([]uint16, len(files.names)*area), Labels: files.labels}
	each := PictureOptions{Height: opt.Size, Width: opt.Size, Channels: 1, Levels: opt.Levels, Resize: opt.Resize}
	entries := make([]entry, len(files.names))
	room := semaphore.NewWeighted(int64(opt.Limits.Pixels)) // for pixels that are decoded at once
	err = parallel(ctx, len(files.names), func(i int) error {
		p, err := opt.Limits.openPicture(filepath.Join(dir, filepath.FromSlash(files.names[i])), opt.Opened)
		if err != nil {
			return err
		}
		if err := room.Acquire(ctx, p.pixels()); err != nil {
			return err
		}
		defer room.Release(p.pixels())
		if err := p.levels(all.Pixels[i*area:(i+1)*area], each); err != nil {
			return err
		}
		entries[i] = entry{files.names[i], sha256.Sum256(p.data)}
		return nil
	})
	if ctx.Err() != nil {
		return nil, fmt.Errorf("dataset: %w", ctx.Err())
	}
	if err != nil {
		return nil, err
	}

	set := &Set{
		Name:       folderName(dir),
		Dir:        dir,
		SHA256:     digest(entries),
		Preprocess: "grey; " + preprocess(opt, true),
		Size:       opt.Size,
		Levels:     opt.Levels,
		ClassNames: files.classes,
	}
	parts, rest := all.holdOut(opt.SplitSeed, test, opt.Validation)
	set.Test, set.Validation, set.Train = parts[0], parts[1], rest
	return set, nil
}

// pictureFiles are the pictures of a folder.
type pictureFiles struct {
	names   []string // below the folder, with slashes, sorted
	labels  []uint8  // by picture; nil without classes
	classes []string // sorted; nil without classes
}

// splitFolders are sub-folders that are hardly meant as classes.
var splitFolders = []string{"train", "training", "val", "valid", "validation", "test"}

func findPictures(ctx context.Context, dir string) (*pictureFiles, error) {
	if err := checkDir(dir); err != nil {
		return nil, err
	}
	var out pictureFiles
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
				out.classes = append(out.classes, name)
			}
			return nil
		}
		switch strings.ToLower(path.Ext(name)) {
		case ".png", ".jpg", ".jpeg":
			out.names = append(out.names, name)
		case ".gif", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl":
			return fmt.Errorf("%w: %s: neither PNG nor JPEG: convert it or take it away", ErrFormat, full)
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
	if len(out.names) == 0 {
		return nil, &FolderError{dir, "no PNG or JPEG files"}
	}
	slices.Sort(out.names)
	slices.Sort(out.classes)
	return &out, out.label(dir)
}

// label gives each picture the label of its sub-folder.
func (p *pictureFiles) label(dir string) error {
	if len(p.classes) == 0 {
		return nil
	}
	if len(p.classes) > maxClasses {
		return &FolderError{dir, fmt.Sprintf("%d sub-folders: want %d classes at most", len(p.classes), maxClasses)}
	}
	isSplit := func(class string) bool { return slices.Contains(splitFolders, strings.ToLower(class)) }
	if !slices.ContainsFunc(p.classes, func(c string) bool { return !isSplit(c) }) {
		return &FolderError{dir, fmt.Sprintf("its sub-folders %s look like splits, not classes: choose one of them, as %s",
			strings.Join(p.classes, ", "), filepath.Join(dir, p.classes[0]))}
	}
	count := make([]int, len(p.classes))
	for _, name := range p.names {
		class, _, found := strings.Cut(name, "/")
		if !found {
			return &FolderError{filepath.Join(dir, name), "a picture beside class folders: put it into one of them"}
		}
		label, _ := slices.BinarySearch(p.classes, class)
		p.labels = append(p.labels, uint8(label))
		count[label]++
	}
	if empty := slices.Index(count, 0); empty >= 0 {
		return &FolderError{filepath.Join(dir, p.classes[empty]), "no PNG or JPEG files: each sub-folder is a class"}
	}
	return nil
}
