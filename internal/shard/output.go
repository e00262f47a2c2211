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

	"pixelcnn/internal/atomicfile"
	"pixelcnn/internal/npy"
)

// array is one of a shard's outputs.
type array struct {
	of     *Output
	part   Part
	ending string // of the file's name
	header npy.Header
}

// arrays are the outputs that a manifest has, the images' first.
func (m *Manifest) arrays() (list []array) {
	if m.Output != nil {
		list = append(list, array{m.Output, m.Part(), ".npy", npy.Header{Type: m.Output.Type, Shape: append([]int{m.Count}, m.Shape...)}})
	}
	if m.Labels != nil {
		list = append(list, array{m.Labels, m.Part(), ".labels.npy", npy.Header{Type: m.Labels.Type, Shape: []int{m.Count}}})
	}
	return list
}

// whole is the header of the joined array, of all shards.
func (a array) whole(images int) npy.Header {
	return npy.Header{Type: a.header.Type, Shape: append([]int{images}, a.header.Shape[1:]...)}
}

// write writes the array whose elements take writes, in the folder temp first, and notes its length
// and its hash.
func (a array) write(temp, dir string, take func(w io.Writer) error) error {
	return atomicfile.WriteFrom(temp, filepath.Join(dir, a.part.Name()+a.ending), func(w io.Writer) error {
		hash := sha256.New()
		count := &counter{w: io.MultiWriter(w, hash)}
		_, err := count.Write(a.header.Marshal())
		if err == nil {
			err = take(count)
		}
		a.of.Bytes, a.of.SHA256 = count.n, sum(hash)
		return err
	})
}

// output is an array that is being read, and hashed on the way.
type output struct {
	*os.File
	of   *Output
	hash hash.Hash
}

// open opens the array of a manifest in dir, and reads its header. The error wraps [ErrShard] where
// it is not what the manifest says.
func (a array) open(dir string) (*output, error) {
	path := filepath.Join(dir, a.part.Name()+a.ending)
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("%w: %s is not there, but its manifest is", ErrShard, path)
	}
	if err != nil {
		return nil, err
	}
	o := &output{f, a.of, sha256.New()}
	if err := o.begin(a.header); err != nil {
		_ = f.Close()
		return nil, err
	}
	return o, nil
}

func (o *output) begin(want npy.Header) error {
	info, err := o.Stat()
	if err != nil {
		return err
	}
	if info.Size() != o.of.Bytes {
		return fmt.Errorf("%w: %s has %d bytes, its manifest says %d: it was cut off or changed", ErrShard, o.Name(), info.Size(), o.of.Bytes)
	}
	h, err := npy.ReadHeader(o)
	if err == nil && (h.Type != want.Type || !slices.Equal(h.Shape, want.Shape)) {
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

// drain reads the rest and compares the hash.
func (o *output) drain() error {
	if _, err := o.WriteTo(io.Discard); err != nil {
		return err
	}
	if got := sum(o.hash); got != o.of.SHA256 {
		return fmt.Errorf("%w: %s was changed: its SHA-256 is %s, its manifest says %s", ErrShard, o.Name(), got, o.of.SHA256)
	}
	return nil
}
