package main

import (
	"context"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/dataset"
	"pixelcnn/internal/picture"
	"pixelcnn/sampler"
)

// loadPictures finds the pictures of a folder and of those below, which are read as they are scored.
func (f *scoreFlags) loadPictures(cmd *cobra.Command, sig *sampler.Signature) (*scored, error) {
	opt := dataset.PictureOptions{Limits: f.pictures.Limits(), Opened: cli.Reads(cmd, "--images")}
	files, err := f.pictures.Open(cmd, f.images, f.limit, func(path string) ([]uint16, error) { return picture.Read(path, sig, opt) })
	if err != nil {
		return nil, err
	}
	set := &scored{name: f.images, images: len(files.Names), classes: folderClasses(sig, files.Names)}
	if sig.ClassInput != "" && files.Unlabelled != nil {
		cli.Log(cmd)("sampler: the pictures' classes are not known: %v", files.Unlabelled)
	}
	for i := range files.Names {
		set.files = append(set.files, files.Path(i))
	}
	set.identity = hashOf(set.files)
	set.parts = func(first, n int) iter.Seq2[[]uint16, error] {
		return readInParts(cmd.Context(), files.Levels, first, n)
	}
	return set, nil
}

// readInParts reads n pictures by number from first on, atOnce of them at a time. A part is valid
// until the next one is asked for.
func readInParts(ctx context.Context, read func(ctx context.Context, i int) ([]uint16, error), first, n int) iter.Seq2[[]uint16, error] {
	return func(yield func([]uint16, error) bool) {
		var levels []uint16
		for i := range n {
			one, err := read(ctx, first+i)
			if err != nil {
				yield(nil, err)
				return
			}
			levels = append(levels, one...)
			if (i+1)%atOnce == 0 || i == n-1 {
				if !yield(levels, nil) {
					return
				}
				levels = levels[:0]
			}
		}
	}
}

// folderClasses are the classes of pictures, which are the names of the folders, within the one
// that is scored, in which they are. It is nil where a picture is in no such folder, or the folder
// is not named after a class.
func folderClasses(sig *sampler.Signature, names []string) []int {
	if sig.ClassInput == "" {
		return nil
	}
	var classes []int
	for _, file := range names {
		folder, _, within := strings.Cut(file, "/")
		class, ok := sig.ClassNamed(folder)
		if !within || !ok {
			return nil
		}
		classes = append(classes, class)
	}
	return classes
}
