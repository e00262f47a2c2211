package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// makeIDX builds an IDX file of bytes.
func makeIDX(magic uint32, dims []uint32, data []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, magic)
	for _, d := range dims {
		out = binary.BigEndian.AppendUint32(out, d)
	}
	return append(out, data...)
}

func compress(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func TestReadImages(t *testing.T) {
	plain := makeIDX(2051, []uint32{2, 3, 1}, []byte{1, 2, 3, 4, 5, 6})
	for name, file := range map[string][]byte{"plain": plain, "gzip": compress(plain)} {
		m, err := ReadImages(iotest.OneByteReader(bytes.NewReader(file)), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m.Count != 2 || m.Height != 3 || m.Width != 1 || !bytes.Equal(m.Pixels, []byte{1, 2, 3, 4, 5, 6}) {
			t.Errorf("%s: got %+v", name, m)
		}
	}
}

func TestReadLabels(t *testing.T) {
	got, err := ReadLabels(bytes.NewReader(makeIDX(2049, []uint32{3}, []byte{7, 0, 9})), "labels")
	if err != nil || !slices.Equal(got, []uint8{7, 0, 9}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestReadImagesRefuses(t *testing.T) {
	good := makeIDX(2051, []uint32{2, 2, 2}, make([]byte, 8))
	zip := compress(good)
	flip := func(b []byte, at int) []byte {
		b = slices.Clone(b)
		b[at] ^= 0xff
		return b
	}
	tests := []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "empty"},
		{"short magic", good[:3], "truncated"},
		{"wrong magic", makeIDX(2052, []uint32{2, 2, 2}, make([]byte, 8)), "magic number is 2052, want 2051 (images)"},
		{"labels", makeIDX(2049, []uint32{2}, make([]byte, 2)), "magic number is 2049 (labels), want 2051 (images)"},
		{"web page", []byte("<!DOCTYPE html>"), "magic number"},
		{"short header", good[:14], "truncated"},
		{"no data", good[:16], "truncated: 0 of 8 bytes"},
		{"truncated", good[:21], "truncated: 5 of 8 bytes"},
		{"trailing byte", append(slices.Clone(good), 0), "more data than the 8 bytes"},
		{"no height", makeIDX(2051, []uint32{2, 0, 2}, nil), "2 pixels: want sides of 1 to 16384"},
		{"too wide", makeIDX(2051, []uint32{1, 1, 16385}, nil), "1×16385 pixels"},
		{"half a gzip header", zip[:5], "truncated"},
		{"truncated gzip", zip[:len(zip)-12], "truncated"},
		{"gzip without checksum", zip[:len(zip)-8], "truncated"},
		{"damaged gzip checksum", flip(zip, len(zip)-6), "gzip: invalid checksum"},
		{"damaged gzip header", flip(zip, 2), "gzip: invalid header"},
		{"damaged gzip data", flip(zip, 10), "damaged: flate: corrupt input"},
		{"data behind gzip", append(slices.Clone(zip), "more than a header"...), "damaged: gzip: invalid header"},
	}
	for _, test := range tests {
		_, err := ReadImages(bytes.NewReader(test.file), "FILE")
		if !errors.Is(err, ErrFormat) {
			t.Errorf("%s: got error %v, want ErrFormat", test.name, err)
			continue
		}
		if !strings.HasPrefix(err.Error(), "dataset: bad file: FILE: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %q, want the file and %q", test.name, err, test.want)
		}
	}
}

func TestReadImagesPassesOnReadErrors(t *testing.T) {
	broken := errors.New("cable is out")
	file := makeIDX(2051, []uint32{2, 2, 2}, make([]byte, 8))
	for cut := range file {
		r := io.MultiReader(bytes.NewReader(file[:cut]), iotest.ErrReader(broken))
		_, err := ReadImages(r, "FILE")
		if !errors.Is(err, broken) || errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "FILE") {
			t.Errorf("reader failing after %d bytes: got error %v", cut, err)
		}
	}
}

// A header alone must not make the reader allocate what it promises.
func TestReadImagesAllocatesWhatArrives(t *testing.T) {
	file := makeIDX(2051, []uint32{1 << 16, 128, 128}, []byte{1, 2, 3}) // promises 1 GiB
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := ReadImages(bytes.NewReader(file), "FILE")
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Error("no error")
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
		t.Errorf("%d bytes allocated for a file of %d", got, len(file))
	}
}

func FuzzReadImages(f *testing.F) {
	good := makeIDX(2051, []uint32{2, 3, 2}, []byte("twelve bytes"))
	f.Add(good)
	f.Add(compress(good))
	f.Add(good[:15])
	f.Add(makeIDX(2051, []uint32{1 << 16, 1 << 7, 1 << 7}, nil))
	f.Add(makeIDX(2049, []uint32{3}, []byte{1, 2, 3}))
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := ReadImages(bytes.NewReader(file), "FILE")
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrLimit) {
				t.Fatalf("error %v wraps neither ErrFormat nor ErrLimit", err)
			}
			return
		}
		if len(m.Pixels) != m.Count*m.Height*m.Width {
			t.Fatalf("%d pixels for %d×%d×%d", len(m.Pixels), m.Count, m.Height, m.Width)
		}
		again, err := ReadImages(bytes.NewReader(makeIDX(2051, []uint32{uint32(m.Count), uint32(m.Height), uint32(m.Width)}, m.Pixels)), "again")
		if err != nil || !bytes.Equal(again.Pixels, m.Pixels) {
			t.Fatalf("what was read cannot be written and read: %v", err)
		}
	})
}

func FuzzReadLabels(f *testing.F) {
	good := makeIDX(2049, []uint32{3}, []byte{1, 2, 3})
	f.Add(good)
	f.Add(compress(good))
	f.Add(makeIDX(2049, []uint32{1<<32 - 1}, nil))
	f.Fuzz(func(t *testing.T, file []byte) {
		labels, err := ReadLabels(bytes.NewReader(file), "FILE")
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrLimit) {
				t.Fatalf("error %v wraps neither ErrFormat nor ErrLimit", err)
			}
			return
		}
		again, err := ReadLabels(bytes.NewReader(makeIDX(2049, []uint32{uint32(len(labels))}, labels)), "again")
		if err != nil || !bytes.Equal(again, labels) {
			t.Fatalf("what was read cannot be written and read: %v", err)
		}
	})
}
