package clitest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A Way is one of several to name a file, or a folder.
type Way struct {
	Name string
	To   func(t *testing.T, path string) string
}

// Ways are the path itself, another spelling of it, a symbolic link, and a hard link, which for
// a folder is a symbolic one to the folder above.
var Ways = []Way{
	{"its path", func(_ *testing.T, path string) string { return path }},
	{"another spelling", func(t *testing.T, path string) string {
		abs, err := filepath.Abs(".")
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Join(abs, "..") + "/" + filepath.Base(abs) + "/./" + path
	}},
	{"a symbolic link", func(t *testing.T, path string) string {
		return linked(t, path, func(link string) error { return os.Symlink(path, link) })
	}},
	{"a hard link", func(t *testing.T, path string) string {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return linked(t, path, func(link string) error { return os.Symlink(".", link) }) + "/" + path
		}
		return linked(t, path, func(link string) error { return os.Link(path, link) })
	}},
}

func linked(t *testing.T, path string, link func(string) error) string {
	t.Helper()
	name := "link-" + filepath.Base(path)
	_ = os.Remove(name)
	if err := link(name); err != nil {
		t.Skip(err)
	}
	return name
}

// Put writes a file, and makes its folder.
func Put(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
}

// Files lists the files at the working folder and below, with checksums.
func Files(t *testing.T) []byte {
	t.Helper()
	var list bytes.Buffer
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := os.Stat(path)
		if err != nil || info.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		fmt.Fprintf(&list, "%x %s\n", sha256.Sum256(content), path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list.Bytes()
}
