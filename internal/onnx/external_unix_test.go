//go:build unix

package onnx

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestReadFilePipe: a pipe is no file of weights, and nothing waits for its writer. The
// model itself may be a pipe.
func TestReadFilePipe(t *testing.T) {
	path := beside(t, kept("location", "pipe", "offset", "4"), "w", two)
	if err := syscall.Mkfifo(filepath.Join(filepath.Dir(path), "pipe"), 0o600); err != nil {
		t.Skip(err)
	}
	if _, err := ReadFile(path, Limits{}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("error %v", err)
	}
	path = beside(t, nil, "w", two)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	go os.WriteFile(path, kept("location", "w", "offset", "4"), 0o600)
	if _, err := ReadFile(path, Limits{}); err != nil {
		t.Error(err)
	}
}
