package goruntime_test

import (
	"context"
	"fmt"
	"log"

	"pixelcnn/internal/goruntime"
	"pixelcnn/internal/onnx"
)

// Relu of a matrix product, of rows of two.
func Example() {
	g := &onnx.Graph{Name: "example"}
	x := g.Input("x", onnx.Float32, onnx.Free("rows"), onnx.Fixed(2))
	w := onnx.Const("w", onnx.NewTensor([]float32{1, -1, 1, 1}, 2, 2))
	g.Output(g.Op("Relu", nil, g.Op("MatMul", nil, x, w)), "y", onnx.Float32, onnx.Free("rows"), onnx.Fixed(2))
	file, err := onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g})
	if err != nil {
		log.Fatal(err)
	}

	rt, err := goruntime.New(goruntime.Config{})
	if err != nil {
		log.Fatal(err)
	}
	s, err := onnx.LoadFile(rt, file, onnx.SessionOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	in, out := []float32{1, 2, 5, 3, 0, 1}, make([]float32, 6)
	b, err := s.Bind([]*onnx.Tensor{onnx.NewTensor(in, 3, 2)}, []*onnx.Tensor{onnx.NewTensor(out, 3, 2)})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	for range 2 {
		if err := b.Run(context.Background()); err != nil {
			log.Fatal(err)
		}
		fmt.Println(out)
		in[0] = 7 // the tensors are used in place
	}
	// Output:
	// [3 1 8 0 1 1]
	// [9 0 8 0 1 1]
}
