package main

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"pixelcnn/dataset"
	"pixelcnn/sampler"
)

// loadPictures finds the PNG and JPEG files of a folder and of those below, by name, which
// are read as they are scored. Names that begin with a dot are left out.
func (f *scoreFlags) loadPictures(ctx context.Context, sig *sampler.Signature) (*scored, error) {
	set := &scored{name: f.images}
	err := filepath.WalkDir(f.images, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if path != f.images && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".png", ".jpg", ".jpeg":
			if !d.IsDir() {
				set.files = append(set.files, path)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the folder: %w", err)
	}
	if f.limit > 0 {
		set.files = set.files[:min(len(set.files), f.limit)]
	}
	if len(set.files) == 0 {
		return nil, fmt.Errorf("%s: no PNG or JPEG files", f.images)
	}
	set.images, set.identity = len(set.files), hashOf(set.files)
	set.parts = func(first, n int) iter.Seq2[[]uint16, error] { return readInParts(ctx, set.files[first:first+n], sig) }
	set.classes = f.folderClasses(sig, set.files)
	return set, nil
}

// readInParts reads pictures, atOnce of them at a time. A part is good until the next one.
func readInParts(ctx context.Context, files []string, sig *sampler.Signature) iter.Seq2[[]uint16, error] {
	return func(yield func([]uint16, error) bool) {
		var levels []uint16
		for part := range slices.Chunk(files, atOnce) {
			levels = levels[:0]
			for _, file := range part {
				picture, err := readPicture(file, sig, dataset.PictureOptions{})
				if err = cmp.Or(ctx.Err(), err); err != nil {
					yield(nil, err)
					return
				}
				levels = append(levels, picture...)
			}
			if !yield(levels, nil) {
				return
			}
		}
	}
}

// folderClasses are the classes of files by the folders, of the one that is scored, in
// which they are; nil where one is in none, or in one that is named after no class.
func (f *scoreFlags) folderClasses(sig *sampler.Signature, files []string) []int {
	if sig.ClassInput == "" {
		return nil
	}
	var classes []int
	for _, file := range files {
		path, err := filepath.Rel(f.images, file)
		if err != nil {
			return nil
		}
		folder, _, within := strings.Cut(filepath.ToSlash(path), "/")
		class, ok := sig.ClassNamed(folder)
		if !within || !ok {
			return nil
		}
		classes = append(classes, class)
	}
	return classes
}
