// Package pretrained holds trained models: the ONNX files of this folder, which the
// trainer wrote. A file says itself how it was made; see its metadata, or
//
//	sampler inspect --model @pixelcnn
//
// [Default] is the one for those who want pictures and have no wishes.
package pretrained

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
)

//go:embed *.onnx
var files embed.FS

const ending = ".onnx"

// ErrName is wrapped by [Read]'s error where there is no model of that name.
var ErrName = errors.New("pretrained: no model")

// Names lists the models, in alphabetical order: a file's name without its ending.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil // the folder is embedded, so it can be read
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ending))
	}
	return names
}

// Read returns a model's file, a copy of its own. The error lists the names that there are.
func Read(name string) ([]byte, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("%w is named %q; there is %q", ErrName, name, Names())
	}
	b, err := files.ReadFile(name + ending)
	if err != nil {
		return nil, fmt.Errorf("pretrained: %w", err)
	}
	return b, nil
}

// preferred are the models from which [Default] chooses, the best one first.
var preferred = []string{"gated", "pixelcnn"}

// DefaultName is the name of the model that [Default] returns.
func DefaultName() string {
	names := Names()
	for _, name := range preferred {
		if slices.Contains(names, name) {
			return name
		}
	}
	return names[0] // there is at least one, or the package would not build
}

// Default returns the file of the best model.
func Default() []byte {
	b, _ := Read(DefaultName()) // it is there
	return b
}
