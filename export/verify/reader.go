package verify

import (
	"fmt"
	"sync"

	onnxgo "github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend/x/gorgonnx"
	"gorgonia.org/tensor"

	"pixelcnn/internal/onnx"
)

// reading is locked while gorgonnx works, since it counts names in a package variable.
var reading sync.Mutex

// read evaluates a file of one input on the image, by onnx-go. It returns what the
// library does in an error, panics included, as text: some of its errors are typed nils.
func read(file []byte, image *onnx.Tensor) (logits *onnx.Tensor, err error) {
	reading.Lock()
	defer reading.Unlock()
	defer func() {
		if r := recover(); r != nil {
			logits, err = nil, fmt.Errorf("panic: %v", r)
		}
	}()
	graph := gorgonnx.NewGraph()
	model := onnxgo.NewModel(graph)
	if err := model.UnmarshalBinary(file); err != nil {
		return nil, fmt.Errorf("decoding: %v", err)
	}
	in := tensor.New(tensor.WithShape(image.Shape...), tensor.WithBacking(image.Floats()))
	if err := model.SetInput(0, in); err != nil {
		return nil, fmt.Errorf("setting the input: %v", err)
	}
	if err := graph.Run(); err != nil {
		return nil, fmt.Errorf("running the graph: %v", err)
	}
	out, err := model.GetOutputTensors()
	if err != nil {
		return nil, fmt.Errorf("reading the output: %v", err)
	}
	if len(out) != 1 || out[0] == nil {
		return nil, fmt.Errorf("%d outputs, should be 1", len(out))
	}
	data, ok := out[0].Data().([]float32)
	if size := out[0].Shape().TotalSize(); !ok || len(data) != size {
		return nil, fmt.Errorf("the output holds %d elements of %v, should be %d of float32", out[0].DataSize(), out[0].Dtype(), size)
	}
	return &onnx.Tensor{Shape: out[0].Shape().Clone(), Data: data}, nil
}
