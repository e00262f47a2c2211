package onefile_test

import (
	"errors"
	"testing"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/onefile"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

// TestLimits: what would be over a limit is refused before it is made, and what keeps
// them is not.
func TestLimits(t *testing.T) {
	m, err := onnx.Unmarshal(exported(t, models.Config{Hidden: 4, Blocks: 1, Kernel: 5, Size: 48, Levels: 3}))
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile.Compile(m, compile.Options{Latency: true})
	if err != nil {
		t.Fatal(err)
	}
	build := func(l onnx.Limits) (*onnx.Model, error) {
		return onefile.Build(p, onefile.Options{Head: likelihood.Categorical{Depth: 3}, Values: values(3), Limits: l})
	}
	one, err := build(onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	file, err := onnx.Marshal(one)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(file))
	for limit, l := range map[string]onnx.Limits{
		"Nodes":       {Nodes: 4},
		"FileBytes":   {FileBytes: size / 3},
		"TensorBytes": {TensorBytes: 48 * 48 * 8 * 11}, // the stem reads twelve pixels
		"Memory":      {Memory: 2 * size},
	} {
		_, err := build(l)
		var over *onnx.LimitError
		if !errors.As(err, &over) || over.Limit != limit {
			t.Errorf("%s: error %v", limit, err)
		}
	}
	if _, err := build(onnx.Limits{FileBytes: size, TensorBytes: size}); err != nil {
		t.Errorf("with limits of the file's size: %v", err)
	}
	if _, err := build(onnx.Limits{Nodes: -1}); !errors.Is(err, onnx.ErrLimits) {
		t.Errorf("with limits that make no sense: %v", err)
	}
}
