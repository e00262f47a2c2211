package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A temporary of the file "name" is ".name.0.tmp", or has the next number where another
// process is writing that one. Its writer holds a lock on it as long as it has that
// name, so that one without a lock is what a dead process has left.

// slots is the number of temporaries of a file that have short numbers.
const slots = 8

func temporary(path string, slot uint64) string {
	return filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%x.tmp", filepath.Base(path), slot))
}

// create makes a new temporary of the file at path, locked where there are locks.
func create(path string) (*os.File, error) {
	for slot := uint64(0); ; slot++ {
		if slot >= slots { // that many writers at once, or a system without locks
			slot = rand.Uint64() | 1<<63
		}
		temp := temporary(path, slot)
		f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) && removeStale(temp) {
			f, err = os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		}
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		// Another process may have taken it for stale before it was locked.
		if err := lock(f); err == nil && !is(f, temp) || errors.Is(err, errLocked) {
			_ = f.Close()
			continue
		}
		return f, nil
	}
}

// is tells whether f is the file of that name.
func is(f *os.File, name string) bool {
	have, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(name)
	return err == nil && os.SameFile(have, named)
}

// removeStale removes a temporary that nobody is writing. It reports whether it has.
func removeStale(temp string) bool {
	if info, err := os.Lstat(temp); err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(temp)
	if err != nil {
		return false
	}
	defer f.Close()
	// Who holds the lock of the file of that name may remove it, nobody else.
	return lock(f) == nil && is(f, temp) && os.Remove(temp) == nil
}

// Sweep removes what processes that died have left of files that [Write] was writing in
// a folder, where their names begin with prefix. What is being written stays.
func Sweep(dir, prefix string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".tmp")
		number := filepath.Ext(name)
		if !ok || !strings.HasPrefix(name, "."+prefix) || number == "" {
			continue
		}
		if _, err := strconv.ParseUint(number[1:], 16, 64); err == nil {
			removeStale(filepath.Join(dir, e.Name()))
		}
	}
	return nil
}
