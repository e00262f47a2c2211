package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func put(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, s := range []string{"first", "second"} {
		if err := Write(path, put(s)); err != nil {
			t.Fatal(err)
		}
		if b, _ := os.ReadFile(path); string(b) != s {
			t.Errorf("content %q, want %q", b, s)
		}
	}
	if n := names(t, dir); len(n) != 1 {
		t.Errorf("left behind: %v", n)
	}
}

func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	mine := errors.New("mine")
	err := Write(path, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half of it")
		return mine
	})
	if err != mine {
		t.Errorf("error %v, want %v", err, mine)
	}
	// An error about another file stays one about it.
	_, other := os.Open(filepath.Join(dir, "other"))
	for _, write := range []func(string, func(io.Writer) error) error{Write, from(dir)} {
		if err := write(path, func(io.Writer) error { return other }); err != other {
			t.Errorf("error %v, want %v", err, other)
		}
	}
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Errorf("content %q, want the old one", b)
	}
	if n := names(t, dir); len(n) != 1 {
		t.Errorf("left behind: %v", n)
	}
	if err := Write(dir, put("x")); err == nil {
		t.Error("wrote over a folder")
	}
	if err := Write(filepath.Join(dir, "no", "f"), put("x")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want one of a folder that is not there", err)
	}
}

// from is WriteFrom with that folder.
func from(dir string) func(string, func(io.Writer) error) error {
	return func(path string, write func(io.Writer) error) error { return WriteFrom(dir, path, write) }
}

// TestWriteFrom: the file is begun in another folder, and takes its name whole.
func TestWriteFrom(t *testing.T) {
	dir, begun := t.TempDir(), t.TempDir()
	path := filepath.Join(dir, "f")
	for _, s := range []string{"first", "second"} {
		err := WriteFrom(begun, path, func(w io.Writer) error {
			if n := len(names(t, begun)); n != 1 {
				t.Errorf("%d files are begun", n)
			}
			return put(s)(w)
		})
		if b, _ := os.ReadFile(path); err != nil || string(b) != s {
			t.Errorf("content %q, error %v, want %q", b, err, s)
		}
	}
	if n := len(names(t, begun)) + len(names(t, dir)); n != 1 {
		t.Errorf("there are %d files, want 1", n)
	}
	if err := WriteFrom(filepath.Join(begun, "no"), path, put("x")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want one of a folder that is not there", err)
	}
}

func TestWriteThroughLink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if err := Write(link, put("x")); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(target); string(b) != "x" {
		t.Errorf("the link's target holds %q", b)
	}
}

// TestWriteDevice meets a full disk without filling one.
func TestWriteDevice(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	if err := Write("/dev/full", put("x")); err == nil {
		t.Error("a full device took the file")
	}
	if info, err := os.Stat("/dev/full"); err != nil || info.Mode().IsRegular() {
		t.Error("the device was replaced")
	}
}
