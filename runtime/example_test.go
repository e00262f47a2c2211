//go:build cgo

package runtime_test

import (
	"context"
	"fmt"
	"log"

	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
)

// A graph is loaded, bound to two slices and run twice.
func Example() {
	graph := &onnx.Graph{}
	x := graph.Input("x", onnx.Float32, onnx.Free("n"))
	graph.Output(graph.Op("Relu", nil, x), "y", onnx.Float32, onnx.Free("n"))
	model := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: graph}

	env, err := runtime.Open(runtime.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer env.Close()
	session, err := env.Load(model, onnx.SessionOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	in, out := []float32{-1, 2, -3}, make([]float32, 3)
	binding, err := session.Bind([]*onnx.Tensor{onnx.NewTensor(in, 3)}, []*onnx.Tensor{onnx.NewTensor(out, 3)})
	if err != nil {
		log.Fatal(err)
	}
	defer binding.Close()

	for range 2 {
		if err := binding.Run(context.Background()); err != nil {
			log.Fatal(err)
		}
		fmt.Println(out)
		in[0] = 7
	}
	// Output:
	// [0 2 0]
	// [7 2 0]
}
