package main

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"pixelcnn/sampler"
)

// loadPictures reads the PNG and JPEG files of a folder and of those below, by name.
// Names that begin with a dot are left out.
func (f *scoreFlags) loadPictures(ctx context.Context, spec *sampler.Spec) (*scored, error) {
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
	set.classes = f.folderClasses(spec, set.files)
	for _, file := range set.files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		levels, err := readPicture(file, spec.Height, spec.Width, spec)
		if err != nil {
			return nil, err
		}
		set.levels = append(set.levels, levels...)
	}
	return set, nil
}

// folderClasses are the classes of files by the folders, of the one that is scored, in
// which they are; nil where one is in none, or in one that is named after no class.
func (f *scoreFlags) folderClasses(spec *sampler.Spec, files []string) []int {
	if spec.Label == "" {
		return nil
	}
	var classes []int
	for _, file := range files {
		path, err := filepath.Rel(f.images, file)
		if err != nil {
			return nil
		}
		folder, _, within := strings.Cut(filepath.ToSlash(path), "/")
		class, ok := spec.ClassNamed(folder)
		if !within || !ok {
			return nil
		}
		classes = append(classes, class)
	}
	return classes
}
