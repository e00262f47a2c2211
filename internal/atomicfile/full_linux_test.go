package atomicfile

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFull fills a disk, of 64 KiB, where it may mount one.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("NOT TESTED: a full disk, as none can be mounted here:", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	path := filepath.Join(dir, "f")
	if err := Write(path, put("old")); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1 << 16, 1 << 20} {
		err := Write(path, func(w io.Writer) error {
			_, err := w.Write(make([]byte, size))
			return err
		})
		var p *os.PathError
		if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &p) || p.Path != path {
			t.Errorf("%d bytes: error %v, want one of a full disk and %s", size, err, path)
		}
		if b, _ := os.ReadFile(path); string(b) != "old" {
			t.Errorf("%d bytes: content %q, want the old one", size, b)
		}
		if n := names(t, dir); len(n) != 1 {
			t.Errorf("%d bytes: left behind: %q", size, n)
		}
	}
	if err := Write(path, put("new")); err != nil {
		t.Error("once there is room:", err)
	}
}

// TestReadOnly has a folder in which nothing can be made, for root neither.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := Write(path, put("old")); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.Chmod(dir, 0o777) }()
	} else {
		if out, err := exec.Command("chattr", "+i", dir).CombinedOutput(); err != nil {
			t.Skipf("NOT TESTED: a read-only folder, as root and without chattr +i: %v %s", err, out)
		}
		defer func() { _ = exec.Command("chattr", "-i", dir).Run() }()
	}
	for _, path := range []string{path, filepath.Join(dir, "g")} {
		var p *os.PathError
		if err := Write(path, put("new")); !errors.Is(err, os.ErrPermission) || !errors.As(err, &p) || p.Path != path {
			t.Errorf("error %v, want one of permission and %s", err, path)
		}
		if err := Check(path); !errors.Is(err, os.ErrPermission) {
			t.Errorf("error %v of Check, want one of permission", err)
		}
	}
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Errorf("content %q, want the old one", b)
	}
}
