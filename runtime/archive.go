package runtime

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"strings"
)

// limits bound what an archive may make us read.
type limits struct {
	library int64 // bytes of the library
	archive int64 // bytes of everything before its end, decompressed
}

var defaultLimits = limits{library: 512 << 20, archive: 4 << 30}

// unpacked says what unpack has found.
type unpacked struct {
	member string // the library's name in the archive; empty for a bare library
	npm    string // name@version where the archive is an npm package
}

// unpack writes the library for goos and goarch that file is, or holds, to w.
// Only the bytes of that one member are taken: no name in an archive becomes a
// path, and links are passed over.
func unpack(ctx context.Context, w io.Writer, file string, goos, goarch string, lim limits) (unpacked, error) {
	info, err := os.Stat(file) // before opening, as that waits if it is a pipe
	if err != nil {
		return unpacked{}, err
	}
	if !info.Mode().IsRegular() {
		return unpacked{}, fmt.Errorf("%w: %s is not a file", ErrArchive, file)
	}
	f, err := os.Open(file)
	if err != nil {
		return unpacked{}, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	magic, _ := r.Peek(4) // a shorter file matches nothing
	wanted := func(name string) bool { return isLibrary(name, goos, goarch) }
	var u unpacked
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		u, err = untar(ctx, w, r, wanted, lim)
	case bytes.HasPrefix(magic, []byte("PK\x03\x04")):
		u, err = unzip(w, f, info.Size(), wanted, lim)
	case isBinary(magic):
		err = copyLibrary(w, r, info.Size(), lim)
	default:
		err = errors.New("neither a shared library nor a .tgz or .zip archive of one")
	}
	if err == nil && u.member == "" && !isBinary(magic) {
		err = fmt.Errorf("no ONNX Runtime library for %s-%s in this archive", goos, goarch)
	}
	if err != nil {
		if ctx.Err() != nil {
			return unpacked{}, ctx.Err()
		}
		return unpacked{}, fmt.Errorf("%w: %s: %w", ErrArchive, file, err)
	}
	return u, nil
}

// isBinary recognises ELF, Mach-O (also of several architectures) and PE.
func isBinary(magic []byte) bool {
	for _, m := range []string{"\x7fELF", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe", "MZ"} {
		if bytes.HasPrefix(magic, []byte(m)) {
			return true
		}
	}
	return false
}

// napiFolder is the npm package's folder of one platform.
var napiFolder = regexp.MustCompile(`/bin/napi-v\d+/([^/]+)/([^/]+)/`)

// isLibrary tells whether an archive's member is the library for a platform. The
// npm package holds those of all platforms, an official archive that of one.
func isLibrary(name, goos, goarch string) bool {
	if !libraryName(goos).MatchString(path.Base(name)) || strings.Contains(name, ".dSYM/") {
		return false
	}
	if m := napiFolder.FindStringSubmatch(name); m != nil {
		return m[1] == nodeName(goos) && m[2] == nodeName(goarch)
	}
	return true
}

// nodeName is what Node.js calls a GOOS or GOARCH.
func nodeName(name string) string {
	switch name {
	case "windows":
		return "win32"
	case "amd64":
		return "x64"
	}
	return name
}

func untar(ctx context.Context, w io.Writer, r io.Reader, wanted func(string) bool, lim limits) (u unpacked, err error) {
	gz, err := gzip.NewReader(r)
	if err != nil {
		return u, err
	}
	limited := &io.LimitedReader{R: gz, N: lim.archive}
	for tr := tar.NewReader(limited); ; {
		h, err := tr.Next()
		if err == io.EOF {
			_, err = io.Copy(io.Discard, limited) // to the checksum at the end
			return u, err
		}
		if ctx.Err() != nil {
			return u, ctx.Err()
		}
		if err != nil {
			if limited.N == 0 {
				err = fmt.Errorf("it unpacks to more than %d bytes", lim.archive)
			}
			return u, err
		}
		switch {
		case h.Typeflag != tar.TypeReg:
		case h.Name == "package/package.json":
			if u.npm, err = npmName(tr); err != nil {
				return u, err
			}
		case u.member == "" && wanted(h.Name):
			u.member = h.Name
			if err := copyLibrary(w, tr, h.Size, lim); err != nil {
				return u, fmt.Errorf("%s: %w", h.Name, err)
			}
		}
	}
}

// npmName reads an npm package's name and version.
func npmName(r io.Reader) (string, error) {
	var p struct{ Name, Version string }
	if err := json.NewDecoder(io.LimitReader(r, 1<<20)).Decode(&p); err != nil {
		return "", fmt.Errorf("package.json: %w", err)
	}
	return p.Name + "@" + p.Version, nil
}

func unzip(w io.Writer, r io.ReaderAt, size int64, wanted func(string) bool, lim limits) (u unpacked, err error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return u, err
	}
	for _, f := range z.File {
		if !f.Mode().IsRegular() || !wanted(f.Name) {
			continue
		}
		u.member = f.Name
		m, err := f.Open()
		if err != nil {
			return u, fmt.Errorf("%s: %w", f.Name, err)
		}
		defer m.Close()
		if f.UncompressedSize64 > uint64(lim.library) {
			return u, tooLarge(lim)
		}
		if err := copyLibrary(w, m, int64(f.UncompressedSize64), lim); err != nil {
			return u, fmt.Errorf("%s: %w", f.Name, err)
		}
		return u, nil
	}
	return u, nil
}

// copyLibrary copies exactly size bytes, within the limit.
func copyLibrary(w io.Writer, r io.Reader, size int64, lim limits) error {
	if size > lim.library {
		return tooLarge(lim)
	}
	n, err := io.Copy(w, io.LimitReader(r, lim.library+1))
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func tooLarge(lim limits) error {
	return fmt.Errorf("the library is larger than %d bytes", lim.library)
}
