package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func sum(content string) string {
	h := sha256.Sum256([]byte(content))
	return hex.EncodeToString(h[:])
}

// fakeRelease is a release for linux-amd64, by the name and version of a package
// that is not published, and the package's bytes.
func fakeRelease(t *testing.T, library string) (release, string) {
	name := "package/bin/napi-v6/linux/x64/libonnxruntime.so.1"
	return release{"onnxruntime-none", "1.98.7", "1 kB", map[string]publishedMember{"linux-amd64": {name, sum("\x7fELF right")}}},
		tgz(t, member{name: "package/package.json", content: `{"name":"onnxruntime-none","version":"1.98.7"}`},
			member{name: name, content: library})
}

func newInstaller(t *testing.T, r release) (*installer, *strings.Builder) {
	var log strings.Builder
	return &installer{
		release: r, goos: "linux", goarch: "amd64", cache: filepath.Join(t.TempDir(), "cache"), limits: defaultLimits,
		log: func(format string, args ...any) { fmt.Fprintf(&log, format+"\n", args...) },
	}, &log
}

// fakeNPM puts a script called npm, and nothing else but the system's own tools,
// on the PATH.
func fakeNPM(t *testing.T, script string) {
	if goruntime.GOOS == "windows" {
		t.Skip("the stand-in for npm is a shell script")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "npm"), "#!/bin/sh\n"+script)
	if err := os.Chmod(filepath.Join(dir, "npm"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+"/usr/bin"+string(os.PathListSeparator)+"/bin")
}

func wantNothingIn(t *testing.T, dir string) {
	t.Helper()
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("left behind: %s", path)
		}
		return nil
	})
}

func TestFetch(t *testing.T) {
	rel, pkg := fakeRelease(t, "\x7fELF right")
	in, log := newInstaller(t, rel)
	archive := write(t, filepath.Join(t.TempDir(), "archive.tgz"), pkg)
	fakeNPM(t, `case "$*" in
		"config get registry") echo registry.example ;;
		"pack onnxruntime-none@1.98.7 --"*) cp '`+archive+`' onnxruntime-none-1.98.7.tgz ;;
		*) exit 9 ;; esac`)
	want := filepath.Join(in.cache, "1.98.7", "linux-amd64", "libonnxruntime.so")
	got, err := in.fetch(context.Background())
	if err != nil || got != want {
		t.Fatalf("installed %s, %v; want %s", got, err, want)
	}
	if content, err := os.ReadFile(want); err != nil || string(content) != "\x7fELF right" {
		t.Errorf("the file holds %q, %v", content, err)
	}
	for _, part := range []string{"onnxruntime-none@1.98.7", "registry.example", sum("\x7fELF right"), "installed: " + want} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log does not say %q:\n%s", part, log)
		}
	}

	// There already: nothing is fetched, npm need not be there.
	t.Setenv("PATH", "")
	log.Reset()
	if got, err := in.fetch(context.Background()); err != nil || got != want {
		t.Errorf("again: %s, %v", got, err)
	}
	if log.String() != "already installed: "+want+"\n" {
		t.Errorf("the log says %q", log)
	}

	// The search finds it.
	s := &search{goos: "linux", getenv: func(string) string { return "" }, cache: in.cache, target: "linux-amd64"}
	if got, err := s.find("", anyFile); err != nil || got != want {
		t.Errorf("found %s, %v", got, err)
	}

	// A damaged file is replaced from an archive.
	write(t, want, "damaged")
	if _, err := in.from(context.Background(), archive, true); err != nil {
		t.Error(err)
	}
	if content, _ := os.ReadFile(want); string(content) != "\x7fELF right" {
		t.Errorf("the damaged file now holds %q", content)
	}
}

func TestFetchFails(t *testing.T) {
	rel, pkg := fakeRelease(t, "\x7fELF wrong")
	archive := write(t, filepath.Join(t.TempDir(), "archive.tgz"), pkg)
	for name, tt := range map[string]struct{ script, want string }{
		"npm fails":      {"echo 'npm error: no network' >&2; exit 1", "no network"},
		"nothing packed": {"exit 0", "npm pack left no onnxruntime-none-1.98.7.tgz"},
		"checksum":       {"cp '" + archive + "' onnxruntime-none-1.98.7.tgz", "has SHA-256 " + sum("\x7fELF wrong") + ", expected " + sum("\x7fELF right")},
	} {
		t.Run(name, func(t *testing.T) {
			in, _ := newInstaller(t, rel)
			fakeNPM(t, tt.script)
			_, err := in.fetch(context.Background())
			wantMessage(t, err, tt.want)
			var ce *ChecksumError
			if errors.As(err, &ce) != (name == "checksum") {
				t.Errorf("error %#v", err)
			}
			wantNothingIn(t, in.cache)
		})
	}
	// What is fetched is what is pinned, whatever it says that it is.
	t.Run("another package", func(t *testing.T) {
		in, _ := newInstaller(t, rel)
		other := write(t, filepath.Join(t.TempDir(), "other.tgz"), tgz(t,
			member{name: "package/package.json", content: `{"name":"other","version":"1.98.7"}`},
			member{name: "package/bin/napi-v6/linux/x64/libonnxruntime.so.1", content: "\x7fELF wrong"}))
		fakeNPM(t, "cp '"+other+"' onnxruntime-none-1.98.7.tgz")
		_, err := in.fetch(context.Background())
		var ce *ChecksumError
		if !errors.As(err, &ce) {
			t.Errorf("error %v, want a ChecksumError", err)
		}
		wantNothingIn(t, in.cache)
	})
	t.Run("no npm", func(t *testing.T) {
		in, _ := newInstaller(t, rel)
		t.Setenv("PATH", t.TempDir())
		_, err := in.fetch(context.Background())
		wantMessage(t, err, "npm was not found", "--from FILE")
	})
	t.Run("other platform", func(t *testing.T) {
		in, _ := newInstaller(t, rel)
		in.goos, in.goarch = "darwin", "amd64"
		_, err := in.fetch(context.Background())
		wantMessage(t, err, "no library for darwin-amd64", "--from FILE")
	})
	t.Run("cancelled", func(t *testing.T) {
		in, _ := newInstaller(t, rel)
		fakeNPM(t, "exec sleep 60")
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		if _, err := in.fetch(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the context's", err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("stopped after %v", took)
		}
	})
}

