// Package atomicfile writes files that are either there whole or not at all.
package atomicfile

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Write makes or replaces the file at path with what write writes to w, which is
// buffered. The content goes into a new file beside it, is synced, and takes the
// name by a rename; after an error the old file is as it was and the new one gone.
// What a process leaves beside it that dies while it writes, the next Write of the
// same path removes; see also [Sweep].
// A path that names something else than a regular file, such as a pipe or a device, is
// written to directly. Errors of write itself come back as they are, those of the
// system as [fs.PathError].
func Write(path string, write func(w io.Writer) error) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // replace what a link points at, not the link
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		if info.IsDir() {
			return &fs.PathError{Op: "write", Path: path, Err: errors.New("is a folder, not a file")}
		}
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return about(path, err)
		}
		return fill(f, write, false)
	}
	f, err := create(path)
	if err != nil {
		return about(path, err)
	}
	err = fill(f, write, true)
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	if locks {
		_ = f.Close() // its content is synced or given up
	}
	if err != nil {
		return about(path, err)
	}
	syncDir(filepath.Dir(path))
	return nil
}

// WriteFrom is [Write] for files to which processes of several machines may write at once. The
// new file is begun in the folder dir, on the same file system, under a name that no other
// process has, and there are no locks, which some network file systems keep from other
// machines. What a process leaves there that dies while it writes is for the folder's owner
// to remove.
func WriteFrom(dir, path string, write func(w io.Writer) error) error {
	temp := temporary(filepath.Join(dir, filepath.Base(path)), rand.Uint64()|1<<63)
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return about(path, err)
	}
	err = fill(f, write, true)
	if locks {
		if e := f.Close(); err == nil {
			err = e
		}
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp)
		return about(path, err)
	}
	syncDir(filepath.Dir(path))
	return nil
}

// about makes an error of the system speak of path, not of the file beside it.
func about(path string, err error) error {
	var p *fs.PathError
	var l *os.LinkError
	beside := "." + filepath.Base(path) + "." // others' errors may be about other files
	switch {
	case errors.As(err, &p) && strings.HasPrefix(filepath.Base(p.Path), beside):
		return &fs.PathError{Op: "write", Path: path, Err: p.Err}
	case errors.As(err, &l):
		return &fs.PathError{Op: "write", Path: path, Err: l.Err}
	}
	return err
}

// fill writes f, and closes it unless it stays open for its lock.
func fill(f *os.File, write func(io.Writer) error, regular bool) error {
	b := bufio.NewWriterSize(f, 1<<16)
	err := write(b)
	if err == nil {
		err = b.Flush()
	}
	if err == nil && regular {
		err = f.Sync()
	}
	if locks && regular {
		return err
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// syncDir makes the rename itself durable. Some systems cannot sync a folder; the
// file is in place all the same.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

// Check tells early whether Write will be able to make a file at path, by making
// and removing one beside it.
func Check(path string) error {
	if info, err := os.Stat(path); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return nil // a device or a pipe
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return &fs.PathError{Op: "write", Path: path, Err: errors.New("is a folder, not a file")}
	}
	f, err := create(path)
	if err != nil {
		return about(path, err)
	}
	if !locks {
		return errors.Join(f.Close(), os.Remove(f.Name()))
	}
	return errors.Join(os.Remove(f.Name()), f.Close())
}
