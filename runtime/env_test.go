//go:build cgo

package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"pixelcnn/internal/live"
	"pixelcnn/internal/onnx"
)

// TestMain checks that the tests together leave nothing in C.
func TestMain(m *testing.M) {
	code := m.Run()
	left := live.Now()
	if code == 0 && (left != live.Objects{} || process.users != 0 || ort.IsInitialized()) {
		fmt.Fprintf(os.Stderr, "left over: %v, %d users\n", left, process.users)
		code = 1
	}
	os.Exit(code)
}

func openEnv(t testing.TB) *Env {
	t.Helper()
	env, err := Open(Config{})
	if err != nil {
		t.Fatalf("the tests need ONNX Runtime (go run ./cmd/sampler install-runtime): %v", err)
	}
	t.Cleanup(func() { closeOK(t, env) })
	return env
}

type closer interface{ Close() error }

func closeOK(t testing.TB, c closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenClose(t *testing.T) {
	path, err := Locate("")
	if err != nil {
		t.Fatalf("the tests need ONNX Runtime (go run ./cmd/sampler install-runtime): %v", err)
	}
	for range 5 {
		env, err := Open(Config{})
		if err != nil {
			t.Fatal(err)
		}
		if env.Lib() != path {
			t.Errorf("Lib is %s, Locate says %s", env.Lib(), path)
		}
		if _, err := checkVersion(env.Version()); err != nil {
			t.Error(err)
		}
		s, err := env.Load(sumModel(), onnx.SessionOptions{})
		if err != nil {
			t.Fatal(err)
		}
		closeOK(t, s)
		closeOK(t, env)
		closeOK(t, env) // once more does nothing
		if ort.IsInitialized() {
			t.Fatal("the environment outlives its last user")
		}
	}
}

// Two users who know nothing of each other share one environment.
func TestOpenTwice(t *testing.T) {
	first := openEnv(t)
	for _, lib := range []string{"", first.Lib(), filepath.Dir(first.Lib())} {
		second, err := Open(Config{Lib: lib})
		if err != nil {
			t.Fatalf("Lib %q: %v", lib, err)
		}
		if second.Lib() != first.Lib() || second.Version() != first.Version() {
			t.Errorf("Lib %q: the second user has %s %s", lib, second.Lib(), second.Version())
		}
		closeOK(t, second)
		if _, err := second.Load(sumModel(), onnx.SessionOptions{}); !errors.Is(err, ErrClosed) {
			t.Errorf("Load after Close: %v", err)
		}
	}
	other := write(t, filepath.Join(t.TempDir(), "other.so"), "another library")
	_, err := Open(Config{Lib: other})
	var inUse *InUseError
	if !errors.As(err, &inUse) || inUse.Open != first.Lib() || inUse.Asked != other {
		t.Errorf("error %v, want an InUseError", err)
	}
	if _, err := Open(Config{Lib: other + ".gone"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want fs.ErrNotExist", err)
	}
	t.Setenv("PIXELCNN_ORT_LIB", other)
	second, err := Open(Config{})
	if err != nil {
		t.Fatalf("the variables do not matter once a library is open: %v", err)
	}
	closeOK(t, second)
	s, err := first.Load(sumModel(), onnx.SessionOptions{})
	if err != nil {
		t.Fatalf("the first user's environment must still be up: %v", err)
	}
	closeOK(t, s)
}

func TestAdoptTheHosts(t *testing.T) {
	path, err := Locate("")
	if err != nil {
		t.Fatal(err)
	}
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := ort.DestroyEnvironment(); err != nil {
			t.Errorf("the host's environment was taken from it: %v", err)
		}
	}()
	var inUse *InUseError
	if _, err := Open(Config{Lib: path}); !errors.As(err, &inUse) || inUse.Open != "" {
		t.Errorf("error %v, want an InUseError that knows no path", err)
	}
	env, err := Open(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if env.Lib() != "" || env.Version() != ort.GetVersion() {
		t.Errorf("adopted %q, version %s", env.Lib(), env.Version())
	}
	s, err := env.Load(sumModel(), onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	closeOK(t, s)
	closeOK(t, env)
	if !ort.IsInitialized() {
		t.Error("Close ended the host's environment")
	}
}

func TestOpenUnusable(t *testing.T) {
	dir := t.TempDir()
	fake := func(name, source string) func(*testing.T) string {
		return func(t *testing.T) string { return fakeLibrary(t, filepath.Join(dir, name), source) }
	}
	file := func(name, content string) func(*testing.T) string {
		return func(t *testing.T) string { return write(t, filepath.Join(dir, name), content) }
	}
	for name, tt := range map[string]struct {
		lib  func(*testing.T) string
		want []string
		is   error
	}{
		"missing":        {func(*testing.T) string { return filepath.Join(dir, "gone.so") }, []string{"no such file"}, fs.ErrNotExist},
		"text":           {file("text.so", "This is no library.\n"), []string{"it cannot be loaded: "}, nil},
		"longer text":    {file("long.so", strings.Repeat("This is no library.\n", 100)), []string{"it cannot be loaded: "}, nil},
		"empty":          {file("empty.so", ""), []string{"it cannot be loaded: "}, nil},
		"too old":        {fake("old.so", fakeORT(`"1.17.0"`)), []string{"version 1.17.0 is too old: 1.24 or later is needed; run: sampler install-runtime"}, ErrTooOld},
		"no interface":   {fake("hollow.so", fakeORT(`"1.99.0"`)), []string{"ONNX Runtime 1.99.0 does not start"}, nil},
		"no version":     {fake("null.so", fakeORT(`NULL`)), []string{"not ONNX Runtime"}, nil},
		"strange":        {fake("strange.so", fakeORT(`"x\ny"`)), []string{`gives its version as "x\ny"`}, nil},
		"no base":        {fake("nobase.so", "void *OrtGetApiBase(void) { return 0; }"), []string{"not ONNX Runtime"}, nil},
		"something else": {fake("else.so", "int f(void) { return 1; }"), []string{"not ONNX Runtime"}, nil},
		"no symbols":     {fake("missing_symbol.so", "int g(void); int OrtGetApiBase(void) { return 0; } int h = 1;"), []string{"not ONNX Runtime"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := tt.lib(t)
			for _, use := range []func() error{
				func() error { _, err := Open(Config{Lib: path}); return err },
				func() error { _, err := Locate(path); return err },
			} {
				err := use()
				if name == "no interface" && err == nil {
					continue // Locate does not start the library
				}
				wantMessage(t, err, append(tt.want, "--ort-lib", path)...)
				var le *LibraryError
				if !errors.As(err, &le) || (tt.is != nil && !errors.Is(err, tt.is)) {
					t.Errorf("error %#v", err)
				}
			}
			t.Setenv("PIXELCNN_ORT_LIB", path)
			_, err := Open(Config{})
			wantMessage(t, err, append(tt.want, "PIXELCNN_ORT_LIB", path)...)
		})
	}
	openEnv(t) // none of it spoilt the process
}

func TestCloseOrder(t *testing.T) {
	env := openEnv(t)
	s, err := env.Load(sumModel(), onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	x := onnx.NewTensor(make([]float32, 3), 1, 3)
	b, err := s.Bind([]*onnx.Tensor{x, x}, []*onnx.Tensor{onnx.NewTensor(make([]float32, 3), 1, 3)})
	if err != nil {
		t.Fatal(err)
	}
	if err := env.Close(); !errors.Is(err, ErrInUse) {
		t.Errorf("closing under a session: %v", err)
	}
	if err := s.Close(); !errors.Is(err, ErrInUse) {
		t.Errorf("closing under a binding: %v", err)
	}
	if err := b.Run(context.Background()); err != nil {
		t.Errorf("after refused Closes: %v", err)
	}
	closeOK(t, b)
	closeOK(t, b)
	closeOK(t, s)
	closeOK(t, s)
	if err := b.Run(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("Run after Close: %v", err)
	}
	if _, err := s.Bind([]*onnx.Tensor{x, x}, []*onnx.Tensor{x}); !errors.Is(err, ErrClosed) {
		t.Errorf("Bind after Close: %v", err)
	}
	var none Env
	if _, err := none.Load(sumModel(), onnx.SessionOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Load of no environment: %v", err)
	}
	closeOK(t, &none)
}
