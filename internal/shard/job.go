package shard

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"pixelcnn/internal/atomicfile"
)

// Job is the making of a shard.
type Job struct {
	Dir string // where the pair goes; it is made if need be
	// Manifest is what is known of the shard beforehand. Output has the type of the elements.
	Manifest  Manifest
	Every     int  // images of a piece
	Overwrite bool // replace a shard that does not fit

	// Make makes the elements, scores and labels of n images from first on.
	Make func(ctx context.Context, first, n int, to *Piece) error
	// Input writes to in what Make writes to Piece.Input, and makes nothing else. It is nil for
	// drawn images.
	Input func(ctx context.Context, first, n int, in io.Writer) error
}

// Run makes the shard, unless it is there already and fits. An error wraps [ErrShard] where there
// is one that does not fit.
func (j *Job) Run(ctx context.Context) (skipped bool, err error) {
	if err := os.MkdirAll(j.Dir, 0o777); err != nil {
		return false, err
	}
	for again := 0; ; again++ {
		if skipped, err = j.fits(ctx); skipped || err != nil {
			if dir, err := j.pieces(); skipped && err == nil {
				_ = os.RemoveAll(dir) // of a process that ended after another one had finished the shard
			}
			return skipped, err
		}
		err = j.make(ctx)
		// Another process that has finished the same shard takes the pieces away.
		var own *ownError
		if again == 9 || !errors.Is(err, fs.ErrNotExist) || errors.As(err, &own) {
			return false, err
		}
	}
}

// ownError is an error of Make or Input.
type ownError struct{ error }

func (e *ownError) Unwrap() error { return e.error }

// fits tells whether the shard is there and as it should be. Where it is there and not as it should
// be, that is an error, or its manifest is removed if it may be replaced.
func (j *Job) fits(ctx context.Context) (bool, error) {
	m, err := read(j.Dir, j.Manifest.Part())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = j.compare(ctx, m)
	}
	if err == nil || !errors.Is(err, ErrShard) {
		return err == nil, err
	}
	if !j.Overwrite {
		return false, fmt.Errorf("%w; --overwrite replaces it", err)
	}
	// The manifest goes before its output is replaced, so that the two never belong to different
	// work.
	if err := os.Remove(j.path(".json")); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return false, nil
}

func (j *Job) compare(ctx context.Context, m *Manifest) error {
	if d := m.difference(&j.Manifest); d != "" {
		return fmt.Errorf("%w: %s: its %s", ErrShard, j.path(".json"), d)
	}
	for _, a := range m.arrays() {
		f, err := a.open(j.Dir)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := f.drain(); err != nil {
			return err
		}
	}
	if j.Input == nil {
		return nil
	}
	in := sha256.New()
	if err := j.Input(ctx, m.First, m.Count, in); err != nil {
		return err
	}
	if sum(in) != m.Input {
		return fmt.Errorf("%w: %s: its images are others than those of the data", ErrShard, j.path(".json"))
	}
	return nil
}

func (j *Job) path(ending string) string {
	return filepath.Join(j.Dir, j.Manifest.Part().Name()+ending)
}

// pieces is the folder of the pieces. Its name tells pieces of other work apart.
func (j *Job) pieces() (string, error) {
	b, err := json.Marshal(struct {
		Manifest
		Every int
	}{j.Manifest, j.Every})
	if err != nil {
		return "", err
	}
	work := sha256.Sum256(b)
	return filepath.Join(j.Dir, "."+j.Manifest.Part().Name()+"."+hex.EncodeToString(work[:6])+piecesEnd), nil
}

const piecesEnd = ".pieces"

// make makes the pieces that are missing, and joins all of them to the pair.
func (j *Job) make(ctx context.Context) error {
	dir, err := j.pieces()
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	m := j.Manifest.copy()
	in := sha256.New()
	var pieces []piece
	var scores Scores
	var labels []int64
	for at := 0; at < m.Count; at += j.Every {
		path := filepath.Join(dir, fmt.Sprintf("%012d", at))
		n := min(j.Every, m.Count-at)
		end, err := j.makePiece(ctx, path, m.First+at, n, in)
		if err != nil {
			return err
		}
		if end.Scores != nil {
			scores.Merge(end.Scores)
			m.Scores = &scores
		}
		labels = append(labels, end.Labels...)
		m.Seconds += end.Seconds
		m.Input = end.Input
		pieces = append(pieces, piece{path, end.size})
	}
	for _, a := range m.arrays() {
		take := func(w io.Writer) error { return writeLabels(w, labels) }
		if a.of == m.Output {
			take = func(w io.Writer) error { return copyPieces(ctx, w, pieces) }
		}
		if err := a.write(dir, j.Dir, take); err != nil {
			return err
		}
	}
	m.Host, _ = os.Hostname()
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	err = atomicfile.WriteFrom(dir, j.path(".json"), func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
	if err != nil {
		return err
	}
	return j.sweep()
}

// copyPieces writes the elements of pieces.
func copyPieces(ctx context.Context, w io.Writer, pieces []piece) error {
	for _, p := range pieces {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := copyPiece(w, p); err != nil {
			return err
		}
	}
	return nil
}

func writeLabels(w io.Writer, labels []int64) error {
	b := make([]byte, 0, 8*len(labels))
	for _, l := range labels {
		b = binary.LittleEndian.AppendUint64(b, uint64(l))
	}
	_, err := w.Write(b)
	return err
}

// sweep removes the pieces of this shard, also those of other work that was not finished.
func (j *Job) sweep() error {
	entries, err := os.ReadDir(j.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "."+j.Manifest.Part().Name()+".") && strings.HasSuffix(e.Name(), piecesEnd) {
			// Another process of the same shard may put something in meanwhile, and sweeps it.
			_ = os.RemoveAll(filepath.Join(j.Dir, e.Name()))
		}
	}
	return nil
}
