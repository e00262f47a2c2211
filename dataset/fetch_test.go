package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// tinyFetcher gets the tiny set into a new folder. lines receives what it says.
func tinyFetcher(t *testing.T, mirrors ...string) (f *fetcher, lines *[]string) {
	lines = new([]string)
	return &fetcher{
		dst:     filepath.Join(t.TempDir(), "new", "folder"),
		logf:    func(format string, args ...any) { *lines = append(*lines, fmt.Sprintf(format, args...)) },
		pins:    pinsOf(tiny()),
		mirrors: mirrors,
		client:  trusting(),
	}, lines
}

// trusting is a client as Fetch's own, but that it trusts the servers of tests.
func trusting() http.Client {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	c := *s.Client()
	c.CheckRedirect = stayOnHTTPS
	return c
}

// serve serves files under their names, and whatever else has been asked for as 404.
func serve(t *testing.T, files map[string][]byte) (base string) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := files[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Write(data)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/"
}

func tinyFiles() map[string][]byte {
	files := map[string][]byte{}
	for i, data := range tiny() {
		files[idxNames[i]+".gz"] = compress(data)
	}
	return files
}

// names lists a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		out = append(out, e.Name())
	}
	return out
}

var wantNames = []string{testImages + ".gz", testLabels + ".gz", trainImages + ".gz", trainLabels + ".gz"}

func TestFetchFromMirrors(t *testing.T) {
	t.Setenv("PATH", "") // no apt-get
	broken := tinyFiles()
	broken[testImages+".gz"] = []byte("<html>moved</html>")
	first, second := serve(t, broken), serve(t, tinyFiles())
	f, said := tinyFetcher(t, first, second)
	if err := f.fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := names(t, f.dst); !slices.Equal(got, wantNames) {
		t.Errorf("got files %v, want %v", got, wantNames)
	}
	if _, fashion, err := search(t.Context(), []place{{dir: f.dst}}, f.pins); !fashion || err != nil {
		t.Errorf("what has been fetched is not found: %v", err)
	}
	// The first two files are not fetched twice.
	want := []string{
		"Fashion-MNIST: no apt-get for package dataset-fashion-mnist",
		"Fashion-MNIST: fetching " + first + trainImages + ".gz",
		"Fashion-MNIST: fetching " + first + trainLabels + ".gz",
		"Fashion-MNIST: fetching " + first + testImages + ".gz",
		"Fashion-MNIST: " + first + testImages + ".gz: dataset: bad file: t10k-images-idx3-ubyte.gz: magic number is 1013478509, want 2051 (images)",
		"Fashion-MNIST: fetching " + second + testImages + ".gz",
		"Fashion-MNIST: fetching " + second + testLabels + ".gz",
		"Fashion-MNIST: verified, in " + f.dst,
	}
	if !slices.Equal(*said, want) {
		t.Errorf("said\n%s\nwant\n%s", strings.Join(*said, "\n"), strings.Join(want, "\n"))
	}
}

// Where a file cannot be written, it does not matter where it comes from.
func TestFetchCannotStore(t *testing.T) {
	t.Setenv("PATH", "")
	base := serve(t, tinyFiles())
	f, said := tinyFetcher(t, base, base)
	blocked := filepath.Join(f.dst, trainLabels+".gz")
	write(t, filepath.Join(blocked, "file"), nil)
	err := f.fetch(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "dataset: "+base+trainLabels+".gz: cannot store Fashion-MNIST: write "+blocked+": ") {
		t.Errorf("got error %v", err)
	}
	if len(*said) != 3 { // no apt-get, two files
		t.Errorf("said %q, want no second attempt", *said)
	}
}

// What is there is not fetched again, and needs no network.
func TestFetchAgain(t *testing.T) {
	t.Setenv("PATH", "")
	f, said := tinyFetcher(t, serve(t, tinyFiles()))
	for _, want := range []string{"verified, in ", "already in "} {
		dir, err := f.ensure(t.Context(), []place{{dir: f.dst}})
		if err != nil || dir != f.dst {
			t.Fatalf("got %q, %v, want %q", dir, err, f.dst)
		}
		if last := (*said)[len(*said)-1]; last != "Fashion-MNIST: "+want+f.dst {
			t.Errorf("said %q, want %q", last, want)
		}
		f.mirrors = nil
	}
}

