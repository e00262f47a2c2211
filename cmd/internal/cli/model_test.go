package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestReadUpTo(t *testing.T) {
	name := filepath.Join(t.TempDir(), "five")
	if err := os.WriteFile(name, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	for most, want := range map[int64]string{4: "1234", 5: "12345", 6: "12345"} {
		if b, err := readUpTo(name, most); err != nil || string(b) != want {
			t.Errorf("up to %d: %q, error %v", most, b, err)
		}
	}
	if _, err := readUpTo(name+"6", 5); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat("/dev/zero"); err == nil {
		if b, err := readUpTo("/dev/zero", 1<<16); err != nil || len(b) != 1<<16 {
			t.Errorf("%d bytes of no end, error %v", len(b), err)
		}
	}
}
