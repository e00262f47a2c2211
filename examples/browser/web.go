package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
)

const (
	webPackage = "onnxruntime-web"
	webVersion = "1.24.1"
)

// webFiles are what the page needs of the package, with their SHA-256.
var webFiles = map[string]string{
	"ort.wasm.bundle.min.mjs":     "54c6c268b1cd9308aafc9c110eb19ea65191ac0a422326b789cbbe26d589bce7",
	"ort-wasm-simd-threaded.wasm": "fd078a39438a65660fc6c9df8d42fc886b5bf2931d6dbdd8dc51a17b1221499f",
}

// errNoWeb is wrapped where onnxruntime-web cannot be had.
var errNoWeb = errors.New("onnxruntime-web cannot be fetched")

// webRuntime returns the folder, in the user's cache, with onnxruntime-web's files. If
// they are not there, npm fetches them.
func webRuntime(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNoWeb, err)
	}
	dir := filepath.Join(cache, "pixelcnn", webPackage, webVersion)
	if checkWeb(dir) == nil {
		return dir, nil
	}
	temp, err := os.MkdirTemp("", "web")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	npm := exec.CommandContext(ctx, "npm", "pack", webPackage+"@"+webVersion, "--silent", "--ignore-scripts", "--pack-destination", temp)
	npm.Dir = temp
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: npm pack: %w\n%s", errNoWeb, err, out)
	}
	if err := unpackWeb(filepath.Join(temp, webPackage+"-"+webVersion+".tgz"), temp); err != nil {
		return "", err
	}
	if err := checkWeb(temp); err != nil {
		return "", err
	}
	for name := range webFiles {
		b, err := os.ReadFile(filepath.Join(temp, name))
		if err != nil {
			return "", err
		}
		if err := write(filepath.Join(dir, name), b); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// checkWeb tells whether dir has the files, unchanged.
func checkWeb(dir string) error {
	for name, want := range webFiles {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != want {
			return fmt.Errorf("%s has SHA-256 %x, want %s", name, sum, want)
		}
	}
	return nil
}

// unpackWeb takes the files out of the package.
func unpackWeb(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("%s: %w", archive, err)
	}
	// Far more than the package unpacks to.
	for r := tar.NewReader(io.LimitReader(z, 4<<30)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", archive, err)
		}
		name := path.Base(h.Name)
		if _, wanted := webFiles[name]; !wanted || path.Dir(h.Name) != "package/dist" {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(r, 64<<20))
		if err != nil {
			return fmt.Errorf("%s: %w", archive, err)
		}
		if err := write(filepath.Join(dir, name), b); err != nil {
			return err
		}
	}
}