func TestFetchRefuses(t *testing.T) {
	t.Setenv("PATH", "")
	other := tiny()
	other[0][20]++
	tests := []struct {
		name   string
		change func(files map[string][]byte)
		want   string
	}{
		{"missing", func(f map[string][]byte) { delete(f, trainImages+".gz") }, "train-images-idx3-ubyte.gz: 404 Not Found"},
		{"truncated", func(f map[string][]byte) { f[trainImages+".gz"] = f[trainImages+".gz"][:40] }, "train-images-idx3-ubyte.gz: truncated"},
		{"other content", func(f map[string][]byte) { f[trainImages+".gz"] = compress(other[0]) }, "checksum mismatch: train-images-idx3-ubyte.gz: content has SHA-256"},
		{"endless", func(f map[string][]byte) {
			f[trainImages+".gz"] = append(slices.Clone(tiny()[0]), make([]byte, 1<<20)...)
		}, "more data than the 64 bytes"},
	}
	for _, test := range tests {
		files := tinyFiles()
		test.change(files)
		f, _ := tinyFetcher(t, serve(t, files))
		err := f.fetch(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "dataset: cannot fetch Fashion-MNIST: no apt-get for package dataset-fashion-mnist; https://") ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want %q", test.name, err, test.want)
		}
		if left := names(t, f.dst); left != nil {
			t.Errorf("%s: left %v behind", test.name, left)
		}
	}
}

func TestFetchRepairs(t *testing.T) {
	t.Setenv("PATH", "")
	f, _ := tinyFetcher(t, serve(t, tinyFiles()))
	write(t, filepath.Join(f.dst, trainLabels+".gz"), []byte("half a fi"))
	if err := f.fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := names(t, f.dst); !slices.Equal(got, wantNames) {
		t.Errorf("got files %v, want %v", got, wantNames)
	}
}

// TestFetchSpares: another data set in the folder stays, and none of this one comes beside it.
func TestFetchSpares(t *testing.T) {
	t.Setenv("PATH", "")
	f, _ := tinyFetcher(t, serve(t, tinyFiles()))
	other := compress(makeIDX(magicLabels, []uint32{3}, []byte{1, 2, 3}))
	write(t, filepath.Join(f.dst, testLabels+".gz"), other)
	err := f.fetch(t.Context())
	if !errors.Is(err, ErrChecksum) || !strings.Contains(err.Error(), "a whole file of another data set, which stays") {
		t.Errorf("got error %v", err)
	}
	if got, err := os.ReadFile(filepath.Join(f.dst, testLabels+".gz")); err != nil || !bytes.Equal(got, other) {
		t.Errorf("it was replaced, %v", err)
	}
	if got := names(t, f.dst); len(got) != 1 {
		t.Errorf("got files %v", got)
	}
}

func TestFetchCancelled(t *testing.T) {
	t.Setenv("PATH", "")
	ctx, cancel := context.WithCancel(t.Context())
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte{0x1f})
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	}))
	defer s.Close()
	f, _ := tinyFetcher(t, s.URL+"/", s.URL+"/again/")
	if err := f.fetch(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
	if left := names(t, f.dst); left != nil {
		t.Errorf("left %v behind", left)
	}
}

func TestFetchIntoUnusableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, nil)
	_, err := Fetch(t.Context(), FetchOptions{Dir: filepath.Join(file, "sub")})
	if err == nil || !strings.HasPrefix(err.Error(), "dataset: ") || !strings.Contains(err.Error(), file) {
		t.Errorf("got error %v", err)
	}
}

func TestFetchRespectsChoice(t *testing.T) {
	t.Setenv("PATH", "")
	dir := t.TempDir()
	t.Setenv("PIXELCNN_DATA", dir)
	_, err := Fetch(t.Context(), FetchOptions{})
	if err == nil || !strings.HasSuffix(err.Error(), "train-images-idx3-ubyte.gz: no such file, nor without .gz (folder set by PIXELCNN_DATA)") {
		t.Errorf("empty folder: got error %v", err)
	}
	writeSet(t, dir, tiny())
	var said []string
	got, err := Fetch(t.Context(), FetchOptions{Logf: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }})
	if want := []string{"nothing to fetch: PIXELCNN_DATA names another data set, in " + dir}; err != nil || got != dir || !slices.Equal(said, want) {
		t.Errorf("another data set: got %q, %v, said %q", got, err, said)
	}
}

