package runtime

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// member is one entry of a test archive.
type member struct {
	name, content string
	typ           byte // of tar; 0 is a regular file
	size          int64
}

func tgz(t testing.TB, members ...member) string {
	t.Helper()
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	tw := tar.NewWriter(gz)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o755, Size: int64(len(m.content)), Typeflag: tar.TypeReg}
		if m.typ != 0 {
			h.Typeflag, h.Size, h.Linkname = m.typ, 0, m.content
			m.content = ""
		}
		if m.size != 0 {
			h.Size = m.size
		}
		if err := tw.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(m.content)); err != nil {
			t.Fatal(err)
		}
	}
	_ = tw.Close() // complains where a member is cut off on purpose
	if err := gz.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zipped(t testing.TB, members ...member) string {
	t.Helper()
	var b bytes.Buffer
	zw := zip.NewWriter(&b)
	for _, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate}
		h.SetMode(0o644)
		if m.typ == tar.TypeSymlink {
			h.SetMode(os.ModeSymlink | 0o777)
		}
		w, err := zw.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestUnpack(t *testing.T) {
	const elf = "\x7fELF library"
	npm := []member{
		{name: "package/package.json", content: `{"name":"onnxruntime-node","version":"1.24.1"}`},
		{name: "package/bin/napi-v6/linux/arm64/libonnxruntime.so.1", content: "arm64"},
		{name: "package/bin/napi-v6/linux/x64/onnxruntime_binding.node", content: "binding"},
		{name: "package/bin/napi-v6/linux/x64/libonnxruntime.so.1", content: elf},
		{name: "package/bin/napi-v6/win32/x64/onnxruntime.dll", content: "MZ"},
		{name: "package/bin/napi-v6/darwin/arm64/libonnxruntime.1.24.1.dylib", content: "macho"},
	}
	official := []member{
		{name: "./onnxruntime-linux-x64-1.30.0/lib/libonnxruntime_providers_shared.so", content: "other"},
		{name: "./onnxruntime-linux-x64-1.30.0/lib/libonnxruntime.so", content: "libonnxruntime.so.1", typ: tar.TypeSymlink},
		{name: "./onnxruntime-linux-x64-1.30.0/lib/libonnxruntime.so.1", content: "libonnxruntime.so.1.30.0", typ: tar.TypeSymlink},
		{name: "./onnxruntime-linux-x64-1.30.0/lib/libonnxruntime.so.1.30.0", content: elf},
	}
	for name, tt := range map[string]struct {
		goos, goarch, file string
		content            string
		want               unpacked
	}{
		"bare library":     {"linux", "amd64", elf, elf, unpacked{}},
		"npm linux":        {"linux", "amd64", tgz(t, npm...), elf, unpacked{npm[3].name, "onnxruntime-node@1.24.1"}},
		"npm arm64":        {"linux", "arm64", tgz(t, npm...), "arm64", unpacked{npm[1].name, "onnxruntime-node@1.24.1"}},
		"npm windows":      {"windows", "amd64", tgz(t, npm...), "MZ", unpacked{npm[4].name, "onnxruntime-node@1.24.1"}},
		"npm darwin":       {"darwin", "arm64", tgz(t, npm...), "macho", unpacked{npm[5].name, "onnxruntime-node@1.24.1"}},
		"official tgz":     {"linux", "amd64", tgz(t, official...), elf, unpacked{official[3].name, ""}},
		"official zip":     {"windows", "amd64", zipped(t, member{name: "onnxruntime-win-x64-1.30.0/lib/onnxruntime.dll", content: "MZ dll"}), "MZ dll", unpacked{"onnxruntime-win-x64-1.30.0/lib/onnxruntime.dll", ""}},
		"zip with a link":  {"linux", "amd64", zipped(t, member{name: "lib/libonnxruntime.so", content: "/etc/passwd", typ: tar.TypeSymlink}, official[3]), elf, unpacked{official[3].name, ""}},
		"debug symbols":    {"darwin", "arm64", tgz(t, member{name: "o/lib/libonnxruntime.1.30.0.dylib.dSYM/Contents/Resources/DWARF/libonnxruntime.1.30.0.dylib", content: "symbols"}, member{name: "o/lib/libonnxruntime.1.30.0.dylib", content: "lib"}), "lib", unpacked{"o/lib/libonnxruntime.1.30.0.dylib", ""}},
		"names that climb": {"linux", "amd64", tgz(t, member{name: "../../../lib/libonnxruntime.so", content: elf}), elf, unpacked{"../../../lib/libonnxruntime.so", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			file := write(t, filepath.Join(t.TempDir(), "file"), tt.file)
			var out bytes.Buffer
			got, err := unpack(context.Background(), &out, file, tt.goos, tt.goarch, defaultLimits)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want || out.String() != tt.content {
				t.Errorf("got %+v %q, want %+v %q", got, &out, tt.want, tt.content)
			}
		})
	}
}

