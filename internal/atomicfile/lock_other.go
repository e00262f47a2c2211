//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package atomicfile

import (
	"errors"
	"os"
)

// locks tells that stale temporaries cannot be told from others here, and stay.
const locks = false

var errLocked = errors.New("locked")

func lock(*os.File) error { return errors.ErrUnsupported }
