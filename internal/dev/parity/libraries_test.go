package parity

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	goruntime "runtime"

	"pixelcnn/runtime"
)

// library is a runtime: ONNX Runtime's version and the folder of its library, or the one
// in Go, where both are empty.
type library struct{ Version, Folder string }

func (l library) name() string {
	if l.Folder == "" {
		return "Go"
	}
	return "ONNX Runtime " + l.Version
}

// folder is where the libraries of versions are kept: that of the first release is in
// everyday use, the others' is a place where nothing else finds them.
func folder(version string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	if version == runtime.Releases()[0] {
		return filepath.Join(cache, "pixelcnn", "onnxruntime"), nil
	}
	return filepath.Join(cache, "pixelcnn", "parity"), nil
}

// fetch installs the libraries that are not here.
func fetch(ctx context.Context) error {
	for _, version := range runtime.Releases() {
		dir, err := folder(version)
		if err != nil {
			return err
		}
		if _, err := runtime.Install(ctx, runtime.InstallOptions{Version: version, Folder: dir, Log: log.Printf}); err != nil {
			return fmt.Errorf("ONNX Runtime %s: %w", version, err)
		}
	}
	return nil
}

// libraries lists the runtimes that are here, the one in Go first, and the versions of
// ONNX Runtime that are not.
func libraries() (libs []library, missing []string) {
	libs = []library{{}}
	for _, version := range runtime.Releases() {
		dir, err := folder(version)
		if err == nil {
			dir = filepath.Join(dir, version, goruntime.GOOS+"-"+goruntime.GOARCH)
			_, err = os.Stat(dir)
		}
		if err != nil {
			missing = append(missing, version)
			continue
		}
		libs = append(libs, library{version, dir})
	}
	return libs, missing
}

// models lists the files to draw from: the reference model, PyTorch's and those that
// come with the project. root is the repository's.
func models(root string) ([]string, error) {
	files := []string{filepath.Join(root, "examples", "embed", "pixelcnn.onnx")}
	for _, dir := range []string{filepath.Join(root, "sampler", "testdata", "foreign"), filepath.Join(root, "models", "pretrained")} {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if filepath.Ext(path) == ".onnx" {
				files = append(files, path)
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return files, nil
}
