package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"pixelcnn/internal/onnx"
	"pixelcnn/models/pretrained"
	"pixelcnn/sampler"
)

// read returns a model's file, by path, or by name with an @ before it.
func read(model string) ([]byte, error) {
	if name, shipped := strings.CutPrefix(model, "@"); shipped {
		return pretrained.Read(name)
	}
	return os.ReadFile(model)
}

// draw draws n images, as many of each class, and returns their levels and classes. They
// are those of sampler --class all -n n.
func draw(ctx context.Context, rt onnx.Runtime, model string, cfg sampler.Config, n int) (levels, asked []uint8, err error) {
	file, err := read(model)
	if err != nil {
		return nil, nil, err
	}
	spec, err := sampler.ReadSpec(file)
	if err != nil {
		return nil, nil, err
	}
	classes := len(spec.Classes)
	if classes == 0 || n%classes != 0 {
		return nil, nil, fmt.Errorf("%s has %d classes; %d images cannot be as many of each", model, classes, n)
	}
	for i := range n {
		cfg.Classes = append(cfg.Classes, i/(n/classes))
		asked = append(asked, uint8(i/(n/classes)))
	}
	s, err := sampler.Open(rt, file, cfg)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	levels = make([]uint8, n*spec.Height*spec.Width)
	return levels, asked, s.Draw(ctx, 0, levels)
}

// bayes returns log p(image | class) of each image and class, [n, classes].
func bayes(ctx context.Context, rt onnx.Runtime, model string, images []uint8) (_ []float64, err error) {
	file, err := read(model)
	if err != nil {
		return nil, err
	}
	s, err := sampler.Open(rt, file, sampler.Config{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.LogProbByClass(ctx, images)
}
