// Package npy reads and writes NumPy's files of arrays as streams: no more of an array is in memory
// than the caller asks for.
//
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ErrFormat is wrapped where a file is no NPY file, or one that cannot be read.
var ErrFormat = errors.New("npy")

// Type is the type of an array's elements as NumPy writes it.
type Type string

// The types that are written.
const (
	Uint8   Type = "|u1"
	Uint16  Type = "<u2"
	Int64   Type = "<i8"
	Float32 Type = "<f4"
)

// LevelType is the type in which pictures of so many levels are written.
func LevelType(levels int) Type {
	if levels <= 1<<8 {
		return Uint8
	}
	return Uint16
}

// Size is the number of bytes of an element; 0 for a type that is unknown here.
func (t Type) Size() int {
	if !known.MatchString(string(t)) {
		return 0
	}
	return int(t[2] - '0')
}

var known = regexp.MustCompile(`^(\|[iub]1|[<>]([iu][1248]|f[248]))$`)

// Header is the beginning of an array's file.
type Header struct {
	Type  Type
	Shape []int
}

// Elements is the number of elements of a shape.
func Elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Bytes is the length of the array behind the header.
func (h Header) Bytes() int64 { return int64(Elements(h.Shape)) * int64(h.Type.Size()) }

// Marshal is the header in the format's version 1.0.
func (h Header) Marshal() []byte {
	var dims []string
	for _, d := range h.Shape {
		dims = append(dims, strconv.Itoa(d))
	}
	if len(dims) == 1 {
		dims[0] += "," // as Python writes a tuple of one
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", h.Type, strings.Join(dims, ", "))
	const before = 10                                            // bytes of magic, version and length
	text += strings.Repeat(" ", 63-(before+len(text))%64) + "\n" // data begin at a multiple of 64
	b := binary.LittleEndian.AppendUint16([]byte(magic+"\x01\x00"), uint16(len(text)))
	return append(b, text...)
}

const magic = "\x93NUMPY"

// WriteHeader writes the header of an array, whose elements must follow.
func WriteHeader(w io.Writer, t Type, shape ...int) error {
	_, err := w.Write(Header{t, shape}.Marshal())
	return err
}

// maxHeader bounds the header that is read, as NumPy does.
const maxHeader = 10000

// ReadHeader reads up to the first element. Errors wrap [ErrFormat] where this is not an NPY file
// that can be read; errors of r are returned as they are.
func ReadHeader(r io.Reader) (h Header, err error) {
	start := make([]byte, 10)
	if n, err := io.ReadFull(r, start); err != nil {
		if n < len(magic) || string(start[:len(magic)]) != magic {
			return h, notNPY(err)
		}
		return h, cut(err)
	}
	if string(start[:len(magic)]) != magic {
		return h, notNPY(nil)
	}
	size := int(binary.LittleEndian.Uint16(start[8:]))
	switch version := start[6]; version {
	case 1:
	case 2, 3:
		more := make([]byte, 2)
		if _, err := io.ReadFull(r, more); err != nil {
			return h, cut(err)
		}
		size |= int(binary.LittleEndian.Uint16(more)) << 16
	default:
		return h, fmt.Errorf("%w: version %d.%d of the format is unknown", ErrFormat, version, start[7])
	}
	if size > maxHeader {
		return h, fmt.Errorf("%w: a header of %d bytes; the most is %d", ErrFormat, size, maxHeader)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return h, cut(err)
	}
	return parse(string(text))
}

func notNPY(err error) error {
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return fmt.Errorf("%w: it is not an NPY file, which begins with \\x93NUMPY", ErrFormat)
}

// cut turns the end of a file that comes too early into an error that says so.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: the file is cut off", ErrFormat)
	}
	return err
}

// The parts of a header, a Python dictionary that has these three keys in any order.
var (
	descr   = regexp.MustCompile(`'descr'\s*:\s*'([^']*)'`)
	fortran = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	shape   = regexp.MustCompile(`'shape'\s*:\s*\(([0-9L, ]*)\)`)
)

