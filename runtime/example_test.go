package runtime_test

import (
	"context"
	"fmt"
	"log"

	"pixelcnn/models/pretrained"
	"pixelcnn/runtime"
)

// A network is loaded, bound to two slices and run.
func Example() {
	rt, err := runtime.OpenAny(runtime.Auto, runtime.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	file, err := pretrained.Read("pixelcnn")
	if err != nil {
		log.Fatal(err)
	}
	model, err := runtime.Decode(file, rt.Limits())
	if err != nil {
		log.Fatal(err)
	}
	session, err := rt.Load(model, runtime.SessionOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	for _, in := range session.Inputs() {
		fmt.Println(in.Name, in.DType, in.Shape)
	}

	image := &runtime.Tensor{Shape: []int{1, 1, 16, 16}, Data: make([]float32, 16*16)}
	logits := make([]float32, 4*16*16)
	binding, err := session.Bind(
		[]*runtime.Tensor{image, {Shape: []int{1}, Data: []int64{9}}}, // an ankle boot
		[]*runtime.Tensor{{Shape: []int{1, 4, 16, 16}, Data: logits}})
	if err != nil {
		log.Fatal(err)
	}
	defer binding.Close()
	if err := binding.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println("The first pixel is most likely black:", logits[0] > max(logits[256], logits[512], logits[768]))
	// Output:
	// image float32 [-1 1 16 16]
	// label int64 [-1]
	// The first pixel is most likely black: true
}