// Nothing is asked of a server, nor taken from one, but over TLS. An answer that never
// ends is cut off.
func TestDownloadStaysSecure(t *testing.T) {
	t.Setenv("PATH", "")
	files := tinyFiles()
	var asked, sent atomic.Int64 // requests without TLS; bytes of the endless answer
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Write(files[strings.TrimPrefix(r.URL.Path, "/")])
	}))
	defer plain.Close()
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc // of a server with TLS; nil: none
		want    string
	}{
		{"no TLS", nil, plain.URL + "/" + trainImages + ".gz: not HTTPS"},
		{"to no TLS", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, plain.URL+r.URL.Path, http.StatusFound)
		}, plain.URL + "/" + trainImages + ".gz: not HTTPS"},
		{"round and round", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}, "10 redirects"},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil && sent.Load() < 1<<30; {
				var n int
				n, err = w.Write(make([]byte, 1<<16))
				sent.Add(int64(n))
			}
		}, "magic number is 0"},
	} {
		base := plain.URL + "/"
		if test.handler != nil {
			s := httptest.NewTLSServer(test.handler)
			defer s.Close()
			base = s.URL + "/"
		}
		f, _ := tinyFetcher(t, base)
		err := f.fetch(t.Context())
		if !errors.Is(err, ErrFetch) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want %q", test.name, err, test.want)
		}
		if left := names(t, f.dst); left != nil {
			t.Errorf("%s: left %v behind", test.name, left)
		}
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("a server without TLS was asked %d times", n)
	}
	if n := sent.Load(); n > 64<<20 {
		t.Errorf("%d bytes of an endless answer were read", n)
	}
	f, _ := tinyFetcher(t, serve(t, files))
	f.client = http.Client{CheckRedirect: stayOnHTTPS} // which trusts no server of tests
	if err := f.fetch(t.Context()); !errors.Is(err, ErrFetch) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server that nobody vouches for: got error %v", err)
	}
	for _, m := range mirrors {
		if !strings.HasPrefix(m, "https://") || !strings.HasSuffix(m, "/") {
			t.Errorf("mirror %q: want https://…/", m)
		}
	}
}

// fakeDebian puts an apt-get and a dpkg-deb on the PATH. Without lists, apt-get has to
// be told to update first.
func fakeDebian(t *testing.T, files [4][]byte, lists bool) {
	if runtime.GOOS == "windows" {
		t.Skip("shell scripts")
	}
	root := t.TempDir()
	for i, data := range files {
		write(t, filepath.Join(root, "package", systemDir, idxNames[i]+".gz"), compress(data))
	}
	if lists {
		write(t, filepath.Join(root, "updated"), nil)
	}
	script := func(name, text string) {
		path := filepath.Join(root, "bin", name)
		write(t, path, []byte("#!/bin/sh\nroot='"+root+"'\n"+text))
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	script("apt-get", `case "$*" in
*" -o Dir::State::Lists="*" update") touch "$root/updated" ;;
*" download dataset-fashion-mnist")
	if [ ! -e "$root/updated" ]; then
		echo "Reading package lists..."
		echo "E: Unable to locate package dataset-fashion-mnist" >&2
		exit 100
	fi
	echo package > dataset-fashion-mnist_1_all.deb ;;
*) echo "E: called with $*"; exit 1 ;;
esac
`)
	script("dpkg-deb", `[ "$1" = -x ] && [ -f "$2" ] && cp -R "$root/package" "$3"
`)
	t.Setenv("PATH", filepath.Join(root, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("TMPDIR", t.TempDir())
}

func TestFetchFromDebian(t *testing.T) {
	for _, lists := range []bool{true, false} {
		fakeDebian(t, tiny(), lists)
		f, said := tinyFetcher(t)
		if err := f.fetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := names(t, f.dst); !slices.Equal(got, wantNames) {
			t.Errorf("got files %v, want %v", got, wantNames)
		}
		updated := slices.ContainsFunc(*said, func(s string) bool {
			return strings.HasPrefix(s, "Fashion-MNIST: apt-get: E: Unable to locate package dataset-fashion-mnist; trying with fresh package lists: apt-get update, in ")
		})
		if updated == lists {
			t.Errorf("package lists there: %v, updated: %v: %q", lists, updated, *said)
		}
		if left := names(t, os.TempDir()); left != nil {
			t.Errorf("left %v behind", left)
		}
	}
}

func TestFetchFromDebianThenMirror(t *testing.T) {
	other := tiny()
	other[2][20]++
	fakeDebian(t, other, true)
	f, said := tinyFetcher(t, serve(t, tinyFiles()))
	if err := f.fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(*said, func(s string) bool {
		return strings.HasPrefix(s, "Fashion-MNIST: package dataset-fashion-mnist: dataset: checksum mismatch: t10k-images-idx3-ubyte.gz")
	}) {
		t.Errorf("said %q, want the checksum of the package's file to be refused", *said)
	}
}
