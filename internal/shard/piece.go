package shard

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"pixelcnn/internal/atomicfile"
)

// Piece takes the results for some images.
type Piece struct {
	io.Writer           // the elements of their output
	Input     io.Writer // the levels that are scored or encoded
	Scores    *Scores   // to be set, of images that are scored
	Labels    []int64   // the images' classes, where the manifest has them
}

// A piece's file is the elements of its output, then a pieceEnd as JSON, that one's length in 8 hex
// digits, and the SHA-256 of all this.
type pieceEnd struct {
	Scores  *Scores `json:",omitempty"`
	Labels  []int64 `json:",omitempty"`
	Input   string  // the hash of the shard's input up to the piece's end
	Seconds float64
	size    int64 // of the elements
}

// piece is a piece's file that is whole, and the length of its elements.
type piece struct {
	path string
	size int64
}

const tailSize = 8 + sha256.Size

var errPiece = errors.New("no whole piece")

// makePiece makes a piece, or finds it made. in is the hash of the shard's input before the piece,
// and afterwards with it.
func (j *Job) makePiece(ctx context.Context, path string, first, n int, in hash.Hash) (*pieceEnd, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	before, err := in.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return nil, err
	}
	end, err := readPiece(path)
	if err == nil && j.Input != nil {
		if err := j.Input(ctx, first, n, in); err != nil {
			return nil, &ownError{err}
		}
		if sum(in) != end.Input {
			err = errPiece
		}
	}
	if err == nil {
		return end, nil
	}
	if !errors.Is(err, errPiece) && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := in.(encoding.BinaryUnmarshaler).UnmarshalBinary(before); err != nil {
		return nil, err
	}
	start := time.Now()
	err = atomicfile.WriteFrom(filepath.Dir(path), path, func(w io.Writer) error {
		all := sha256.New()
		w = io.MultiWriter(w, all)
		end = new(pieceEnd)
		count := &counter{w: w}
		made := &Piece{Writer: count, Input: in}
		if err := j.Make(ctx, first, n, made); err != nil {
			return &ownError{err}
		}
		end.Scores, end.Labels, end.size = made.Scores, made.Labels, count.n
		if j.Input != nil {
			end.Input = sum(in)
		}
		end.Seconds = time.Since(start).Seconds()
		b, err := json.Marshal(end)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s%08x", b, len(b)); err != nil {
			return err
		}
		_, err = w.Write(all.Sum(nil))
		return err
	})
	return end, err
}

// readPiece reads the pieceEnd of a piece that is whole.
func readPiece(path string) (*pieceEnd, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	tail := make([]byte, tailSize)
	size := info.Size() - tailSize
	if size < 0 {
		return nil, errPiece
	}
	if _, err := f.ReadAt(tail, size); err != nil {
		return nil, err
	}
	long, err := strconv.ParseUint(string(tail[:8]), 16, 32)
	if err != nil || int64(long) > size {
		return nil, errPiece
	}
	all := sha256.New()
	if _, err := io.Copy(all, io.NewSectionReader(f, 0, size+8)); err != nil {
		return nil, err
	}
	size -= int64(long)
	b := make([]byte, long)
	if _, err := f.ReadAt(b, size); err != nil {
		return nil, err
	}
	end := &pieceEnd{size: size}
	if !bytes.Equal(all.Sum(nil), tail[8:]) || json.Unmarshal(b, end) != nil {
		return nil, errPiece
	}
	return end, nil
}

// copyPiece writes a piece's elements.
func copyPiece(w io.Writer, p piece) error {
	f, err := os.Open(p.path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyN(w, f, p.size)
	return err
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
