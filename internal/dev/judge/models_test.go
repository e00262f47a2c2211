package judge

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
func draw(ctx context.Context, rt onnx.Runtime, model string, p sampler.Parameters, n int) (levels []uint16, asked []uint8, err error) {
	file, err := read(model)
	if err != nil {
		return nil, nil, err
	}
	m, err := sampler.Read(file, sampler.Config{})
	if err != nil {
		return nil, nil, err
	}
	classes := len(m.Classes)
	if classes == 0 || n%classes != 0 {
		return nil, nil, fmt.Errorf("%s has %d classes; %d images cannot be as many of each", model, classes, n)
	}
	req := sampler.Request{N: n, Parameters: p}
	for i := range n {
		req.Classes = append(req.Classes, i/(n/classes))
		asked = append(asked, uint8(i/(n/classes)))
	}
	s, err := m.Open(rt)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	levels = make([]uint16, n*m.Pixels())
	return levels, asked, s.Draw(ctx, req, levels)
}

// bayes returns log p(image | class) of each image and class, [n, classes].
func bayes(ctx context.Context, rt onnx.Runtime, model string, images []uint16) (_ []float64, err error) {
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
