package onnx

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// kept is a model that adds to its input the weight "w", two float32, whose elements are
// elsewhere as the pairs of a key and a value tell.
func kept(pairs ...string) []byte {
	var m, g, op, w buf
	node := func(in ...string) (b buf) {
		for _, name := range in {
			b.str(1, name)
		}
		b.str(2, "y")
		b.str(4, "Add")
		return b
	}
	end := func(name string) (b buf) {
		b.str(1, name)
		return b
	}
	w.intAlways(1, 2)
	w.int(2, int64(Float32))
	w.str(8, "w")
	for i := 0; i+1 < len(pairs); i += 2 {
		var entry buf
		entry.str(1, pairs[i])
		entry.str(2, pairs[i+1])
		w.bytes(13, entry)
	}
	w.int(14, 1)
	g.bytes(1, node("x", "w"))
	g.bytes(5, w)
	g.bytes(11, end("x"))
	g.bytes(12, end("y"))
	op.int(2, 17)
	m.bytes(7, g)
	m.bytes(8, op)
	return m
}

// beside writes a model and a file beside it, and returns the path of the model.
func beside(t testing.TB, model []byte, name string, content []byte) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "m.onnx")
	for name, b := range map[string][]byte{path: model, filepath.Join(dir, name): content} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// two are the float32 1.5 and -2, after four other bytes.
var two = []byte{9, 9, 9, 9, 0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0}

func TestReadFile(t *testing.T) {
	for _, pairs := range [][]string{
		{"location", "m.onnx.data", "offset", "4", "length", "8"},
		{"location", "m.onnx.data", "offset", "4"},
		{"offset", "4", "checksum", "0", "location", "m.onnx.data"},
		{"location", "./m.onnx.data", "offset", "4"},
	} {
		file := kept(pairs...)
		m, err := ReadFile(beside(t, file, "m.onnx.data", slices.Concat(two, []byte{1, 2, 3})), Limits{})
		if err != nil {
			t.Errorf("%q: %v", pairs, err)
			continue
		}
		if got := m.Graph.Nodes[0].Inputs[1].Const.Floats(); !slices.Equal(got, []float32{1.5, -2}) {
			t.Errorf("%q: the weight is %v", pairs, got)
		}
		if want := int64(len(file) + 8); m.Size() != want {
			t.Errorf("%q: %d bytes were read, want %d", pairs, m.Size(), want)
		}
		if got := m.Beside(); !slices.Equal(got, []string{"m.onnx.data"}) {
			t.Errorf("%q: read from %q", pairs, got)
		}
		b, err := Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Unmarshal(b); err != nil {
			t.Errorf("%q: written again: %v", pairs, err)
		}
	}
}

