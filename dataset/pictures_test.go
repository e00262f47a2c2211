package dataset

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// picture is a PNG file, w×h pixels of one colour.
func picture(w, h int, c color.Color) []byte {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		m.Set(i%w, i/w, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func grey(v uint8) color.Color { return color.Gray{Y: v} }

func TestLoadImages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "letters")
	files := map[string][]byte{}
	for i := range 10 {
		files[fmt.Sprintf("a/%d.png", i)] = picture(5+i, 7, grey(70)) // level 1
		files[fmt.Sprintf("b/deeper/%d.PNG", i)] = picture(4, 9, grey(250))
	}
	files["notes.txt"] = []byte("left out")
	files[".hidden.png"] = []byte("left out")
	files["a/.thumbnails/1.png"] = []byte("left out")
	for name, data := range files {
		write(t, filepath.Join(dir, name), data)
	}
	opt := Options{Size: 4, Validation: 3}
	set, err := LoadImages(t.Context(), dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	if set.Name != "letters" || !slices.Equal(set.ClassNames, []string{"a", "b"}) ||
		set.Preprocess != "grey; crop=centre square; resize=4 triangle; levels=4 floor(v*levels/256)" {
		t.Errorf("got %+v", set)
	}
	if set.Train.N() != 15 || set.Validation.N() != 3 || set.Test.N() != 2 {
		t.Errorf("%d+%d+%d images, want 15+3+2", set.Train.N(), set.Validation.N(), set.Test.N())
	}
	labels := 0
	for _, s := range []Split{set.Train, set.Validation, set.Test} {
		for i, label := range s.Labels {
			labels += int(label)
			want := slices.Repeat([]uint16{1 + 2*uint16(label)}, 16)
			if got := s.Pixels[16*i : 16*i+16]; !slices.Equal(got, want) {
				t.Errorf("label %d has pixels %v, want %v", label, got, want)
			}
		}
	}
	if labels != 10 {
		t.Errorf("%d images of class b, want 10", labels)
	}
	again, err := LoadImages(t.Context(), dir, opt)
	if err != nil || !bytes.Equal(again.Train.Labels, set.Train.Labels) || again.SHA256 != set.SHA256 {
		t.Errorf("another set the second time: %v", err)
	}
}

func TestLoadImagesFlat(t *testing.T) {
	dir := t.TempDir()
	data := [][]byte{picture(4, 4, grey(0)), picture(4, 4, grey(255))}
	write(t, filepath.Join(dir, "x.png"), data[0])
	write(t, filepath.Join(dir, "y.png"), data[1])
	set, err := LoadImages(t.Context(), dir, Options{Size: 4})
	if err != nil {
		t.Fatal(err)
	}
	if set.ClassNames != nil || set.Train.Labels != nil || set.Test.Labels != nil {
		t.Errorf("labels without classes: %+v", set)
	}
	listing := fmt.Sprintf("%x  x.png\n%x  y.png\n", sha256.Sum256(data[0]), sha256.Sum256(data[1]))
	if want := fmt.Sprintf("%x", sha256.Sum256([]byte(listing))); set.SHA256 != want {
		t.Errorf("SHA256 = %s, want %s", set.SHA256, want)
	}
}

func TestLoadImagesRefuses(t *testing.T) {
	good := picture(4, 4, grey(9))
	// A header that says 16384×16384: the pixels must not be allocated.
	huge := slices.Clone(picture(1, 1, grey(9)))
	copy(huge[16:], []byte{0, 0, 0x40, 0, 0, 0, 0x40, 0})
	huge = fixHeaderCRC(huge)
	tests := []struct {
		name  string
		files map[string][]byte
		opt   Options
		want  string
	}{
		{"nothing", map[string][]byte{"a.txt": nil}, Options{}, "no PNG, JPEG, GIF, BMP, WebP or TIFF files"},
		{"one picture", map[string][]byte{"a.png": good}, Options{}, "a single picture"},
		{"no picture", map[string][]byte{"a.png": good, "b.jpg": []byte("hello")}, Options{}, "b.jpg: cannot be read as PNG, JPEG, GIF, BMP, WebP or TIFF: image: unknown format"},
		{"truncated", map[string][]byte{"a.png": good, "b.png": good[:len(good)-20]}, Options{}, "b.png: cannot be read as PNG, JPEG, GIF, BMP, WebP or TIFF: png: invalid format: unexpected EOF"},
		{"too large", map[string][]byte{"a.png": good, "b.png": huge}, Options{}, "b.png: pixels, 16384×16384: 268435456, at most 33554432 is allowed (Limits.Pixels)"},
		{"another kind", map[string][]byte{"a.png": good, "b.heic": nil}, Options{}, "b.heic: cannot be read as PNG, JPEG"},
		{"splits", map[string][]byte{"train/a.png": good, "Test/b.png": good}, Options{}, "Test, train look like splits"},
		{"validation", map[string][]byte{"a.png": good, "b.png": good}, Options{Validation: 1}, "validation 1: there are 1 training images"},
	}
	for _, test := range tests {
		dir := t.TempDir()
		for name, data := range test.files {
			write(t, filepath.Join(dir, filepath.FromSlash(name)), data)
		}
		_, err := LoadImages(t.Context(), dir, test.opt)
		if err == nil || !strings.HasPrefix(err.Error(), "dataset: ") || !strings.Contains(filepath.ToSlash(err.Error()), test.want) {
			t.Errorf("%s: got error %v, want %q", test.name, err, test.want)
		}
	}

	if _, err := LoadImages(t.Context(), filepath.Join(t.TempDir(), "none"), Options{}); err == nil || !strings.HasSuffix(err.Error(), "none: no such folder") {
		t.Errorf("no folder: got error %v", err)
	}
	file := filepath.Join(t.TempDir(), "a.png")
	write(t, file, good)
	if _, err := LoadImages(t.Context(), file, Options{}); err == nil || !strings.HasSuffix(err.Error(), "a.png: not a folder") {
		t.Errorf("a file: got error %v", err)
	}
}

// TestLoadImagesUnlabelled: pictures that cannot have classes are a set without, which says why.
func TestLoadImagesUnlabelled(t *testing.T) {
	good := picture(4, 4, grey(9))
	many := map[string][]byte{}
	for i := range 257 {
		many[fmt.Sprintf("%03d/p.png", i)] = good
	}
	for _, test := range []struct {
		files map[string][]byte
		n     int
		want  string
	}{
		{map[string][]byte{"x/a.png": good, "b.png": good}, 2, "b.png: a picture beside class folders: put it into one of them"},
		{map[string][]byte{"x/a.png": good, "x/b.png": good, "y/b.txt": nil}, 2, "y: no PNG, JPEG, GIF, BMP, WebP or TIFF files: each sub-folder is a class"},
		{many, 257, "257 sub-folders: want 256 classes at most"},
		{map[string][]byte{"a.png": good, "b.png": good}, 2, ""},
	} {
		dir := t.TempDir()
		for name, data := range test.files {
			write(t, filepath.Join(dir, filepath.FromSlash(name)), data)
		}
		set, err := LoadImages(t.Context(), dir, Options{})
		if err != nil {
			t.Errorf("%q: %v", test.want, err)
			continue
		}
		said := set.Unlabelled == nil && test.want == "" || set.Unlabelled != nil && test.want != "" && strings.HasSuffix(filepath.ToSlash(set.Unlabelled.Error()), test.want)
		if n := set.Train.N() + set.Test.N(); n != test.n || set.ClassNames != nil || set.Train.Labels != nil || !said {
			t.Errorf("%d images, classes %q, %v, want %d and %q", n, set.ClassNames, set.Unlabelled, test.n, test.want)
		}
	}
}

// TestLoadImagesSkip: all pictures that cannot be used are told, with the reason of each; without them the set
// is that of the others.
func TestLoadImagesSkip(t *testing.T) {
	files := map[string][]byte{
		"a/1.png": picture(4, 4, grey(9)), "a/2.png": picture(4, 4, grey(99)), "a/3.png": picture(30, 4, grey(9)), "a/4.jpg": []byte("text"),
		"b/1.png": picture(4, 4, grey(250))[:60], "b/2.heif": nil, "b/3.png": picture(4, 4, grey(200)),
	}
	const bad = 4
	dir, rest := t.TempDir(), filepath.Join(t.TempDir(), "rest")
	for name, data := range files {
		write(t, filepath.Join(dir, filepath.FromSlash(name)), data)
	}
	for _, name := range []string{"a/1.png", "a/2.png", "b/3.png"} {
		write(t, filepath.Join(rest, filepath.FromSlash(name)), files[name])
	}
	opt := Options{Limits: Limits{Pixels: 100}}
	_, err := LoadImages(t.Context(), dir, opt)
	var all *BadPicturesError
	if !errors.As(err, &all) || len(all.Errors) != bad || all.Of != len(files) || !errors.Is(err, ErrFormat) || !errors.Is(err, ErrLimit) {
		t.Fatalf("error %v", err)
	}
	for i, want := range []string{"3.png: pixels, 30×4", "4.jpg: cannot be read", "1.png: cannot be read", "2.heif: cannot be read"} {
		if !strings.Contains(all.Errors[i].Error(), want) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", all.Errors[i], want)
		}
	}
	told := 0
	opt.Skip = func(err error) {
		if err != all.Errors[told] && err.Error() != all.Errors[told].Error() {
			t.Errorf("%v, want %v", err, all.Errors[told])
		}
		told++
	}
	got, err := LoadImages(t.Context(), dir, opt)
	if err != nil || told != bad {
		t.Fatalf("%d errors, %v", told, err)
	}
	want, err := LoadImages(t.Context(), rest, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got.SHA256 != want.SHA256 || !slices.Equal(got.Train.Pixels, want.Train.Pixels) || !slices.Equal(got.Train.Labels, want.Train.Labels) ||
		!slices.Equal(got.Test.Pixels, want.Test.Pixels) || !slices.Equal(got.ClassNames, want.ClassNames) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := os.Remove(filepath.Join(dir, "b", "3.png")); err != nil {
		t.Fatal(err)
	}
	opt.Skip = func(error) {}
	if _, err := LoadImages(t.Context(), dir, opt); !errors.As(err, new(*FolderError)) || !strings.Contains(err.Error(), "no picture is left") {
		t.Errorf("a class of which nothing is left: error %v", err)
	}
}

func TestLoadImagesLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege on Windows")
	}
	dir, elsewhere := t.TempDir(), t.TempDir()
	write(t, filepath.Join(elsewhere, "b.png"), picture(4, 4, grey(9)))
	write(t, filepath.Join(dir, "a.png"), picture(4, 4, grey(9)))
	if err := os.Symlink(filepath.Join(elsewhere, "b.png"), filepath.Join(dir, "b.png")); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadImages(t.Context(), dir, Options{}); err != nil {
		t.Errorf("a link to a picture: %v", err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(dir, "more")); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadImages(t.Context(), dir, Options{}); err == nil || !strings.Contains(err.Error(), "more: a link to a folder") {
		t.Errorf("a link to a folder: got error %v", err)
	}
}

func TestLoadCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.png"), picture(4, 4, grey(9)))
	if _, err := LoadImages(ctx, dir, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("LoadImages: got error %v", err)
	}
	writeSet(t, dir, tiny())
	if _, err := Load(ctx, dir, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Load: got error %v", err)
	}
}

// fixHeaderCRC makes the checksum of a PNG's first chunk right.
func fixHeaderCRC(file []byte) []byte {
	binary.BigEndian.PutUint32(file[29:], crc32.ChecksumIEEE(file[12:29]))
	return file
}
