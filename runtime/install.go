package runtime

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"time"
)

// InstallOptions say where [Install] gets the library from. The zero value fetches
// it with npm.
type InstallOptions struct {
	// From is the library itself, or an archive that holds it: an official release
	// (.tgz or .zip), or the npm package. Nothing is fetched then.
	From string
	// Version is the release to install, one of [Releases]; empty means the first.
	Version string
	// Folder is where libraries are put, each version in a folder of its own; empty means
	// the user's cache folder, which is the only one where [Locate] looks.
	Folder string
	// Log, where not nil, is told what is fetched, from where, and what came of it,
	// a line each.
	Log func(format string, args ...any)
}

// Install puts ONNX Runtime's library into the user's cache folder, where [Locate]
// finds it, and returns its path. Where it is there already, it does nothing and
// needs no network.
//
// It runs "npm pack" for a release of onnxruntime-node and takes the library of
// this platform out of it, whose SHA-256 must be the one recorded here
// ([*ChecksumError]). With From it takes what it is given: the npm package of that
// version is checked alike; of any other file the SHA-256 is logged, and the
// library is opened to see that it runs here and is not too old ([ErrTooOld]), for
// which the build needs cgo ([ErrNoCgo]).
//
// A file appears under its name only when it is complete and checked. Installing
// twice at once is safe.
func Install(ctx context.Context, opt InstallOptions) (string, error) {
	folder := opt.Folder
	if folder == "" {
		var err error
		if folder, err = cacheFolder(); err != nil {
			return "", err
		}
	}
	rel, err := findRelease(opt.Version)
	if err != nil {
		return "", err
	}
	in := installer{rel, goruntime.GOOS, goruntime.GOARCH, folder, defaultLimits, opt.Log}
	if in.log == nil {
		in.log = func(string, ...any) {}
	}
	var path string
	if opt.From != "" {
		path, err = in.from(ctx, opt.From, false)
	} else {
		path, err = in.fetch(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("runtime: installing ONNX Runtime: %w", err)
	}
	return path, nil
}

// installer is one call of [Install].
type installer struct {
	release
	goos, goarch string
	cache        string
	limits       limits
	log          func(format string, args ...any)
}

func (in *installer) target() string { return in.goos + "-" + in.goarch }

// place is where a version's library goes.
func (in *installer) place(version string) string {
	return filepath.Join(in.cache, version, in.target(), installedName(in.goos))
}

// fetch installs the release by npm.
func (in *installer) fetch(ctx context.Context) (string, error) {
	want, ok := in.files[in.target()]
	if !ok {
		return "", fmt.Errorf("%w: %s@%s has no library for %s; give an official release archive: %s --from FILE",
			ErrRelease, in.npm, in.version, in.target(), installHint)
	}
	dest := in.place(in.version)
	switch sum, err := fileSum(dest); {
	case err == nil && sum == want.sha256:
		in.log("already installed: %s", dest)
		return dest, nil
	case err == nil:
		in.log("%s is not the file that belongs there: replacing it", dest)
	}
	dir, err := os.MkdirTemp("", "onnxruntime-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	archive, err := in.pack(ctx, dir)
	if err != nil {
		return "", err
	}
	return in.from(ctx, archive, true)
}

// pack has npm put the package into dir.
func (in *installer) pack(ctx context.Context, dir string) (string, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", fmt.Errorf("%w: npm was not found: install it, or give a file that was fetched elsewhere "+
			"(the %s@%s package or an official release archive): %s --from FILE", ErrFetch, in.npm, in.version, installHint)
	}
	spec := in.npm + "@" + in.version
	registry, err := runNPM(ctx, npm, dir, "config", "get", "registry")
	if err != nil {
		return "", err
	}
	in.log("fetching %s (%s) by npm pack from %s", spec, in.size, registry)
	// A stalled connection is tried again after a minute; npm would wait for five.
	if _, err := runNPM(ctx, npm, dir, "pack", spec, "--ignore-scripts", "--fetch-timeout=60000"); err != nil {
		return "", err
	}
	archive := filepath.Join(dir, in.npm+"-"+in.version+".tgz")
	if _, err := os.Stat(archive); err != nil {
		return "", fmt.Errorf("%w: npm pack left no %s", ErrFetch, filepath.Base(archive))
	}
	return archive, nil
}

// runNPM returns npm's standard output.
func runNPM(ctx context.Context, npm, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, npm, args...)
	cmd.Dir = dir
	cmd.WaitDelay = time.Second // a child of npm may keep its pipes open
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("%w: npm %s: %w: %s", ErrFetch, args[0], err, strings.Join(strings.Fields(errs.String()), " "))
	}
	return strings.TrimSpace(out.String()), nil
}

// from installs what file is or holds. Where it must be pinned, its SHA-256 is known and
// decides; nothing in a file that was fetched can change that.
func (in *installer) from(ctx context.Context, file string, pinned bool) (string, error) {
	if err := os.MkdirAll(in.cache, 0o755); err != nil {
		return "", err
	}
	staged, err := os.CreateTemp(in.cache, ".new-*-"+installedName(in.goos))
	if err != nil {
		return "", err
	}
	defer os.Remove(staged.Name()) // fails once it has been renamed
	defer staged.Close()
	hash := sha256.New()
	found, err := unpack(ctx, io.MultiWriter(staged, hash), file, in.goos, in.goarch, in.limits)
	if err != nil {
		return "", err
	}
	if err := errors.Join(staged.Chmod(0o755), staged.Sync(), staged.Close()); err != nil {
		return "", err
	}
	sum := hex.EncodeToString(hash.Sum(nil))
	if found.member != "" {
		in.log("%s holds %s", file, found.member)
	}
	version, err := in.check(found, sum, staged.Name(), pinned)
	if err != nil {
		return "", err
	}
	return in.put(staged.Name(), in.place(version), sum)
}

// check returns the version of a library that may be installed.
func (in *installer) check(found unpacked, sum, path string, pinned bool) (string, error) {
	want, known := in.files[in.target()]
	if known && sum == want.sha256 {
		in.log("SHA-256 %s, as it should be for version %s", sum, in.version)
		return in.version, nil
	}
	if pinned || known && found.npm == in.npm+"@"+in.version {
		return "", &ChecksumError{found.member, want.sha256, sum}
	}
	version, err := libraryVersion(path)
	if err != nil {
		return "", err
	}
	if version, err = checkVersion(version); err != nil {
		return "", err
	}
	in.log("SHA-256 %s, version %s: no checksum is recorded for this file", sum, version)
	return version, nil
}

// put moves a complete file to its place.
func (in *installer) put(staged, dest, sum string) (string, error) {
	if have, err := fileSum(dest); err == nil && have == sum {
		in.log("already installed: %s", dest)
		return dest, nil
	}
	dir := filepath.Dir(dest)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := os.Rename(staged, dest); err != nil {
		return "", err
	}
	if err := syncFolder(dir); err != nil {
		return "", err
	}
	in.log("installed: %s", dest)
	return dest, nil
}

// syncFolder makes a rename survive a crash. Windows has no such call.
func syncFolder(dir string) error {
	if goruntime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// fileSum is a file's SHA-256.
func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