func parse(text string) (h Header, err error) {
	d, f, s := descr.FindStringSubmatch(text), fortran.FindStringSubmatch(text), shape.FindStringSubmatch(text)
	if f == nil || s == nil {
		return h, fmt.Errorf("%w: the header is not a dictionary of descr, fortran_order and shape", ErrFormat)
	}
	if d == nil {
		return h, fmt.Errorf("%w: an array of records; of numbers it must be", ErrFormat)
	}
	h.Type = Type(d[1])
	if h.Type.Size() == 0 {
		return h, fmt.Errorf("%w: the elements are %q; integers and floats of 1 to 8 bytes are read", ErrFormat, d[1])
	}
	room := math.MaxInt / h.Type.Size() // a shape with a 0 must not hide dimensions that overflow
	for dim := range strings.SplitSeq(s[1], ",") {
		if dim = strings.TrimSuffix(strings.TrimSpace(dim), "L"); dim == "" {
			continue
		}
		n, err := strconv.Atoi(dim)
		if err != nil || n > room {
			return h, fmt.Errorf("%w: the shape (%s) has more elements than can be", ErrFormat, s[1])
		}
		room /= max(1, n)
		h.Shape = append(h.Shape, n)
	}
	if f[1] == "True" && len(slices.DeleteFunc(slices.Clone(h.Shape), func(d int) bool { return d == 1 })) > 1 {
		return h, fmt.Errorf("%w: the array is in Fortran order; write it with numpy.ascontiguousarray", ErrFormat)
	}
	return h, nil
}

// Levels reads the next elements of an array of integers into levels. Errors wrap [ErrFormat] where
// an element is not a level, or elements are missing. first is the number of the first element, for
// errors.
func (h Header) Levels(r io.Reader, levels []uint16, first int) error {
	size := h.Type.Size()
	buffer := make([]byte, min(len(levels)*size, 1<<16))
	for at := 0; at < len(levels); {
		n := min(len(levels)-at, len(buffer)/size)
		if _, err := io.ReadFull(r, buffer[:n*size]); err != nil {
			return cut(err)
		}
		for i := range n {
			x, ok := h.Type.level(buffer[i*size:][:size])
			if !ok {
				return fmt.Errorf("%w: element %d of the array is not a level: it must be an integer from 0 to %d", ErrFormat, first+at+i, math.MaxUint16)
			}
			levels[at+i] = x
		}
		at += n
	}
	return nil
}

// Numbers reads all elements of an array. Integers beyond 2⁵³ lose digits.
func (h Header) Numbers(r io.Reader) ([]float64, error) {
	size := h.Type.Size()
	b := make([]byte, size)
	var all []float64
	for range Elements(h.Shape) {
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, cut(err)
		}
		all = append(all, h.Type.number(b))
	}
	return all, nil
}

// number is the element whose bytes are b.
func (t Type) number(b []byte) float64 {
	var x uint64
	for i := range b {
		if t[0] == '>' {
			x = x<<8 | uint64(b[i])
		} else {
			x |= uint64(b[i]) << (8 * i)
		}
	}
	switch unused := 64 - 8*len(b); {
	case t[1] == 'i':
		return float64(int64(x<<unused) >> unused)
	case t[1] != 'f':
		return float64(x)
	case len(b) == 2:
		sign, exponent, fraction := 1-2*float64(x>>15), int(x>>10&0x1f), float64(x&0x3ff)
		switch exponent {
		case 0:
			return sign * math.Ldexp(fraction, -24)
		case 0x1f:
			if fraction != 0 {
				return math.NaN()
			}
			return math.Inf(int(sign))
		}
		return sign * math.Ldexp(1024+fraction, exponent-25)
	case len(b) == 4:
		return float64(math.Float32frombits(uint32(x)))
	}
	return math.Float64frombits(x)
}

// Integers tells whether the elements are integers.
func (t Type) Integers() bool { return t.Size() > 0 && t[1] != 'f' }

// level is the element whose bytes are b, as an integer of 16 bits. It is not ok for a number below
// 0 or above 65,535.
func (t Type) level(b []byte) (uint16, bool) {
	x := t.number(b)
	return uint16(x), t.Integers() && x >= 0 && x <= math.MaxUint16
}

// AppendLevels appends levels as elements of type [LevelType] of that many levels.
func AppendLevels(b []byte, levels []uint16, t Type) []byte {
	for _, l := range levels {
		if b = append(b, byte(l)); t == Uint16 {
			b = append(b, byte(l>>8))
		}
	}
	return b
}
