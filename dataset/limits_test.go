package dataset

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// TestLimits: each limit refuses what is over it by one, and lets through what is not.
func TestLimits(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.png"), picture(6, 5, grey(9)))
	write(t, filepath.Join(dir, "b.png"), picture(6, 5, grey(9)))
	size := int64(len(picture(6, 5, grey(9))))
	sets := t.TempDir()
	writeSet(t, sets, tiny()) // 4 and 2 images of 4×4
	images := makeIDX(2051, []uint32{2, 3, 2}, []byte("twelve bytes"))

	read := func(l Limits) error {
		_, err := l.ReadImages(bytes.NewReader(images), "a.png")
		return err
	}
	labels := func(l Limits) error {
		_, err := l.ReadLabels(bytes.NewReader(makeIDX(2049, []uint32{3}, []byte{1, 2, 3})), "a.png")
		return err
	}
	one := func(l Limits) error {
		_, err := ReadPicture(filepath.Join(dir, "a.png"), PictureOptions{Height: 1, Width: 1, Levels: 4, Limits: l})
		return err
	}
	folder := func(l Limits) error {
		_, err := LoadImages(t.Context(), dir, Options{Size: 8, Limits: l})
		return err
	}
	set := func(l Limits) error {
		_, err := Load(t.Context(), sets, Options{Size: 8, Limits: l})
		return err
	}
	part := func(l Limits) error {
		_, err := LoadPart(t.Context(), sets, TestPart, 1, Options{Size: 8, Limits: l})
		return err
	}
	for _, c := range []struct {
		name  string
		do    func(Limits) error
		least Limits // that suffice
		limit string
	}{
		{"images", read, Limits{FileBytes: 12}, "FileBytes"},
		{"labels", labels, Limits{FileBytes: 3}, "FileBytes"},
		{"picture, bytes", one, Limits{FileBytes: size}, "FileBytes"},
		{"picture, pixels", one, Limits{Pixels: 30}, "Pixels"},
		{"folder, bytes", folder, Limits{FileBytes: size}, "FileBytes"},
		{"folder, pixels", folder, Limits{Pixels: 30}, "Pixels"},
		{"folder, set", folder, Limits{SetBytes: 2 * 64}, "SetBytes"},
		{"set, bytes", set, Limits{FileBytes: 64}, "FileBytes"},
		{"set", set, Limits{SetBytes: 4 * 64}, "SetBytes"},
		{"part, bytes", part, Limits{FileBytes: 32}, "FileBytes"},
		{"part", part, Limits{SetBytes: 2 * 64}, "SetBytes"},
	} {
		if err := c.do(c.least); err != nil {
			t.Errorf("%s, within the limits: %v", c.name, err)
		}
		less := c.least
		less.FileBytes, less.Pixels, less.SetBytes = max(0, less.FileBytes-1), max(0, less.Pixels-1), max(0, less.SetBytes-1)
		err := c.do(less)
		var over *LimitError
		if !errors.As(err, &over) || !errors.Is(err, ErrLimit) || over.Limit != c.limit || over.Have <= over.Max || !strings.Contains(err.Error(), over.File) {
			t.Errorf("%s, over the limit: error %v", c.name, err)
		}
		for _, wrong := range []Limits{{FileBytes: -1}, {Pixels: -1}, {SetBytes: -1}, {Pixels: MaxPixels + 1}} {
			if err := c.do(wrong); !errors.Is(err, ErrLimits) {
				t.Errorf("%s, %+v: error %v", c.name, wrong, err)
			}
		}
	}
	if err := read(Limits{FileBytes: math.MaxInt64}); err != nil {
		t.Error(err)
	}
}

