package onnx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrExternal is wrapped by every [*ExternalError].
var ErrExternal = errors.New("onnx: external data")

// ExternalError is a tensor whose elements the model keeps in another file, and why they
// could not be had from there. It wraps [ErrFormat] as well.
type ExternalError struct {
	Tensor string
	File   string // as the model names it
	Err    error  // [ErrBytes] where there is no folder to look in
}

func (e *ExternalError) Error() string {
	return fmt.Sprintf("%v: the elements of %q are in the file %q beside the model: %v", ErrExternal, e.Tensor, e.File, e.Err)
}

// Unwrap makes errors.Is find [ErrExternal] and what went wrong.
func (e *ExternalError) Unwrap() []error { return []error{ErrExternal, ErrFormat, e.Err} }

// ErrBytes is the reason in an [*ExternalError] of [Unmarshal], which has no folder to look in.
var ErrBytes = errors.New("a model that is given as bytes has no files beside it; open it by its path")

// ReadFile reads a model by the path of its file, as [UnmarshalWithin] reads its bytes, with the
// tensors that it keeps in other files: external data, which PyTorch writes by default. Those must
// be regular files of the same folder; a link must not lead out of it. All that is read counts
// towards Limits.FileBytes. The model file itself may be a pipe.
func ReadFile(path string, l Limits) (*Model, error) {
	l, err := l.WithDefaults()
	if err != nil {
		return nil, err
	}
	b, beside, err := openFile(path, l)
	if err != nil {
		return nil, err
	}
	defer beside.close()
	m, err := unmarshal(b, l, beside)
	if err != nil {
		return nil, err
	}
	m.beside = slices.Sorted(maps.Keys(beside.files))
	return m, nil
}

// openFile reads the bytes of a model file, and opens its folder. If the file is too long, it reads
// just enough for that to be noticed.
func openFile(path string, l Limits) ([]byte, *dataFolder, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, l.FileBytes+1))
	if err != nil {
		return nil, nil, err
	}
	return b, &dataFolder{path: filepath.Dir(path)}, nil
}

// dataFolder is where the files are that a model names.
type dataFolder struct {
	path  string
	root  *os.Root // opened at the first use
	files map[string]*os.File
}

func (f *dataFolder) close() {
	for _, file := range f.files {
		file.Close()
	}
	if f.root != nil {
		f.root.Close()
	}
}

// open opens a file of the folder, once.
func (f *dataFolder) open(name string) (*os.File, error) {
	name = strings.TrimPrefix(name, "./")
	if file := f.files[name]; file != nil {
		return file, nil
	}
	if name == "." || strings.ContainsAny(name, `/\:`) || !filepath.IsLocal(name) {
		return nil, errors.New("it must be a plain name, of a file in the model's folder")
	}
	if f.root == nil {
		var err error
		if f.root, err = os.OpenRoot(f.path); err != nil {
			return nil, err
		}
		f.files = map[string]*os.File{}
	}
	// Opening a pipe would wait for its writer.
	info, err := f.root.Stat(name)
	if err != nil {
		if link, e := f.root.Lstat(name); e == nil && link.Mode()&fs.ModeSymlink != 0 {
			return nil, fmt.Errorf("it is a link that leads out of the model's folder, or nowhere: %w", reason(err))
		}
		return nil, reason(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	file, err := f.root.Open(name)
	if err != nil {
		return nil, reason(err)
	}
	f.files[name] = file
	return file, nil
}

// reason drops the name from the error of a file operation.
func reason(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// external tells where the elements of a tensor are.
type external struct {
	file           string
	offset, length int64 // a length of -1 means that of the shape
}

// entry reads one of the pairs of texts that tell where the elements are.
func (e *external) entry(b []byte) error {
	var key, value string
	err := fields(b, func(f field) error {
		switch f.num {
		case 1:
			key = f.str()
		case 2:
			value = f.str()
		}
		return nil
	})
	if err != nil {
		return err
	}
	to := &e.offset
	switch key {
	case "location":
		if e.file != "" {
			return malformed("a tensor is in two files, %q and %q", e.file, value)
		}
		e.file = value
		return nil
	case "length":
		to = &e.length
	case "offset":
	default:
		return nil // a checksum, notes of ONNX Runtime's
	}
	if *to, err = strconv.ParseInt(value, 10, 64); err != nil || *to < 0 {
		return malformed("a tensor in another file has the %s %q, must be a number of bytes", key, value)
	}
	return nil
}

// load reads the elements of a tensor, size bytes, from the file where they are.
func (d *decoder) load(c content, size int64) (raw []byte, err error) {
	e := c.external
	defer func() {
		if le := (*LimitError)(nil); err != nil && !errors.As(err, &le) {
			err = &ExternalError{c.name, e.file, err}
		}
	}()
	if d.beside == nil {
		return nil, ErrBytes
	}
	f, err := d.beside.open(e.file)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, reason(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	length := e.length
	if length < 0 {
		length = size
	}
	switch {
	case length != size:
		return nil, fmt.Errorf("%d bytes there, and %d for shape %v of type %v", length, size, c.shape, c.dtype)
	case e.offset > info.Size() || length > info.Size()-e.offset:
		return nil, fmt.Errorf("%d bytes from byte %d on, and the file has %d", length, e.offset, info.Size())
	}
	if d.read += size; d.read > d.limits.FileBytes {
		return nil, &LimitError{"FileBytes", "the bytes of the file and of those beside it", d.read, d.limits.FileBytes}
	}
	raw = make([]byte, size)
	if _, err := f.ReadAt(raw, e.offset); err != nil {
		return nil, reason(err)
	}
	return raw, nil
}
