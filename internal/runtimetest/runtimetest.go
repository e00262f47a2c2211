// Package runtimetest is for tests that need ONNX Runtime.
package runtimetest

import (
	"fmt"
	"os"
	"testing"

	"pixelcnn/runtime"
)

// Main is a package's TestMain. It leaves ONNX Runtime in env, open until the tests have
// run, and ends the process where there is none.
func Main(m *testing.M, env **runtime.Env) {
	e, err := runtime.Open(runtime.Config{})
	if err != nil {
		fmt.Fprintln(os.Stderr, "the tests need ONNX Runtime (go run ./cmd/sampler install-runtime):", err)
		os.Exit(1)
	}
	*env = e
	status := m.Run()
	if err := e.Close(); err != nil && status == 0 {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}
