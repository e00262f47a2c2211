package cli

import (
	"os"
	"path/filepath"
)

// File is a file that a flag names. One with no path is none.
type File struct{ Flag, Path string }

// Apart refuses two outputs that are one file, and an output that is an input: of both the
// one would be lost. The output "-" is standard output, of which there is one, too; pipes
// and devices may take several.
func Apart(outputs, inputs []File) error {
	for i, out := range outputs {
		for _, other := range outputs[:i] {
			switch {
			case out.Path == "-" && other.Path == "-":
				return Usagef("%s and %s cannot both be standard output", other.Flag, out.Flag)
			case out.Path != "-" && other.Path != "-" && same(out.Path, other.Path):
				return Usagef("%s and %s are one file, %s", other.Flag, out.Flag, out.Path)
			}
		}
		for _, in := range inputs {
			if out.Path != "-" && same(out.Path, in.Path) {
				return Usagef("%s is the file of %s, %s, which would be overwritten", out.Flag, in.Flag, in.Path)
			}
		}
	}
	return nil
}

// same tells whether two paths lead to one file, which need not be there yet.
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

// place is where a file that is not there would be, with no links on the way.
func place(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return path
}
