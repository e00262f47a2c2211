//go:build cgo

package runtime

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"testing"

	"pixelcnn/internal/onnx"
)

// elf is a file that begins as a library and is none.
const elf = "\x7fELF and nothing else"

// Every failure is of the kind that its documentation says.
func TestErrors(t *testing.T) {
	dir := t.TempDir()
	text := write(t, filepath.Join(dir, "text"), "no library")
	broken := write(t, filepath.Join(dir, "broken.so"), elf)
	var unrelated bytes.Buffer
	z := gzip.NewWriter(&unrelated)
	w := tar.NewWriter(z)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "README"}), w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	empty := write(t, filepath.Join(dir, "empty.tgz"), unrelated.String())
	ctx := t.Context()
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	install := func(ctx context.Context, from, version string) error {
		_, err := Install(ctx, InstallOptions{From: from, Version: version, Folder: filepath.Join(dir, "folder")})
		return err
	}
	fetch := func(npm string) error {
		rel, _ := fakeRelease(t, "")
		in, _ := newInstaller(t, rel)
		fakeNPM(t, npm)
		_, err := in.fetch(ctx)
		return err
	}
	pure, err := Go()
	if err != nil {
		t.Fatal(err)
	}
	load := func(opt onnx.SessionOptions) error {
		_, err := pure.Load(&Model{}, opt)
		return err
	}
	_, decode := Decode([]byte("no model"), Limits{})
	open := func(kind Kind, cfg Config) error {
		_, err := OpenAny(kind, cfg)
		return err
	}
	for name, test := range map[string]struct {
		err  error
		want error
	}{
		"a release that is not known":      {install(ctx, "", "0.1"), ErrRelease},
		"a file that is not there":         {install(ctx, filepath.Join(dir, "none"), ""), fs.ErrNotExist},
		"a folder":                         {install(ctx, dir, ""), ErrArchive},
		"a text":                           {install(ctx, text, ""), ErrArchive},
		"an archive without a library":     {install(ctx, empty, ""), ErrArchive},
		"stopped":                          {install(stopped, empty, ""), context.Canceled},
		"npm fails":                        {fetch("exit 1"), ErrFetch},
		"npm packs nothing":                {fetch("exit 0"), ErrFetch},
		"no such runtime":                  {open("none", Config{}), ErrKind},
		"limits that are none":             {open(PureGo, Config{Limits: Limits{FileBytes: -1}}), ErrLimits},
		"a library that is not there":      {open(ORT, Config{Lib: filepath.Join(dir, "none")}), fs.ErrNotExist},
		"fewer threads than none, in Go":   {load(onnx.SessionOptions{Threads: -1}), ErrOption},
		"a text for a model":               {decode, ErrFormat},
		"no model, in Go":                  {load(onnx.SessionOptions{}), ErrFormat},
		"a library that cannot be opened":  {install(ctx, broken, ""), ErrStart},
		"a library that cannot be started": {open(ORT, Config{Lib: broken}), ErrStart},
	} {
		if !errors.Is(test.err, test.want) {
			t.Errorf("%s: error %v, want %v", name, test.err, test.want)
		}
	}
	var lib *LibraryError
	if err := open(ORT, Config{Lib: broken}); !errors.As(err, &lib) {
		t.Errorf("error %v is no LibraryError", err)
	}
	if goruntime.GOOS == "linux" {
		for _, name := range []string{"HOME", "XDG_CACHE_HOME"} {
			t.Setenv(name, "")
			os.Unsetenv(name)
		}
		if _, err := cacheFolder(); !errors.Is(err, ErrCache) {
			t.Errorf("error %v, want %v", err, ErrCache)
		}
	}
}

// The kinds are apart: no error is of two by accident.
func TestErrorsApart(t *testing.T) {
	kinds := []error{
		ErrNoRuntime, ErrOption, ErrStart, ErrBind, ErrRun, ErrClose, ErrCache, ErrRelease, ErrFetch, ErrArchive,
		ErrTooOld, ErrClosed, ErrInUse, ErrKind, ErrFormat, ErrLimit, ErrOperator, ErrNotFinite, ErrShape, ErrLimits,
	}
	for i, a := range kinds {
		for j, b := range kinds {
			if errors.Is(a, b) != (i == j) {
				t.Errorf("%v is %v: %v", a, b, i != j)
			}
		}
	}
}
