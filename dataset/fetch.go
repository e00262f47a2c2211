package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pixelcnn/internal/atomicfile"
)

// mirrors are upstream's own copies; a file's name with .gz is to be appended.
var mirrors = []string{
	"https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
	"https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
}

// downloadTimeout is the time after which the download of a file counts as stalled.
const downloadTimeout = 10 * time.Minute

var errStore = errors.New("cannot store Fashion-MNIST")

// ErrFetch is wrapped by [Fetch]'s error where none of the places gave the files.
var ErrFetch = errors.New("dataset: cannot fetch Fashion-MNIST")

// errNotHTTPS is wrapped where a download would not be over TLS.
var errNotHTTPS = errors.New("not HTTPS")

// FetchOptions says where [Fetch] puts the data. The zero value is useful.
type FetchOptions struct {
	// Dir is the folder to fill. Default: the one in the user's cache folder where
	// [Load] looks; nothing is fetched then if Load finds the data anyway.
	Dir string
	// Logf, where not nil, is told line by line what is fetched and from where.
	Logf func(format string, args ...any)
}

// Fetch gets Fashion-MNIST, 31 MB, unless it is there already, and returns its folder.
// It tries Debian's package dataset-fashion-mnist, by apt-get and dpkg-deb where they
// exist (no root needed, nothing is installed), then upstream's mirrors over HTTPS.
// Every file is checked before it gets its name, so a Fetch that fails or is
// interrupted leaves no broken file, and the next one keeps what is right.
func Fetch(ctx context.Context, opt FetchOptions) (dir string, err error) {
	f := fetcher{dst: opt.Dir, logf: opt.Logf, pins: fashionPins, mirrors: mirrors, client: http.Client{CheckRedirect: stayOnHTTPS}}
	if f.logf == nil {
		f.logf = func(string, ...any) {}
	}
	if opt.Dir == "" {
		return f.ensure(ctx, places(""))
	}
	return f.ensure(ctx, []place{{dir: opt.Dir}})
}

// fetcher gets the files of the pins.
type fetcher struct {
	dst     string // the folder to fill; "" for the cache's
	logf    func(format string, args ...any)
	pins    [4]pin
	mirrors []string
	client  http.Client
}

// ensure fetches unless one of the places has the data.
func (f *fetcher) ensure(ctx context.Context, have []place) (dir string, err error) {
	switch found, fashion, err := search(ctx, have, f.pins); {
	case err == nil && !fashion:
		f.logf("nothing to fetch: %s names another data set, in %s", dataEnv, found.dir)
		return found.dir, nil
	case err == nil:
		f.logf("Fashion-MNIST: already in %s", found.dir)
		return found.dir, nil
	case !errors.Is(err, ErrNotFound):
		return "", err
	}
	if f.dst == "" {
		if f.dst, err = cacheDir(); err != nil {
			return "", fmt.Errorf("dataset: %w", err)
		}
	}
	if err := f.fetch(ctx); err != nil {
		return "", err
	}
	return f.dst, nil
}

func (f *fetcher) fetch(ctx context.Context) error {
	if err := os.MkdirAll(f.dst, 0o755); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	for i, name := range idxNames {
		path := filepath.Join(f.dst, name+".gz")
		if err := f.have(i, path); errors.Is(err, ErrChecksum) {
			return fmt.Errorf("%w, a whole file of another data set, which stays: name another folder, or take it away", err)
		}
	}
	ways := []func() error{func() error { return f.fromDebian(ctx) }}
	for _, base := range f.mirrors {
		ways = append(ways, func() error { return f.fromMirror(ctx, base) })
	}
	var reasons []string
	for _, way := range ways {
		err := way()
		if err == nil {
			f.logf("Fashion-MNIST: verified, in %s", f.dst)
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("dataset: fetching Fashion-MNIST: %w", ctx.Err())
		}
		if errors.Is(err, errStore) { // it would fail for every source
			return fmt.Errorf("dataset: %w", err)
		}
		f.logf("Fashion-MNIST: %v", err)
		reasons = append(reasons, err.Error())
	}
	return fmt.Errorf("%w: %s", ErrFetch, strings.Join(reasons, "; "))
}

func (f *fetcher) fromMirror(ctx context.Context, base string) error {
	for i, name := range idxNames {
		url := base + name + ".gz"
		err := f.store(i, func(w io.Writer) error {
			f.logf("Fashion-MNIST: fetching %s", url)
			return f.download(ctx, w, url, f.pins[i].size)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", url, err)
		}
	}
	return nil
}

func stayOnHTTPS(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("10 redirects")
	}
	return onHTTPS(req)
}

func onHTTPS(req *http.Request) error {
	if req.URL.Scheme != "https" {
		return fmt.Errorf("%s: %w", req.URL.Redacted(), errNotHTTPS)
	}
	return nil
}

// download copies a file whose content has size bytes. Compression makes that longer by less than
// 64 KiB; what is over that is not read.
func (f *fetcher) download(ctx context.Context, w io.Writer, url string, size int64) error {
	ctx, cancel := context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if err := onHTTPS(req); err != nil {
		return err
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return errors.Unwrap(err) // a *url.Error, whose URL the caller adds
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	_, err = io.Copy(w, io.LimitReader(resp.Body, size+1<<16))
	return err
}

// store makes file i of dst from what get writes, if that is the right content. It does nothing if
// the right file is there.
func (f *fetcher) store(i int, get func(io.Writer) error) error {
	name := idxNames[i] + ".gz"
	path := filepath.Join(f.dst, name)
	if f.have(i, path) == nil {
		return nil
	}
	var file bytes.Buffer
	if err := get(&file); err != nil {
		return err
	}
	if err := f.verify(i, bytes.NewReader(file.Bytes())); err != nil {
		return err
	}
	err := atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(file.Bytes())
		return err
	})
	if err != nil {
		return fmt.Errorf("%w: %w", errStore, err)
	}
	return nil
}

// have reports whether the file at path is there and is what file i must be.
func (f *fetcher) have(i int, path string) error {
	r, err := os.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	return f.verify(i, r)
}

// verify reports whether r has the content that file i must have.
func (f *fetcher) verify(i int, r io.Reader) error {
	name := idxNames[i] + ".gz"
	content, err := readIDX(r, name, idxMagic(i))
	if err != nil {
		return err
	}
	return f.pins[i].check(content, name)
}
