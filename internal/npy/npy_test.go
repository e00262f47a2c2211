package npy_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pixelcnn/internal/npy"
)

// file is an NPY file with a header as given.
func file(version byte, header string, data string) []byte {
	size := []byte{byte(len(header)), byte(len(header) >> 8)}
	if version > 1 {
		size = append(size, 0, 0)
	}
	return slices.Concat([]byte("\x93NUMPY"), []byte{version, 0}, size, []byte(header), []byte(data))
}

func TestLevels(t *testing.T) {
	for _, c := range []struct {
		descr, data string
		want        []uint16 // nil: there is an element that is no level
	}{
		{"|u1", "\x00\x07\xff", []uint16{0, 7, 255}},
		{"|b1", "\x00\x01\x01", []uint16{0, 1, 1}},
		{"|i1", "\x00\x07\x7f", []uint16{0, 7, 127}},
		{"|i1", "\x00\x07\xff", nil},
		{"<u2", "\x01\x00\x00\x01\xff\xff", []uint16{1, 256, 65535}},
		{">u2", "\x00\x01\x01\x00\xff\xff", []uint16{1, 256, 65535}},
		{"<i2", "\x01\x00\x00\x01\xff\x7f", []uint16{1, 256, 32767}},
		{">i2", "\x00\x01\x01\x00\xff\xff", nil},
		{"<i4", "\x01\x00\x00\x00\x00\x01\x00\x00\xff\xff\x00\x00", []uint16{1, 256, 65535}},
		{"<u4", "\x01\x00\x00\x00\x00\x00\x01\x00\xff\xff\x00\x00", nil},
		{"<i8", "\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00", []uint16{1, 2, 3}},
		{">i8", "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x03", []uint16{1, 2, 3}},
		{"<i8", "\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x03\x00\x00\x00\x00\x00\x00\x00", nil},
		{"<f4", "\x00\x00\x80\x3f\x00\x00\x80\x3f\x00\x00\x80\x3f", nil},
		{"|u1", "\x00\x07", nil},
	} {
		// From a reader that gives a byte at a time, too.
		for _, one := range []bool{false, true} {
			var r io.Reader = bytes.NewReader(file(1, fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (3,), }\n", c.descr), c.data))
			if one {
				r = iotest.OneByteReader(r)
			}
			h, err := npy.ReadHeader(r)
			if err != nil {
				t.Fatalf("%s: %v", c.descr, err)
			}
			got := make([]uint16, 3)
			err = h.Levels(r, got, 0)
			if c.want == nil && !errors.Is(err, npy.ErrFormat) || c.want != nil && (err != nil || !slices.Equal(got, c.want)) {
				t.Errorf("%s %q: %v, error %v, want %v", c.descr, c.data, got, err, c.want)
			}
		}
	}
}

func TestHeader(t *testing.T) {
	for _, c := range []struct {
		version    byte
		header     string
		typ        npy.Type
		shape      []int
		err        string
		bytesAfter int64
	}{
		{1, "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3, 4), }", "<u2", []int{2, 3, 4}, "", 48},
		{2, "{'shape':(5,),'fortran_order':False,'descr':'|u1'}", "|u1", []int{5}, "", 5},
		{3, "{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "<f4", nil, "", 4},
		{1, "{'descr': '<i8', 'fortran_order': False, 'shape': (0L, 7L), }", "<i8", []int{0, 7}, "", 0},
		{1, "{'descr': '|u1', 'fortran_order': True, 'shape': (1, 7), }", "|u1", []int{1, 7}, "", 7},
		{1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 7), }", "", nil, "Fortran", 0},
		{1, "{'descr': '<c8', 'fortran_order': False, 'shape': (2, 7), }", "", nil, "<c8", 0},
		{1, "{'descr': '|O', 'fortran_order': False, 'shape': (2, 7), }", "", nil, "|O", 0},
		{1, "{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (2,), }", "", nil, "records", 0},
		{1, "{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "", nil, "more elements", 0},
		{1, "{'descr': '|u1', 'fortran_order': False, 'shape': (0, 9223372036854775808), }", "", nil, "more elements", 0},
		{1, "{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 2), }", "", nil, "not a dictionary", 0},
		{1, "nothing", "", nil, "not a dictionary", 0},
		{9, "nothing", "", nil, "version 9.0", 0},
		{1, strings.Repeat(" ", 20000), "", nil, "header of 20000", 0},
	} {
		h, err := npy.ReadHeader(bytes.NewReader(file(c.version, c.header, "")))
		if c.err != "" {
			if !errors.Is(err, npy.ErrFormat) || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want one of %q", c.header, err, c.err)
			}
			continue
		}
		if err != nil || h.Type != c.typ || !slices.Equal(h.Shape, c.shape) || h.Bytes() != c.bytesAfter {
			t.Errorf("%s: %v %d bytes, error %v", c.header, h, h.Bytes(), err)
		}
	}
	for _, b := range []string{"", "\x93NUM", "\x89PNG\r\n\x1a\n0000", "\x93NUMPY\x01", "\x93NUMPY\x01\x00\x10\x00{'descr"} {
		if _, err := npy.ReadHeader(strings.NewReader(b)); !errors.Is(err, npy.ErrFormat) {
			t.Errorf("%q: error %v", b, err)
		}
	}
	mine := errors.New("mine")
	if _, err := npy.ReadHeader(iotest.ErrReader(mine)); !errors.Is(err, mine) {
		t.Errorf("error %v, want the reader's", err)
	}
}

// TestMarshal: what is written is NumPy's own form, to the byte, and is read again.
func TestMarshal(t *testing.T) {
	h := npy.Header{Type: npy.Uint8, Shape: []int{7, 6, 6}}
	want := "\x93NUMPY\x01\x00\x76\x00{'descr': '|u1', 'fortran_order': False, 'shape': (7, 6, 6), }" + strings.Repeat(" ", 55) + "\n"
	if got := string(h.Marshal()); got != want {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	if got := string(npy.Header{Type: npy.Int64, Shape: []int{7}}.Marshal()); !strings.Contains(got, "'shape': (7,), }") || len(got)%64 != 0 {
		t.Errorf("%q", got)
	}
	for _, levels := range []int{2, 256, 257, 65536} {
		typ := npy.LevelType(levels)
		in := []uint16{0, 1, uint16(levels - 1)}
		b := npy.AppendLevels(npy.Header{Type: typ, Shape: []int{3}}.Marshal(), in, typ)
		r := bytes.NewReader(b)
		h, err := npy.ReadHeader(r)
		if err != nil {
			t.Fatal(err)
		}
		out := make([]uint16, 3)
		if err := h.Levels(r, out, 0); err != nil || !slices.Equal(in, out) || r.Len() != 0 {
			t.Errorf("%d levels: %v came back as %v, error %v, %d bytes left", levels, in, out, err, r.Len())
		}
	}
}

// FuzzRead: whatever a file holds, reading it ends with a header whose array is as long as it says, or
// with an error.
func FuzzRead(f *testing.F) {
	f.Add(npy.Header{Type: npy.Uint16, Shape: []int{2, 3}}.Marshal())
	f.Add(file(2, "{'shape':(5,),'fortran_order':True,'descr':'>i4'}", "1234567890"))
	f.Add(file(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (0, 99999999999999999999), }", ""))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		h, err := npy.ReadHeader(r)
		if err != nil {
			return
		}
		if h.Type.Size() < 1 || h.Bytes() < 0 || npy.Elements(h.Shape) < 0 {
			t.Fatalf("%v", h)
		}
		if n := npy.Elements(h.Shape); n < 1<<16 {
			enough := int64(r.Len()) >= h.Bytes()
			if err := h.Levels(r, make([]uint16, n), 0); err == nil && !enough {
				t.Fatalf("%v was read from %d bytes", h, len(b))
			}
		}
		again, err := npy.ReadHeader(bytes.NewReader(h.Marshal()))
		if err != nil || again.Type != h.Type || !slices.Equal(again.Shape, h.Shape) {
			t.Fatalf("%v came back as %v, error %v", h, again, err)
		}
	})
}
