package runtime

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"slices"
	"strings"
)

// Locate returns the absolute path of the library that [Open] would load.
//
// explicit, where not empty, is the library or a folder that holds it; a failure
// names the flag --ort-lib. Otherwise these are looked at in turn, each a file or a
// folder: the environment variables PIXELCNN_ORT_LIB,
// ONNXRUNTIME_SHARED_LIBRARY_PATH and ORT_DYLIB_PATH; the executable's folder and
// its ../lib; what [Install] has put into the user's cache folder, newest version
// first; the folders where systems and Homebrew keep libraries.
//
// explicit and the variables are never skipped: the first that is set decides, and
// where it does not name a usable library the error is a [*LibraryError]. Unusable
// libraries in the other places are skipped; if nothing is left the error is a
// [*NotFoundError], which wraps [ErrNoRuntime].
//
// A build without cgo cannot look into libraries and takes the first file whose
// name fits.
func Locate(explicit string) (string, error) {
	return newSearch().find(explicit, usable)
}

// settings are the environment variables that name a library; the latter two are
// those of other programs.
var settings = []string{"PIXELCNN_ORT_LIB", "ONNXRUNTIME_SHARED_LIBRARY_PATH", "ORT_DYLIB_PATH"}

// search is where libraries are looked for.
type search struct {
	goos   string
	getenv func(string) string
	exe    string // the executable's folder; empty where unknown
	cache  string // holds VERSION/OS-ARCH/LIBRARY; empty where unknown
	target string // OS-ARCH
	system []string
}

func newSearch() *search {
	s := &search{
		goos:   goruntime.GOOS,
		getenv: os.Getenv,
		target: goruntime.GOOS + "-" + goruntime.GOARCH,
		system: systemFolders(goruntime.GOOS, goruntime.GOARCH),
	}
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		s.exe = filepath.Dir(exe)
	}
	s.cache, _ = cacheFolder()
	return s
}

// cacheFolder is where [Install] puts libraries.
func cacheFolder() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrCache, err)
	}
	return filepath.Join(dir, "pixelcnn", "onnxruntime"), nil
}

// systemFolders leaves out Windows' own: the onnxruntime.dll in there is part of
// Windows, and usually an old one.
func systemFolders(goos, goarch string) []string {
	switch goos {
	case "linux":
		triplet := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[goarch]
		dirs := []string{"/home/linuxbrew/.linuxbrew/lib", "/usr/lib", "/usr/lib64", "/usr/local/lib"}
		if triplet != "" {
			dirs = slices.Insert(dirs, 1, "/usr/lib/"+triplet)
		}
		return dirs
	case "darwin":
		return []string{"/opt/homebrew/lib", "/usr/local/lib", "/usr/lib"}
	}
	return nil
}

// named tells whether explicit or a setting names a library.
func (s *search) named(explicit string) bool {
	return explicit != "" || slices.ContainsFunc(settings, func(name string) bool { return s.getenv(name) != "" })
}

// find returns the first library that check takes.
func (s *search) find(explicit string, check func(path string) error) (string, error) {
	if explicit != "" {
		return s.must("--ort-lib", explicit, check)
	}
	miss := &NotFoundError{}
	for _, name := range settings {
		if path := s.getenv(name); path != "" {
			return s.must(name, path, check)
		}
		miss.Tried = append(miss.Tried, Attempt{name, "", errors.New("not set")})
	}
	for _, p := range s.places() {
		if p.Err == nil {
			var lib string
			if lib, p.Err = s.take(p.Path, check); p.Err == nil {
				return lib, nil
			}
		}
		miss.Tried = append(miss.Tried, p)
	}
	return "", miss
}

// places are the folders that are searched where nothing names a library.
func (s *search) places() []Attempt {
	var out []Attempt
	if s.exe != "" {
		out = append(out,
			Attempt{Place: "beside the executable", Path: s.exe},
			Attempt{Place: "beside the executable", Path: filepath.Join(s.exe, "..", "lib")})
	}
	switch installed := s.installed(); {
	case s.cache == "":
		out = append(out, Attempt{"cache folder", "", errors.New("the system names none")})
	case len(installed) == 0:
		out = append(out, Attempt{"cache folder", s.cache, errors.New("nothing is installed there")})
	default:
		for _, dir := range installed {
			out = append(out, Attempt{Place: "cache folder", Path: dir})
		}
	}
	for _, dir := range s.system {
		out = append(out, Attempt{Place: "system folder", Path: dir})
	}
	return out
}

// installed lists the cache's folders for this system, newest version first.
func (s *search) installed() []string {
	if s.cache == "" {
		return nil
	}
	entries, err := os.ReadDir(s.cache)
	if err != nil {
		return nil
	}
	var dirs []string
	for _, e := range entries {
		dir := filepath.Join(s.cache, e.Name(), s.target)
		if _, ok := parseVersion(e.Name()); !ok {
			continue
		}
		if _, err := os.Stat(dir); err == nil {
			dirs = append(dirs, dir)
		}
	}
	slices.SortFunc(dirs, func(a, b string) int {
		va, _ := parseVersion(filepath.Base(filepath.Dir(a)))
		vb, _ := parseVersion(filepath.Base(filepath.Dir(b)))
		return cmp.Or(compareVersions(vb, va), cmp.Compare(a, b))
	})
	return dirs
}

// must is take where a setting leaves no other choice.
func (s *search) must(setting, path string, check func(string) error) (string, error) {
	lib, err := s.take(path, check)
	if err != nil {
		return "", &LibraryError{setting, path, err}
	}
	return lib, nil
}

// take resolves a file or folder to the absolute path of a library that check takes.
func (s *search) take(path string, check func(string) error) (string, error) {
	path, err := filepath.Abs(path) // a bare name would be looked up elsewhere
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", reason(err)
	}
	if info.IsDir() {
		if path, err = inFolder(s.goos, path); err != nil {
			return "", err
		}
	} else if !info.Mode().IsRegular() {
		return "", errors.New("neither a file nor a folder")
	}
	return path, check(path)
}

// reason leaves out the path that the message around it gives already.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// libraryNames match the library's file name, by GOOS. The submatch is the version.
var libraryNames = map[string]*regexp.Regexp{
	"linux":   regexp.MustCompile(`^libonnxruntime\.so((?:\.\d+)*)$`),
	"darwin":  regexp.MustCompile(`^libonnxruntime((?:\.\d+)*)\.dylib$`),
	"windows": regexp.MustCompile(`^onnxruntime()\.dll$`),
}

func libraryName(goos string) *regexp.Regexp {
	if re := libraryNames[goos]; re != nil {
		return re
	}
	return libraryNames["linux"] // the BSDs name theirs alike
}

// inFolder returns the library in dir: the name with the fewest version numbers,
// and of these the newest.
func inFolder(goos, dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", reason(err)
	}
	type found struct {
		path    string
		numbers int
		version [3]int
	}
	var libs []found
	for _, e := range entries {
		m := libraryName(goos).FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			v, _ := parseVersion(strings.TrimPrefix(m[1], "."))
			libs = append(libs, found{path, strings.Count(m[1], "."), v})
		}
	}
	if len(libs) == 0 {
		return "", fmt.Errorf("the folder holds no %s", installedName(goos))
	}
	return slices.MinFunc(libs, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.numbers, b.numbers), compareVersions(b.version, a.version))
	}).path, nil
}

// installedName is the name under which [Install] puts the library into a folder.
func installedName(goos string) string {
	switch goos {
	case "darwin":
		return "libonnxruntime.dylib"
	case "windows":
		return "onnxruntime.dll"
	}
	return "libonnxruntime.so"
}
