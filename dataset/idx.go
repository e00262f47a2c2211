package dataset

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// The IDX format, as http://yann.lecun.com/exdb/mnist describes it: a big-endian
// magic number (two zero bytes, element type, number of dimensions), the sizes of the
// dimensions as 32-bit numbers, the elements.
const (
	magicImages = 2051 // bytes, three dimensions
	magicLabels = 2049 // bytes, one dimension
)

const maxSide = 1 << 14 // of a picture, in pixels; Resize.kernel relies on it

// Images holds grey pictures of one size.
type Images struct {
	Count, Height, Width int
	Pixels               []uint8 // [Count,Height,Width], row-major, 0 to 255
}

// ReadImages reads an IDX file of images, compressed by gzip or not. It must end
// where its header says. name is the file's name for errors, which wrap [ErrFormat] or
// [ErrLimit] unless r itself fails. Memory grows only as data arrive, up to the default
// [Limits].
func ReadImages(r io.Reader, name string) (*Images, error) { return Limits{}.ReadImages(r, name) }

// ReadImages is [ReadImages] within other limits.
func (l Limits) ReadImages(r io.Reader, name string) (*Images, error) {
	l, err := l.withDefaults()
	if err != nil {
		return nil, err
	}
	f, err := l.readIDX(r, name, magicImages, math.MaxInt)
	if err != nil {
		return nil, err
	}
	return f.images(), nil
}

// ReadLabels reads an IDX file of labels, as [ReadImages] does images.
func ReadLabels(r io.Reader, name string) ([]uint8, error) { return Limits{}.ReadLabels(r, name) }

// ReadLabels is [ReadLabels] within other limits.
func (l Limits) ReadLabels(r io.Reader, name string) ([]uint8, error) {
	l, err := l.withDefaults()
	if err != nil {
		return nil, err
	}
	f, err := l.readIDX(r, name, magicLabels, math.MaxInt)
	if err != nil {
		return nil, err
	}
	return f.data, nil
}

// idxFile is the content of an IDX file.
type idxFile struct {
	dims []int             // as the header says
	data []byte            // of the images or labels that are kept
	sum  [sha256.Size]byte // of the whole file, uncompressed
	size int64             // of the whole file, uncompressed
}

// images are those that are kept.
func (f *idxFile) images() *Images {
	height, width := f.dims[1], f.dims[2]
	return &Images{Count: len(f.data) / (height * width), Height: height, Width: width, Pixels: f.data}
}

// readIDX reads a file within the default limits, and keeps all of it.
func readIDX(r io.Reader, name string, magic uint32) (*idxFile, error) {
	return defaultLimits().readIDX(r, name, magic, math.MaxInt)
}

// readIDX reads and checks a file, and keeps its first images or labels.
func (l Limits) readIDX(r io.Reader, name string, magic uint32, keep int) (*idxFile, error) {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s: %s", ErrFormat, name, fmt.Sprintf(format, args...))
	}
	// The compressed file may be a little longer than the content.
	source := &io.LimitedReader{R: r, N: min(l.FileBytes, 1<<62) + min(l.FileBytes, 1<<62)/512 + 1<<16}
	failed := func(err error) error {
		if source.N <= 0 {
			return &LimitError{name, "FileBytes", "bytes, at least", l.FileBytes + 1, l.FileBytes}
		}
		return readError(name, err)
	}
	buffered := bufio.NewReaderSize(source, 1<<16)
	src := io.Reader(buffered)
	if start, _ := buffered.Peek(2); bytes.Equal(start, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, failed(err)
		}
		src = z
	}

	header := make([]byte, 4, 16)
	switch n, err := io.ReadFull(src, header); {
	case n == 0 && err == io.EOF && source.N > 0:
		return nil, bad("empty")
	case err != nil:
		return nil, failed(err)
	}
	if got := binary.BigEndian.Uint32(header); got != magic {
		return nil, bad("magic number is %s, want %s", describeMagic(got), describeMagic(magic))
	}
	dims := make([]int, magic&0xff)
	header = header[:4+4*len(dims)]
	if _, err := io.ReadFull(src, header[4:]); err != nil {
		return nil, failed(err)
	}
	total := int64(1)
	for i := range dims {
		d := binary.BigEndian.Uint32(header[4+4*i:])
		if i > 0 && (d < 1 || d > maxSide) {
			return nil, bad("header says images of %d×%d pixels: want sides of 1 to %d",
				binary.BigEndian.Uint32(header[8:]), binary.BigEndian.Uint32(header[12:]), maxSide)
		}
		// At most 2³²·2¹⁴·2¹⁴: no overflow.
		total *= int64(d)
		dims[i] = int(d)
	}
	if total > min(l.FileBytes, math.MaxInt) {
		return nil, &LimitError{name, "FileBytes", "bytes of data, by its header", total, min(l.FileBytes, math.MaxInt)}
	}

	h := sha256.New()
	h.Write(header)
	body := prefix{want: int(total) / max(1, dims[0]) * min(keep, dims[0])}
	if n, err := io.CopyN(io.MultiWriter(h, &body), src, total); err == io.EOF {
		return nil, bad("truncated: %d of %d bytes of data", n, total)
	} else if err != nil {
		return nil, failed(err)
	}
	// Reading to the end also makes gzip compare its checksum.
	switch _, err := io.ReadFull(src, make([]byte, 1)); err {
	case io.EOF:
	case nil:
		return nil, bad("more data than the %d bytes that its header says", total)
	default:
		return nil, failed(err)
	}

	f := &idxFile{dims: dims, data: body.data, size: int64(len(header)) + total}
	h.Sum(f.sum[:0])
	return f, nil
}

// prefix is a writer that keeps the first bytes. A file's header may ask for more than arrives, so its memory
// grows as it is written to: fourfold, as each time all that there is moves to pages that are new to the process.
type prefix struct {
	data []byte
	want int // how many bytes are kept
}

func (p *prefix) Write(b []byte) (int, error) {
	keep := b[:min(len(b), p.want-len(p.data))]
	if need := len(p.data) + len(keep); need > cap(p.data) {
		grown := make([]byte, len(p.data), min(p.want, max(need, 4*cap(p.data), 1<<20)))
		copy(grown, p.data)
		p.data = grown
	}
	p.data = append(p.data, keep...)
	return len(b), nil
}

func describeMagic(m uint32) string {
	switch m {
	case magicImages:
		return "2051 (images)"
	case magicLabels:
		return "2049 (labels)"
	}
	return fmt.Sprintf("%d", m)
}

// readError tells damaged content from a reader that failed.
func readError(name string, err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("%w: %s: truncated", ErrFormat, name)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, &corrupt):
		return fmt.Errorf("%w: %s: damaged: %w", ErrFormat, name, err)
	}
	return fmt.Errorf("dataset: %s: %w", name, err)
}
