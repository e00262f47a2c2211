package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"pixelcnn/internal/page"
	"pixelcnn/internal/signature/encoding"
	"pixelcnn/models/pretrained"
	"pixelcnn/sampler"
)

//go:embed page
var own embed.FS

// model is what the page is told of one.
type model struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	File    string   `json:"file"`
	Height  int      `json:"height"`
	Width   int      `json:"width"`
	Levels  int      `json:"levels"`
	Greys   []int    `json:"greys"` // that show the levels, 0 to 255
	Classes []string `json:"classes"`
	Wave    []int    `json:"wave"` // the step in which each pixel is drawn, [H·W]
}

// assemble writes the page into dir: its own files, onnxruntime-web from web, and the
// models, by name, each as a one-file sampler.
func assemble(dir, web string, models map[string][]byte, order []string) error {
	static, err := fs.Sub(own, "page")
	if err != nil {
		return err
	}
	for _, from := range []struct {
		to    string
		files fs.FS
	}{{"", page.Files}, {"", static}, {"ort", os.DirFS(web)}} {
		if err := copyAll(filepath.Join(dir, from.to), from.files); err != nil {
			return err
		}
	}
	var list []model
	for _, name := range order {
		m, file, err := compile(name, models[name])
		if err != nil {
			return err
		}
		list = append(list, m)
		if err := write(filepath.Join(dir, m.File), file); err != nil {
			return err
		}
	}
	b, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return write(filepath.Join(dir, "models.json"), b)
}

func compile(name string, file []byte) (model, []byte, error) {
	m, err := sampler.Read(file, sampler.Config{})
	if err != nil {
		return model{}, nil, fmt.Errorf("%s: %w", name, err)
	}
	one, err := m.OneFile(true)
	if err != nil {
		return model{}, nil, fmt.Errorf("%s: %w", name, err)
	}
	plan, err := m.Plan()
	if err != nil {
		return model{}, nil, fmt.Errorf("%s: %w", name, err)
	}
	greys := make([]int, m.Levels)
	for level := range greys {
		greys[level] = encoding.Shade(level, m.Levels, 256)
	}
	title := fmt.Sprintf("%s, %d × %d, %d greys", name, m.Width, m.Height, m.Levels)
	return model{
		Name: name, Title: title, File: "models/" + name + ".sampler.onnx",
		Height: m.Height, Width: m.Width, Levels: m.Levels, Greys: greys, Classes: m.Classes, Wave: plan.Wave,
	}, one, nil
}

// load reads the models that are named: files, or those that come with this project.
func load(names []string) (models map[string][]byte, order []string, err error) {
	models = map[string][]byte{}
	for _, name := range names {
		var b []byte
		if strings.HasSuffix(name, ".onnx") {
			b, err = os.ReadFile(name)
			name = strings.TrimSuffix(filepath.Base(name), ".onnx")
		} else {
			b, err = pretrained.Read(name)
		}
		if err != nil {
			return nil, nil, err
		}
		models[name], order = b, append(order, name)
	}
	return models, order, nil
}

// copyAll copies the files at the top of a folder.
func copyAll(dir string, from fs.FS) error {
	entries, err := fs.ReadDir(from, ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		b, err := fs.ReadFile(from, e.Name())
		if err != nil {
			return err
		}
		if err := write(filepath.Join(dir, e.Name()), b); err != nil {
			return err
		}
	}
	return nil
}

func write(name string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, b, 0o644)
}