// TestIDXHeaders: what a header promises is multiplied without overflow, and refused by
// the product.
func TestIDXHeaders(t *testing.T) {
	for _, dims := range [][]uint32{
		{1 << 30, 28, 28},
		{1<<32 - 1, 1 << 14, 1 << 14},
		{1<<30 + 1, 1, 1},
	} {
		if _, err := ReadImages(bytes.NewReader(makeIDX(2051, dims, nil)), "FILE"); !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "FILE") {
			t.Errorf("%d: error %v", dims, err)
		}
	}
	if _, err := ReadLabels(bytes.NewReader(makeIDX(2049, []uint32{1<<32 - 1}, nil)), "FILE"); !errors.Is(err, ErrLimit) {
		t.Errorf("labels: error %v", err)
	}
}

// A million images of one pixel, in a kilobyte, are a gigabyte of 32×32 pixels.
func TestLoadSmallImagesMadeLarge(t *testing.T) {
	const n = 1 << 20
	dir := t.TempDir()
	files := tiny()
	files[0] = makeIDX(2051, []uint32{n, 1, 1}, make([]byte, n))
	files[1] = makeIDX(2049, []uint32{n}, make([]byte, n))
	writeSet(t, dir, files)
	var err error
	got := allocated(func() {
		_, err = Load(t.Context(), dir, Options{Size: 32, Limits: Limits{SetBytes: 1 << 29}})
	})
	if !errors.Is(err, ErrLimit) || got > 64<<20 {
		t.Errorf("%d bytes allocated, error %v", got, err)
	}
}

// endless is a file again and again.
type endless struct {
	file []byte
	at   int
}

func (e *endless) Read(b []byte) (int, error) {
	n := copy(b, e.file[e.at:])
	e.at = (e.at + n) % len(e.file)
	return n, nil
}

func TestReadImagesEndlessGzip(t *testing.T) {
	_, err := Limits{FileBytes: 1 << 20}.ReadImages(&endless{file: compress(nil)}, "FILE")
	if !errors.Is(err, ErrLimit) {
		t.Errorf("error %v", err)
	}
	broken := errors.New("cable is out")
	_, err = Limits{FileBytes: 1 << 20}.ReadImages(io.MultiReader(bytes.NewReader(compress(nil)), iotest.ErrReader(broken)), "FILE")
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// A few bytes that say they are a large picture must not have it allocated.
func TestPictureAllocatesWhatIsThere(t *testing.T) {
	large := picture(1, 1, grey(9))
	copy(large[16:], []byte{0, 0, 0x16, 0xa0, 0, 0, 0x16, 0xa0, 16, 6}) // 5792×5792, 8 bytes a pixel
	jpeg := scansJPEG(5792, 0)[:1000]
	for name, file := range map[string][]byte{"PNG": fixHeaderCRC(large), "JPEG": jpeg} {
		var err error
		got := allocated(func() { _, err = defaultLimits().newPicture("FILE", file) })
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "FILE: truncated") || got > 1<<20 {
			t.Errorf("%s: %d bytes allocated for a file of %d, error %v", name, got, len(file), err)
		}
	}
}

// allocated is how many bytes do allocates, together with what else goes on.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// What stands in a file's place, or at a folder's end, must not be waited for or walked
// round and round.
func TestNotRegular(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege on Windows")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.png"), picture(4, 4, grey(9)))
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("loop.png", "loop.png")
	link(".", "self")
	link("/dev/zero", "zero.png")
	link("gone.png", "dangling.png")
	for name, want := range map[string]error{"loop.png": nil, "self": ErrNotRegular, "zero.png": ErrNotRegular, "dangling.png": os.ErrNotExist} {
		_, err := ReadPicture(filepath.Join(dir, name), PictureOptions{Height: 4, Width: 4, Levels: 4})
		if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := LoadImages(t.Context(), dir, Options{}); err == nil {
		t.Error("a folder in itself is read")
	}
	if _, err := Load(t.Context(), "/dev/null", Options{}); !errors.As(err, new(*FolderError)) {
		t.Errorf("a device for a folder: error %v", err)
	}
}
