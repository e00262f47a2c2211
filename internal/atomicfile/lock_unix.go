//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package atomicfile

import (
	"errors"
	"os"
	"syscall"
)

// locks tells that the system has locks that end with the process, whatever ends it,
// and that it can rename a file that is open.
const locks = true

var errLocked = errors.New("locked")

// lock takes the lock of an open file, and fails with errLocked where another has it.
// Some file systems have no locks; that is another error.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}
