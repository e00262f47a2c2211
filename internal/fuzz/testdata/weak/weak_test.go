// Package weak has a target that fails and one that does not.
package weak

import "testing"

func FuzzFails(f *testing.F) {
	f.Add([]byte("seed"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 0 && b[0] != 's' {
			t.Error("found")
		}
	})
}

func FuzzHolds(f *testing.F) {
	f.Add(1)
	f.Fuzz(func(t *testing.T, n int) {
		if n*0 != 0 {
			t.Error("arithmetic is broken")
		}
	})
}
