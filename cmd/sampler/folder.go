package main

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/dataset"
	"pixelcnn/internal/picture"
	"pixelcnn/sampler"
)

// loadPictures finds the pictures of a folder and of those below, which are read as they are scored.
func (f *scoreFlags) loadPictures(cmd *cobra.Command, sig *sampler.Signature) (*scored, error) {
	ctx := cmd.Context()
	files, err := dataset.FindPictures(ctx, f.images)
	if err != nil {
		return nil, err
	}
	if f.limit > 0 && f.limit < len(files.Names) {
		files.Names, files.Labels = files.Names[:f.limit], files.Labels[:min(f.limit, len(files.Labels))]
	}
	opt := dataset.PictureOptions{Limits: f.pictures.Limits(), Opened: cli.Reads(cmd, "--images")}
	if f.pictures.Skip {
		all := len(files.Names)
		if err := f.checkPictures(cmd, files, sig, opt, func(err error) { f.pictures.Tell(cmd, err) }); err != nil {
			return nil, err
		}
		f.pictures.Skipped(cmd, all-len(files.Names))
		if len(files.Names) == 0 {
			return nil, &dataset.FolderError{Path: f.images, Problem: "no picture is left"}
		}
	}
	set := &scored{name: f.images, images: len(files.Names), classes: folderClasses(sig, files)}
	if sig.ClassInput != "" && files.Unlabelled != nil {
		cli.Log(cmd)("sampler: the pictures' classes are not known: %v", files.Unlabelled)
	}
	for i := range files.Names {
		set.files = append(set.files, files.Path(i))
	}
	set.identity = hashOf(set.files)
	set.parts = func(first, n int) iter.Seq2[[]uint16, error] {
		return readInParts(ctx, set.files[first:first+n], sig, opt, func(err error) error {
			// All that cannot be used is said at once.
			return cmp.Or(f.checkPictures(cmd, files, sig, opt, nil), err)
		})
	}
	return set, nil
}

// checkPictures finds the pictures that cannot be used, and leaves them out where there is somebody to tell.
func (f *scoreFlags) checkPictures(cmd *cobra.Command, files *dataset.Pictures, sig *sampler.Signature, opt dataset.PictureOptions, tell func(error)) error {
	bad, err := files.Check(cmd.Context(), picture.AsTrained(sig, opt))
	if err != nil {
		return err
	}
	return f.pictures.Explain(cmd, files.Drop(bad, tell))
}

// readInParts reads pictures, atOnce of them at a time. A part is good until the next one. The error is what
// failed makes of that of a picture.
func readInParts(ctx context.Context, files []string, sig *sampler.Signature, opt dataset.PictureOptions, failed func(error) error) iter.Seq2[[]uint16, error] {
	return func(yield func([]uint16, error) bool) {
		var levels []uint16
		for part := range slices.Chunk(files, atOnce) {
			levels = levels[:0]
			for _, file := range part {
				one, err := picture.Read(file, sig, opt)
				if err != nil && ctx.Err() == nil {
					err = failed(err)
				}
				if err = cmp.Or(ctx.Err(), err); err != nil {
					yield(nil, err)
					return
				}
				levels = append(levels, one...)
			}
			if !yield(levels, nil) {
				return
			}
		}
	}
}

// folderClasses are the classes of pictures by the folders, of the one that is scored, in
// which they are; nil where one is in none, or in one that is named after no class.
func folderClasses(sig *sampler.Signature, files *dataset.Pictures) []int {
	if sig.ClassInput == "" {
		return nil
	}
	var classes []int
	for _, file := range files.Names {
		folder, _, within := strings.Cut(file, "/")
		class, ok := sig.ClassNamed(folder)
		if !within || !ok {
			return nil
		}
		classes = append(classes, class)
	}
	return classes
}
