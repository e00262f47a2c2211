package train

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
)

// A header is some hundred bytes.
const maxHeader = 1 << 16

// RuntimeOf returns the name of the runtime that the run whose checkpoints are in dir began
// with, and has to go on with: two runtimes differ in the last bits. The error wraps
// [ErrNoCheckpoint] or [ErrCheckpointFormat], or is an [*fs.PathError].
func RuntimeOf(dir string) (string, error) {
	files, err := Checkpoints(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("train: checkpoint folder: %w", err)
	}
	err = fmt.Errorf("%w in %s to resume from", ErrNoCheckpoint, dir)
	for _, path := range files {
		var h header
		if h, _, err = read(path, -1); err == nil {
			return cmp.Or(h.Runtime, "ort"), nil
		}
	}
	return "", err
}

// read reads a checkpoint file of a model with so many elements. Errors about its content
// wrap [ErrCheckpointFormat].
func read(path string, elements int) (header, [][]float32, error) {
	info, err := os.Stat(path) // before opening, as that waits if it is a pipe
	if err != nil {
		return header{}, nil, fmt.Errorf("train: %w", err)
	}
	if !info.Mode().IsRegular() {
		return header{}, nil, fmt.Errorf("%w: %s is not a regular file", ErrCheckpointFormat, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return header{}, nil, fmt.Errorf("train: %w", err)
	}
	defer f.Close()
	h, vectors, err := decode(bufio.NewReaderSize(f, 1<<16), info.Size(), elements)
	if err != nil {
		return header{}, nil, fmt.Errorf("%w: %s %w", ErrCheckpointFormat, path, err)
	}
	return h, vectors, nil
}

// decode reads a checkpoint file of size bytes. Its errors go on after the file's name.
// The vectors are nil where they are not of so many elements: then the file is another
// model's, and nothing of its size is allocated.
func decode(r io.Reader, size int64, elements int) (h header, vectors [][]float32, err error) {
	bad := func(what string) (header, [][]float32, error) { return header{}, nil, errors.New(what) }
	sum := sha256.New()
	content := io.TeeReader(r, sum)
	start := make([]byte, len(magic)+4)
	switch _, err := io.ReadFull(content, start); {
	case !bytes.HasPrefix(start, []byte(magic)):
		return bad("does not begin like one")
	case err != nil:
		return bad("is cut short")
	}
	n := int64(binary.LittleEndian.Uint32(start[len(magic):]))
	rest := size - int64(len(start)) - n - sha256.Size // of the vectors
	if n > maxHeader || rest < 0 {
		return bad("is cut short, or has a header of a wrong length")
	}
	meta := make([]byte, n)
	if _, err := io.ReadFull(content, meta); err != nil {
		return bad("is cut short")
	}
	broken := json.Unmarshal(meta, &h) // of interest if the checksum is right
	whole := broken == nil && h.Step >= 0 && h.Elements >= 0 && int64(h.Elements) <= rest &&
		int64(h.vectors())*int64(h.Elements)*4 == rest
	if whole && h.Elements == elements {
		vectors, err = readVectors(content, h.vectors(), elements)
	} else {
		_, err = io.CopyN(io.Discard, content, rest)
	}
	if err != nil {
		return bad("is cut short: " + err.Error())
	}
	want := sum.Sum(nil)
	got := make([]byte, sha256.Size)
	if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, want) {
		return bad("is cut short or damaged: its checksum is wrong")
	}
	switch {
	case broken != nil:
		return bad("has a broken header: " + broken.Error())
	case !whole:
		return bad("does not hold what its header says")
	}
	for i, v := range vectors {
		if i == 1 || i == 2 { // Adam's moments, which may be infinite
			continue
		}
		for _, x := range v {
			if !finite(float64(x)) {
				return bad("has a weight that is not finite")
			}
		}
	}
	return h, vectors, nil
}

// readVectors reads n vectors of so many numbers.
func readVectors(r io.Reader, n, elements int) ([][]float32, error) {
	vectors := make([][]float32, n)
	part := make([]byte, 1<<16)
	for i := range vectors {
		v := make([]float32, elements)
		for at := 0; at < elements; {
			b := part[:min(len(part), 4*(elements-at))]
			if _, err := io.ReadFull(r, b); err != nil {
				return nil, err
			}
			for ; len(b) > 0; b = b[4:] {
				v[at] = math.Float32frombits(binary.LittleEndian.Uint32(b))
				at++
			}
		}
		vectors[i] = v
	}
	return vectors, nil
}
