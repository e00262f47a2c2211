package shard

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFull has a disk of 64 KiB, where one may be mounted: a shard for which there is no room is
// an error, what it had made is kept, and once there is room it goes on from there.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	mount := func(flags uintptr, size string) error {
		return syscall.Mount("tmpfs", dir, "tmpfs", flags, "size="+size)
	}
	if err := mount(0, "64k"); err != nil {
		t.Skip("NOT TESTED: a full disk, as none can be mounted here:", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	newJob := func() *Job {
		j, _ := newJob(dir, 1)
		j.Manifest.Shape = []int{30, 100} // 13 images, of 3,000 bytes each
		j.Make = func(_ context.Context, _, n int, to *Piece) error {
			_, err := to.Write(make([]byte, n*3000))
			return err
		}
		j.Every = 2
		return j
	}
	if _, err := newJob().Run(t.Context()); !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("error %v, want one of a full disk", err)
	}
	if pairs, _ := filepath.Glob(filepath.Join(dir, "shard-*")); len(pairs) > 0 {
		t.Errorf("there are %q", pairs)
	}
	if err := mount(syscall.MS_REMOUNT, "1m"); err != nil {
		t.Fatal(err)
	}
	if run(t, newJob()) || !run(t, newJob()) {
		t.Error("the shard is not there")
	}
	if n := names(t, dir); len(n) != 2 {
		t.Errorf("there are %q", n)
	}
}
