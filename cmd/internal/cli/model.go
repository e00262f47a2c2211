package cli

import (
	"io"
	"os"

	ort "pixelcnn/runtime"
)

// ReadModel returns the bytes of a model file. If the file is longer than the default [ort.Limits]
// allow, it returns just enough bytes for that to be noticed.
func ReadModel(name string) ([]byte, error) {
	limits, err := ort.Limits{}.WithDefaults()
	if err != nil {
		return nil, err
	}
	return readUpTo(name, limits.FileBytes+1)
}

// readUpTo reads at most so many bytes of a file, which may be a pipe, or a device without an end.
func readUpTo(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}