func TestInstallFrom(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache) // where macOS has its caches
	dir := t.TempDir()
	if _, err := libraryVersion(dir); errors.Is(err, ErrNoCgo) {
		lib := write(t, filepath.Join(dir, "lib.so"), "\x7fELF")
		if _, err := Install(context.Background(), InstallOptions{From: lib}); !errors.Is(err, ErrNoCgo) {
			t.Errorf("error %v, want ErrNoCgo", err)
		}
		wantNothingIn(t, cache)
		return
	}
	good := fakeLibrary(t, filepath.Join(dir, "good.so"), fakeORT(`"1.99.3"`))
	old := fakeLibrary(t, filepath.Join(dir, "old.so"), fakeORT(`"1.23.2"`))
	content, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	name := installedName(goruntime.GOOS)
	for what, file := range map[string]string{
		"library": good,
		"tgz":     write(t, filepath.Join(dir, "good.tgz"), tgz(t, member{name: "ort-1.99.3/lib/" + name, content: string(content)})),
		"zip":     write(t, filepath.Join(dir, "good.zip"), zipped(t, member{name: "ort-1.99.3/lib/" + name, content: string(content)})),
	} {
		var log strings.Builder
		got, err := Install(context.Background(), InstallOptions{From: file, Log: func(format string, args ...any) {
			fmt.Fprintf(&log, format+"\n", args...)
		}})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if !strings.HasSuffix(got, filepath.Join("1.99.3", goruntime.GOOS+"-"+goruntime.GOARCH, name)) {
			t.Errorf("%s: installed %s", what, got)
		}
		if installed, err := os.ReadFile(got); err != nil || string(installed) != string(content) {
			t.Errorf("%s: another file was installed: %v", what, err)
		}
		if !strings.Contains(log.String(), "SHA-256 "+sum(string(content))+", version 1.99.3") {
			t.Errorf("%s: the log says %s", what, &log)
		}
		if found, err := Locate(""); err != nil || found != got {
			t.Errorf("%s: Locate found %s, %v; want %s", what, found, err, got)
		}
		if err := os.Remove(got); err != nil {
			t.Fatal(err)
		}
	}
	for what, tt := range map[string]struct {
		file, want string
		is         error
	}{
		"missing":       {filepath.Join(dir, "gone.tgz"), "no such file", fs.ErrNotExist},
		"too old":       {old, "version 1.23.2 is too old", ErrTooOld},
		"not a library": {write(t, filepath.Join(dir, "text"), "text"), "neither a shared library nor", nil},
		"broken":        {write(t, filepath.Join(dir, "broken"), "\x7fELF and so on"), "cannot be loaded", nil},
	} {
		_, err := Install(context.Background(), InstallOptions{From: tt.file})
		wantMessage(t, err, "runtime: installing ONNX Runtime: ", tt.want)
		if tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	wantNothingIn(t, cache)
}

// The recorded checksums are whole and unlike, and each is of a library that its own
// platform would take out of the package.
func TestReleases(t *testing.T) {
	if got := Releases(); !slices.Equal(got, []string{"1.24.1", "1.30.0"}) {
		t.Errorf("releases %q", got)
	}
	seen := map[string]bool{}
	for _, r := range releases {
		if len(r.files) != 5 {
			t.Errorf("%d platforms", len(r.files))
		}
		for target, m := range r.files {
			goos, goarch, _ := strings.Cut(target, "-")
			if b, err := hex.DecodeString(m.sha256); err != nil || len(b) != sha256.Size || seen[m.sha256] {
				t.Errorf("%s %s: checksum %q", r.version, target, m.sha256)
			}
			seen[m.sha256] = true
			for other := range r.files {
				goos2, goarch2, _ := strings.Cut(other, "-")
				if isLibrary(m.path, goos2, goarch2) != (goos == goos2 && goarch == goarch2) {
					t.Errorf("%s is for %s only, not as %s would have it", m.path, target, other)
				}
			}
		}
		if _, err := checkVersion(r.version); err != nil {
			t.Error(err)
		}
		if got, err := findRelease(r.version); err != nil || got.version != r.version {
			t.Errorf("release %s is found as %s, error %v", r.version, got.version, err)
		}
	}
	if got, err := findRelease(""); err != nil || got.version != "1.24.1" {
		t.Errorf("the first release is %s, error %v", got.version, err)
	}
}

// A version that is not known is refused, and a folder of the caller's is used.
func TestInstallElsewhere(t *testing.T) {
	_, err := Install(context.Background(), InstallOptions{Version: "1.29"})
	wantMessage(t, err, "runtime: ", `no checksum is known of ONNX Runtime "1.29"`)
	fakeNPM(t, `exit 1`)
	folder := filepath.Join(t.TempDir(), "elsewhere")
	_, err = Install(context.Background(), InstallOptions{Version: "1.30.0", Folder: folder})
	wantMessage(t, err, "npm config: exit status 1")
	wantNothingIn(t, folder)
}
