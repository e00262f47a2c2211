package runtime

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func anyFile(string) error { return nil }

// place makes a search over folders below a temporary one, all empty.
func place(t *testing.T, env map[string]string) (*search, string) {
	t.Helper()
	root := t.TempDir()
	return &search{
		goos:   "linux",
		getenv: func(name string) string { return env[name] },
		exe:    filepath.Join(root, "app", "bin"),
		cache:  filepath.Join(root, "cache"),
		target: "linux-amd64",
		system: []string{filepath.Join(root, "sys1"), filepath.Join(root, "sys2")},
	}, root
}

func TestFindOrder(t *testing.T) {
	// Each file is found once all those before it are gone.
	order := []string{
		"explicit.so",
		"first/libonnxruntime.so.1",
		"second.so",
		"third.so",
		"app/bin/libonnxruntime.so",
		"app/lib/libonnxruntime.so",
		"cache/1.30.0/linux-amd64/libonnxruntime.so",
		"cache/1.24.1/linux-amd64/libonnxruntime.so",
		"sys1/libonnxruntime.so.1.24.1",
		"sys2/libonnxruntime.so",
	}
	env := map[string]string{}
	s, root := place(t, env)
	for _, name := range order {
		write(t, filepath.Join(root, name), "")
	}
	write(t, filepath.Join(root, "cache/1.99.0/darwin-arm64/libonnxruntime.dylib"), "another system's")
	write(t, filepath.Join(root, "cache/tmp/linux-amd64/libonnxruntime.so"), "no version")
	explicit := filepath.Join(root, "explicit.so")
	env["PIXELCNN_ORT_LIB"] = filepath.Join(root, "first")
	env["ONNXRUNTIME_SHARED_LIBRARY_PATH"] = filepath.Join(root, "second.so")
	env["ORT_DYLIB_PATH"] = filepath.Join(root, "third.so")
	for i, name := range order {
		got, err := s.find(explicit, anyFile)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := filepath.Join(root, name); got != want {
			t.Errorf("found %s, want %s", got, want)
		}
		switch i {
		case 0:
			explicit = ""
		case 1, 2, 3:
			delete(env, settings[i-1])
		default:
			if err := os.Remove(filepath.Join(root, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err := s.find("", anyFile)
	var miss *NotFoundError
	if !errors.As(err, &miss) || !errors.Is(err, ErrNoRuntime) {
		t.Fatalf("error %v is no NotFoundError", err)
	}
	for _, part := range []string{
		"sampler install-runtime", "PIXELCNN_ORT_LIB: not set", "ORT_DYLIB_PATH: not set",
		filepath.Join(root, "app", "lib"), filepath.Join(root, "sys2") + ": the folder holds no libonnxruntime.so",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error does not hold %q:\n%v", part, err)
		}
	}
}

func TestFindExplicitIsNeverSkipped(t *testing.T) {
	env := map[string]string{}
	s, root := place(t, env)
	write(t, filepath.Join(root, "sys1/libonnxruntime.so"), "")
	empty := filepath.Join(root, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(root, "missing.so")
	for _, tt := range []struct {
		setting, path, reason string
		is                    error
	}{
		{"--ort-lib", missing, "no such file", fs.ErrNotExist},
		{"--ort-lib", empty, "the folder holds no libonnxruntime.so", nil},
		{"PIXELCNN_ORT_LIB", missing, "no such file", fs.ErrNotExist},
		{"ONNXRUNTIME_SHARED_LIBRARY_PATH", empty, "the folder holds no libonnxruntime.so", nil},
		{"ORT_DYLIB_PATH", missing, "no such file", fs.ErrNotExist},
		{"ORT_DYLIB_PATH", os.DevNull, "neither a file nor a folder", nil},
	} {
		clear(env)
		explicit := ""
		if tt.setting == "--ort-lib" {
			explicit = tt.path
		} else {
			maps.Copy(env, map[string]string{tt.setting: tt.path})
		}
		_, err := s.find(explicit, anyFile)
		wantMessage(t, err, tt.setting, tt.path, tt.reason)
		var le *LibraryError
		if !errors.As(err, &le) || le.Setting != tt.setting || le.Path != tt.path {
			t.Errorf("%s=%s: error %#v", tt.setting, tt.path, err)
		}
		if errors.Is(err, ErrNoRuntime) {
			t.Errorf("%s=%s: an explicit setting's error must not read as nothing found", tt.setting, tt.path)
		}
		if tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s=%s: %v is not %v", tt.setting, tt.path, err, tt.is)
		}
	}
}

func TestFindSkipsUnusable(t *testing.T) {
	s, root := place(t, nil)
	old := write(t, filepath.Join(root, "sys1/libonnxruntime.so"), "")
	good := write(t, filepath.Join(root, "sys2/libonnxruntime.so"), "")
	refuse := func(path string) error {
		if path == old {
			return ErrTooOld
		}
		return nil
	}
	if got, err := s.find("", refuse); err != nil || got != good {
		t.Errorf("found %s, %v; want %s", got, err, good)
	}
	if _, err := s.find(old, refuse); !errors.Is(err, ErrTooOld) {
		t.Errorf("error %v, want ErrTooOld", err)
	}
}

func TestFindWithoutFolders(t *testing.T) {
	s := &search{goos: "linux", getenv: func(string) string { return "" }}
	_, err := s.find("", anyFile)
	if !errors.Is(err, ErrNoRuntime) || !strings.Contains(err.Error(), "cache folder: the system names none") {
		t.Errorf("error %v", err)
	}
}

func TestInFolder(t *testing.T) {
	for _, tt := range []struct {
		goos  string
		files []string
		want  string
	}{
		{"linux", []string{"libonnxruntime.so.1.24.1", "libonnxruntime.so.1", "libonnxruntime.so"}, "libonnxruntime.so"},
		{"linux", []string{"libonnxruntime.so.1.24.1", "libonnxruntime.so.1"}, "libonnxruntime.so.1"},
		{"linux", []string{"libonnxruntime.so.1.9.0", "libonnxruntime.so.1.24.1"}, "libonnxruntime.so.1.24.1"},
		{"linux", []string{"libonnxruntime_providers_shared.so", "libonnxruntime.so.txt", "onnxruntime.dll"}, ""},
		{"darwin", []string{"libonnxruntime.1.24.1.dylib", "libonnxruntime.so"}, "libonnxruntime.1.24.1.dylib"},
		{"darwin", []string{"libonnxruntime.1.24.1.dylib", "libonnxruntime.dylib"}, "libonnxruntime.dylib"},
		{"windows", []string{"onnxruntime.dll", "DirectML.dll"}, "onnxruntime.dll"},
		{"freebsd", []string{"libonnxruntime.so.1"}, "libonnxruntime.so.1"},
	} {
		dir := t.TempDir()
		for _, name := range tt.files {
			write(t, filepath.Join(dir, name), "")
		}
		got, err := inFolder(tt.goos, dir)
		if tt.want == "" {
			if err == nil {
				t.Errorf("%s %v: found %s", tt.goos, tt.files, got)
			}
			continue
		}
		if err != nil || got != filepath.Join(dir, tt.want) {
			t.Errorf("%s %v: found %s, %v; want %s", tt.goos, tt.files, got, err, tt.want)
		}
	}
}

// A link that leads nowhere, and a folder of the library's name, are no libraries.
func TestInFolderRegularFilesOnly(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "libonnxruntime.so"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("gone", filepath.Join(dir, "libonnxruntime.so.1")); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	want := write(t, filepath.Join(dir, "libonnxruntime.so.1.24.1"), "")
	if got, err := inFolder("linux", dir); err != nil || got != want {
		t.Errorf("found %s, %v; want %s", got, err, want)
	}
}

func TestCheckVersion(t *testing.T) {
	for _, tt := range []struct{ version, want string }{
		{"1.24.1", "1.24.1"},
		{"1.24", "1.24.0"},
		{"1.30.0-rc1", "1.30.0"},
		{"2.0.0", "2.0.0"},
		{"1.24.1/../../etc", "1.24.1"},
	} {
		if got, err := checkVersion(tt.version); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.version, got, err, tt.want)
		}
	}
	for _, version := range []string{"1.23.9", "1.9.0", "0.5.0"} {
		if _, err := checkVersion(version); !errors.Is(err, ErrTooOld) {
			t.Errorf("%s: error %v, want ErrTooOld", version, err)
		}
	}
	for _, version := range []string{"", "one", "1..2", ".1.2"} {
		if _, err := checkVersion(version); err == nil || errors.Is(err, ErrTooOld) {
			t.Errorf("%q: error %v, want one that says it is none", version, err)
		}
	}
}
