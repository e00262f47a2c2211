package shard

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"pixelcnn/internal/npy"
)

// output is a shard's output that is being read, and hashed on the way.
type output struct {
	*os.File
	m    *Manifest
	hash hash.Hash
}

// open opens the output that a manifest in dir is of, and reads its header. The error wraps
// [ErrShard] where it is not what the manifest says.
func (m *Manifest) open(dir string) (*output, error) {
	path := filepath.Join(dir, m.Part().Name()+".npy")
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("%w: %s is not there, but its manifest is", ErrShard, path)
	}
	if err != nil {
		return nil, err
	}
	o := &output{f, m, sha256.New()}
	if err := o.begin(); err != nil {
		_ = f.Close()
		return nil, err
	}
	return o, nil
}

func (o *output) begin() error {
	info, err := o.Stat()
	if err != nil {
		return err
	}
	if info.Size() != o.m.Output.Bytes {
		return fmt.Errorf("%w: %s has %d bytes, its manifest says %d: it was cut off or changed", ErrShard, o.Name(), info.Size(), o.m.Output.Bytes)
	}
	h, err := npy.ReadHeader(o)
	if want := o.m.header(o.m.Count); err == nil && (h.Type != want.Type || !slices.Equal(h.Shape, want.Shape)) {
		err = fmt.Errorf("its array is %s %v, its manifest says %s %v", h.Type, h.Shape, want.Type, want.Shape)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrShard, o.Name(), err)
	}
	return nil
}

func (o *output) Read(b []byte) (int, error) {
	n, err := o.File.Read(b)
	o.hash.Write(b[:n])
	return n, err
}

// WriteTo writes the rest of the output to w. While a part is written the next one is read and
// hashed.
func (o *output) WriteTo(w io.Writer) (n int64, err error) {
	free, full := make(chan []byte, 2), make(chan []byte)
	for range cap(free) {
		free <- make([]byte, 1<<20)
	}
	var stop atomic.Bool
	var readErr error
	go func() {
		defer close(full)
		for readErr == nil && !stop.Load() {
			part := <-free
			var k int
			k, readErr = o.Read(part)
			full <- part[:k]
		}
	}()
	for part := range full {
		if err == nil {
			var k int
			k, err = w.Write(part)
			n += int64(k)
			stop.Store(err != nil)
		}
		free <- part[:cap(part)]
	}
	if err == nil && readErr != io.EOF {
		err = readErr
	}
	return n, err
}

// drain reads what is left and compares the hash.
func (o *output) drain() error {
	if _, err := o.WriteTo(io.Discard); err != nil {
		return err
	}
	if got := sum(o.hash); got != o.m.Output.SHA256 {
		return fmt.Errorf("%w: %s was changed: its SHA-256 is %s, its manifest says %s", ErrShard, o.Name(), got, o.m.Output.SHA256)
	}
	return nil
}
