package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"pixelcnn/dataset"
)

// File is a file, or a folder, that a flag names. With an empty path it stands for none.
type File struct{ Flag, Path string }

// inputs are the files that a command has read. They are told apart by their identity, not their
// name, so that a link counts as the file. The command's context holds them, and all that the
// command writes is compared with them.
type inputs struct {
	mu    sync.Mutex
	files []File
	infos []fs.FileInfo
}

type inputsKey struct{}

func inputsOf(cmd *cobra.Command) *inputs {
	if ctx := cmd.Context(); ctx != nil {
		if in, ok := ctx.Value(inputsKey{}).(*inputs); ok {
			return in
		}
	}
	return &inputs{}
}

// is returns the input that is the file, or the folder, of that info.
func (in *inputs) is(info fs.FileInfo) (File, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for i, other := range in.infos {
		if os.SameFile(info, other) {
			return in.files[i], true
		}
	}
	return File{}, false
}

// Reads returns a function to call with each file that is read because of a flag, also by several
// goroutines at once. From then on no output may be that file.
func Reads(cmd *cobra.Command, flag string) func(path string, info fs.FileInfo) {
	in := inputsOf(cmd)
	return func(path string, info fs.FileInfo) {
		if !info.Mode().IsRegular() && !info.IsDir() {
			return // a pipe or a device may be read and written
		}
		in.mu.Lock()
		defer in.mu.Unlock()
		in.files, in.infos = append(in.files, File{flag, path}), append(in.infos, info)
	}
}

// Apart notes inputs, which may be folders. It refuses two outputs that are the same file, and an
// output that is one of the inputs that were noted, since one of the two would be lost. The output
// "-" is standard output, of which there is only one; pipes and devices may take several.
func Apart(cmd *cobra.Command, outputs, inputs []File) error {
	for _, f := range inputs {
		if info, err := os.Stat(f.Path); err == nil {
			Reads(cmd, f.Flag)(f.Path, info)
		}
	}
	for i, out := range outputs {
		for _, other := range outputs[:i] {
			switch {
			case out.Path == "-" && other.Path == "-":
				return Usagef("%s and %s cannot both be standard output", other.Flag, out.Flag)
			case out.Path != "-" && other.Path != "-" && same(out.Path, other.Path):
				return Usagef("%s and %s are one file, %s", other.Flag, out.Flag, out.Path)
			}
		}
		if err := spare(cmd, out); err != nil {
			return err
		}
	}
	return nil
}

// spare refuses an output that is an input.
func spare(cmd *cobra.Command, out File) error {
	if out.Path == "-" {
		return nil
	}
	info, err := os.Stat(out.Path)
	if err != nil {
		return nil // there is no such file, so it replaces none
	}
	in, ok := inputsOf(cmd).is(info)
	switch {
	case !ok:
		return nil
	case info.IsDir():
		return Usagef("%s is the folder of %s, %s: name another one", out.Flag, in.Flag, in.Path)
	}
	return Usagef("%s is the file of %s, %s, which would be overwritten", out.Flag, in.Flag, in.Path)
}

// same tells whether two paths lead to one file, which need not exist yet.
func same(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(infoA, infoB) && infoA.Mode().IsRegular()
	}
	return errA != nil && errB != nil && place(a) == place(b)
}

// place is the path of a file that need not exist, with the links on the way resolved.
func place(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return path
}

// Outside refuses outputs that the next run would take for pictures of a folder: new files in it or
// below with the names of pictures. Those that are there are inputs, of which [Apart] speaks.
func Outside(folder File, outputs []File) error {
	for _, out := range outputs {
		if dataset.IsPicture(out.Path) && NewIn(folder.Path, out.Path) {
			return Usagef("%s %s would be taken for one of the pictures of %s, %s: name a file elsewhere", out.Flag, out.Path, folder.Flag, folder.Path)
		}
	}
	return nil
}

// NewIn tells whether a file or folder is to be made in a folder or below. Both are "" for none.
func NewIn(folder, path string) bool {
	if folder == "" || path == "" {
		return false
	}
	if _, err := os.Lstat(path); err == nil {
		return false
	}
	folder, err := filepath.EvalSymlinks(place(folder))
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(folder, place(path))
	return err == nil && filepath.IsLocal(rel)
}