// TestReadFileRefuses: nothing is read but a part of a regular file of the model's folder,
// as long as the tensor.
func TestReadFileRefuses(t *testing.T) {
	const name = "m.onnx.data"
	huge := "9223372036854775807"
	for _, c := range []struct {
		name  string
		pairs []string
		want  string // in the error
	}{
		{"parent", []string{"location", "../" + name}, "plain name"},
		{"parent alone", []string{"location", ".."}, "plain name"},
		{"the folder", []string{"location", "."}, "plain name"},
		{"the folder, longer", []string{"location", "./"}, "plain name"},
		{"parent of the folder", []string{"location", "./../" + name}, "plain name"},
		{"absolute from the folder", []string{"location", ".//etc/passwd"}, "plain name"},
		{"a way round", []string{"location", "sub/../" + name}, "plain name"},
		{"a folder below", []string{"location", "sub/w"}, "plain name"},
		{"backslash", []string{"location", `..\` + name}, "plain name"},
		{"a volume", []string{"location", "c:" + name}, "plain name"},
		{"absolute", []string{"location", "/etc/passwd"}, "plain name"},
		{"a zero byte", []string{"location", "a\x00b"}, "invalid"},
		{"missing", []string{"location", "other.data"}, "no such file"},
		{"a folder's name", []string{"location", "sub"}, "not a regular file"},
		{"a link out", []string{"location", "out"}, "leads out"},
		{"an absolute link", []string{"location", "absolute"}, "leads out"},
		{"a link to nowhere", []string{"location", "nowhere"}, "leads out"},
		{"a link to itself", []string{"location", "round"}, "leads out"},
		{"a link through a folder", []string{"location", "through"}, "leads out"},
		{"too short", []string{"location", name, "offset", "4", "length", "4"}, "4 bytes there, and 8"},
		{"too long", []string{"location", name, "length", "12"}, "12 bytes there, and 8"},
		{"past the end", []string{"location", name, "offset", "5", "length", "8"}, "8 bytes from byte 5 on, and the file has 12"},
		{"from past the end", []string{"location", name, "offset", "13"}, "8 bytes from byte 13 on, and the file has 12"},
		{"less than the shape", []string{"location", name, "offset", "5"}, "8 bytes from byte 5 on, and the file has 12"},
		{"far past the end", []string{"location", name, "offset", huge, "length", "8"}, "from byte " + huge},
		{"negative offset", []string{"location", name, "offset", "-4", "length", "8"}, "must be a number of bytes"},
		{"negative length", []string{"location", name, "offset", "4", "length", "-8"}, "must be a number of bytes"},
		{"overflow", []string{"location", name, "offset", "9223372036854775808", "length", "8"}, "must be a number of bytes"},
		{"huge length", []string{"location", name, "length", huge}, huge + " bytes there, and 8"},
		{"no number", []string{"location", name, "offset", "4x", "length", "8"}, "must be a number of bytes"},
		{"two files", []string{"location", name, "location", "other", "offset", "4", "length", "8"}, "two files"},
		{"no file", []string{"offset", "4", "length", "8"}, "does not name it"},
		{"nothing", nil, "does not name it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := beside(t, kept(c.pairs...), name, two)
			dir := filepath.Dir(path)
			outside := filepath.Join(t.TempDir(), "secret")
			must := func(err error) {
				if err != nil {
					t.Skip(err)
				}
			}
			must(os.WriteFile(outside, two[4:], 0o600))
			must(os.Mkdir(filepath.Join(dir, "sub"), 0o700))
			must(os.WriteFile(filepath.Join(dir, "sub", "w"), two[4:], 0o600))
			for link, to := range map[string]string{
				"out": filepath.Join("..", filepath.Base(filepath.Dir(outside)), "secret"), "absolute": outside,
				"nowhere": "none", "round": "round", "away": filepath.Dir(outside), "through": filepath.Join("away", "secret"),
			} {
				must(os.Symlink(to, filepath.Join(dir, link)))
			}
			_, err := ReadFile(path, Limits{})
			if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want ErrFormat with %q", err, c.want)
			}
		})
	}
}

// TestReadFileLinks: a link within the folder is as good as the file.
func TestReadFileLinks(t *testing.T) {
	path := beside(t, kept("location", "link", "offset", "4"), "w", two)
	if err := os.Symlink("w", filepath.Join(filepath.Dir(path), "link")); err != nil {
		t.Skip(err)
	}
	if _, err := ReadFile(path, Limits{}); err != nil {
		t.Error(err)
	}
}

// TestReadFileBytes: bytes have nothing beside them, and that is what the error says.
func TestReadFileBytes(t *testing.T) {
	_, err := Unmarshal(kept("location", "m.onnx.data"))
	if !errors.Is(err, ErrBytes) || !errors.Is(err, ErrExternal) || !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), `"m.onnx.data"`) {
		t.Errorf("error %v", err)
	}
	_, err = ReadFile(beside(t, kept("location", "m.onnx.data"), "other", two), Limits{})
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, ErrExternal) || !strings.Contains(err.Error(), `"m.onnx.data"`) {
		t.Errorf("error %v", err)
	}
	if _, err = ReadFile(filepath.Join(t.TempDir(), "none"), Limits{}); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrFormat) {
		t.Errorf("error %v", err)
	}
}

// TestReadFileLimits: what is beside the file counts as the file does, each time that it is
// read.
func TestReadFileLimits(t *testing.T) {
	file := kept("location", "w", "offset", "4")
	path := beside(t, file, "w", two)
	size := int64(len(file))
	for most, ok := range map[int64]bool{size - 1: false, size: false, size + 7: false, size + 8: true} {
		_, err := ReadFile(path, Limits{FileBytes: most})
		if le := (*LimitError)(nil); ok != (err == nil) || err != nil && (!errors.As(err, &le) || le.Limit != "FileBytes") {
			t.Errorf("of at most %d bytes: error %v", most, err)
		}
	}
	if _, err := ReadFile(path, Limits{TensorBytes: 7}); !errors.Is(err, ErrLimit) {
		t.Errorf("error %v", err)
	}
	// Many tensors may name the same bytes.
	var g, m buf
	for i := range 3 {
		var w, location buf
		location.str(1, "location")
		location.str(2, "w")
		w.intAlways(1, 12)
		w.int(2, int64(Uint8))
		w.str(8, string(rune('a'+i)))
		w.bytes(13, location)
		w.int(14, 1)
		g.bytes(5, w)
	}
	m.bytes(7, g)
	m.bytes(8, buf{0x10, 17})
	path = beside(t, m, "w", two)
	if _, err := ReadFile(path, Limits{FileBytes: int64(len(m)) + 35}); !errors.Is(err, ErrLimit) {
		t.Errorf("error %v", err)
	}
	if _, err := ReadFile(path, Limits{FileBytes: int64(len(m)) + 36}); err != nil {
		t.Errorf("error %v", err)
	}
}

// FuzzReadFile: where a tensor says it is, it is read from the file beside the model, with
// exactly those bytes, or refused in a line. Beside the folder lies what nothing may read.
func FuzzReadFile(f *testing.F) {
	for _, location := range []string{"w", "./w", "./../secret", "../secret", "/etc/passwd", "sub/w", ".", "", "w\x00", "link", `..\secret`, "m.onnx"} {
		f.Add(location, "4", "8")
	}
	for _, n := range []string{"-1", "13", "9223372036854775807", "+4", "4.0", "0x4", "", "18446744073709551615"} {
		f.Add("w", n, "8")
		f.Add("w", "4", n)
	}
	secret := []byte("secret!!")
	parent := f.TempDir()
	dir := filepath.Join(parent, "models")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "w"), two, 0o600), os.WriteFile(filepath.Join(parent, "secret"), secret, 0o600)); err != nil {
		f.Fatal(err)
	}
	_ = os.Symlink("../secret", filepath.Join(dir, "link"))
	f.Fuzz(func(t *testing.T, location, offset, length string) {
		path := filepath.Join(dir, "m.onnx")
		file := kept("location", location, "offset", offset, "length", length)
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := ReadFile(path, Limits{})
		if err != nil {
			if !errors.Is(err, ErrFormat) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q", err)
			}
			return
		}
		var got []byte
		for _, x := range m.Graph.Nodes[0].Inputs[1].Const.Floats() {
			bits := math.Float32bits(x)
			got = append(got, byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24))
		}
		if !bytes.Contains(two, got) && !bytes.Contains(file, got) || bytes.Equal(got, secret) {
			t.Errorf("%q from %q on for %q: read %q", location, offset, length, got)
		}
	})
}
