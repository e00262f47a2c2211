package cli

import (
	"cmp"
	"context"
	"sync"

	"github.com/spf13/cobra"

	"pixelcnn/dataset"
)

// keptLevels bounds the levels that a [Folder] keeps in memory.
const keptLevels = 1 << 25

// Folder is the pictures of a folder that a command reads.
type Folder struct {
	*dataset.Pictures
	read    func(path string) ([]uint16, error)
	kept    map[string][]uint16 // by name, from the time when all pictures were read
	explain func(error) error
	all     func() error // names all pictures that cannot be used; nil where there is none
}

// Open finds the pictures of a folder, only the first limit of them unless that is 0. read makes
// levels of a picture, and is called by several goroutines at once. With --skip-bad all pictures
// are read, and those that cannot be used are left out.
func (p *Pictures) Open(cmd *cobra.Command, dir string, limit int, read func(path string) ([]uint16, error)) (*Folder, error) {
	files, err := dataset.FindPictures(cmd.Context(), dir)
	if err != nil {
		return nil, err
	}
	n := len(files.Names)
	if limit > 0 && limit < n {
		n = limit
		files.Names, files.Labels = files.Names[:n], files.Labels[:min(n, len(files.Labels))]
	}
	f := &Folder{Pictures: files, read: read, kept: map[string][]uint16{}}
	f.explain = func(err error) error { return p.Explain(cmd, err) }
	f.all = sync.OnceValue(func() error { return f.check(cmd.Context(), nil) })
	if !p.Skip {
		return f, nil
	}
	if err := f.check(cmd.Context(), func(err error) { p.Tell(cmd, err) }); err != nil {
		return nil, err
	}
	p.Skipped(cmd, n-len(f.Names))
	if len(f.Names) == 0 {
		return nil, &dataset.FolderError{Path: dir, Problem: "no picture is left"}
	}
	return f, nil
}

// check reads all pictures and finds those that cannot be used. It leaves them out and tells of
// each, or returns an error where tell is nil.
func (f *Folder) check(ctx context.Context, tell func(error)) error {
	levels := make([][]uint16, len(f.Names))
	bad, err := f.Each(ctx, func(i int) error {
		one, err := f.read(f.Path(i))
		if err == nil && i < keptLevels/len(one) {
			levels[i] = one
		}
		return err
	})
	if err != nil {
		return err
	}
	for i, name := range f.Names {
		f.kept[name] = levels[i]
	}
	return f.explain(f.Drop(bad, tell))
}

// Levels returns the levels of picture i. Where it cannot be used, the error names all pictures
// that cannot be used.
func (f *Folder) Levels(ctx context.Context, i int) ([]uint16, error) {
	if levels := f.kept[f.Names[i]]; levels != nil {
		return levels, nil
	}
	levels, err := f.read(f.Path(i))
	if err != nil && ctx.Err() == nil {
		err = cmp.Or(f.all(), f.explain(err))
	}
	return levels, cmp.Or(ctx.Err(), err)
}
