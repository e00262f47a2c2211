//go:build !amd64

package kernel

import "testing"

// forEachSet runs a test with each set of instructions that the processor has.
func forEachSet(t *testing.T, test func(t *testing.T)) { t.Run("portable", test) }
