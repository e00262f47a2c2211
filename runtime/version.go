package runtime

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// minVersion is the oldest ONNX Runtime whose C API (version 24) onnxruntime_go
// v1.27.0 can call.
var minVersion = [3]int{1, 24, 0}

// parseVersion reads "1.24.1"; what follows the numbers ("-rc1") does not count.
func parseVersion(s string) (v [3]int, ok bool) {
	for i, part := range strings.SplitN(s, ".", 3) {
		digits := part
		if end := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
			digits = part[:end]
		}
		n, err := strconv.Atoi(digits)
		if err != nil {
			return v, false
		}
		v[i] = n
	}
	return v, true
}

func compareVersions(a, b [3]int) int {
	return slices.CompareFunc(a[:], b[:], cmp.Compare[int])
}

// checkVersion refuses a version that is too old. It returns the bare numbers, which
// are fit for a file name, whatever the library says.
func checkVersion(s string) (string, error) {
	v, ok := parseVersion(s)
	if !ok {
		return "", fmt.Errorf("%w: it gives its version as %q, which is none", ErrStart, s)
	}
	if compareVersions(v, minVersion) < 0 {
		return "", fmt.Errorf("version %s is %w: %d.%d or later is needed; run: %s",
			s, ErrTooOld, minVersion[0], minVersion[1], installHint)
	}
	return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]), nil
}