func TestUnpackRefuses(t *testing.T) {
	lim := limits{library: 1000, archive: 20000}
	lib := "lib/libonnxruntime.so"
	whole := tgz(t, member{name: lib, content: "abc"})
	for name, tt := range map[string]struct{ file, want string }{
		"text":                 {"some text", "neither a shared library nor"},
		"empty":                {"", "neither a shared library nor"},
		"no library":           {tgz(t, member{name: "lib/libother.so", content: "abc"}), "no ONNX Runtime library for linux-amd64"},
		"link only":            {tgz(t, member{name: lib, content: "/etc/passwd", typ: tar.TypeSymlink}), "no ONNX Runtime library"},
		"hard link":            {tgz(t, member{name: lib, content: "/etc/passwd", typ: tar.TypeLink}), "no ONNX Runtime library"},
		"zip without":          {zipped(t, member{name: "readme", content: "abc"}), "no ONNX Runtime library"},
		"another platform's":   {tgz(t, member{name: "package/bin/napi-v6/linux/arm64/libonnxruntime.so.1", content: "abc"}), "no ONNX Runtime library"},
		"large":                {tgz(t, member{name: lib, content: strings.Repeat("x", 1001)}), "larger than 1000 bytes"},
		"large in a zip":       {zipped(t, member{name: lib, content: strings.Repeat("x", 1001)}), "larger than 1000 bytes"},
		"large by itself":      {"\x7fELF" + strings.Repeat("x", 1000), "larger than 1000 bytes"},
		"unpacks without end":  {tgz(t, member{name: "zeros", content: strings.Repeat("\x00", 30000)}, member{name: lib, content: "abc"}), "unpacks to more than 20000 bytes"},
		"cut off":              {tgz(t, member{name: lib, content: "abc", size: 900}), "unexpected EOF"},
		"cut off gzip":         {whole[:len(whole)-12], "EOF"},
		"broken package.json":  {tgz(t, member{name: "package/package.json", content: "{"}), "package.json"},
		"gzip of something":    {"\x1f\x8b and nothing of the kind", "gzip"},
		"zip of something":     {"PK\x03\x04 and nothing of the kind", "zip"},
		"cut off within magic": {"\x7fE", "neither a shared library nor"},
	} {
		t.Run(name, func(t *testing.T) {
			file := write(t, filepath.Join(t.TempDir(), "file"), tt.file)
			var out bytes.Buffer
			_, err := unpack(context.Background(), &out, file, "linux", "amd64", lim)
			wantMessage(t, err, file, tt.want)
		})
	}
	if _, err := unpack(context.Background(), &bytes.Buffer{}, t.TempDir(), "linux", "amd64", lim); err == nil {
		t.Error("a folder was taken for a library")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	file := write(t, filepath.Join(t.TempDir(), "file"), whole)
	if _, err := unpack(ctx, &bytes.Buffer{}, file, "linux", "amd64", lim); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

// Whatever the bytes, no more than the limit is written, and success means that a
// library was named or the file looks like one.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte("\x7fELF library"))
	f.Add([]byte(tgz(f, member{name: "a/lib/libonnxruntime.so.1.30.0", content: "library"})))
	f.Add([]byte(zipped(f, member{name: "a/lib/libonnxruntime.so", content: "library"})))
	lim := limits{library: 1000, archive: 20000}
	file := filepath.Join(f.TempDir(), "file")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		got, err := unpack(context.Background(), &out, file, "linux", "amd64", lim)
		if int64(out.Len()) > lim.library+1 {
			t.Errorf("%d bytes were written", out.Len())
		}
		if err == nil && got.member == "" && !bytes.Equal(out.Bytes(), content) {
			t.Errorf("success with %q", &out)
		}
	})
}
