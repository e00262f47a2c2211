package sampler_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

func Example() {
	env, err := runtime.Open(runtime.Config{}) // finds libonnxruntime
	if err != nil {
		log.Fatal(err)
	}
	defer env.Close()
	model, err := os.ReadFile("testdata/foreign/pixelcnn_torch.onnx")
	if err != nil {
		log.Fatal(err)
	}
	s, err := sampler.Open(env, model, sampler.Config{Temperature: 0.8, Seed: 3})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	for img, err := range s.Images(context.Background(), 1) {
		if err != nil {
			log.Fatal(err)
		}
		for y := range 16 {
			for x := range 16 {
				fmt.Print(string(".-+#"[img.GrayAt(x, y).Y/85]))
			}
			fmt.Println()
		}
	}
	// Output:
}

// LogProb scores images, here one that is all black.
func ExampleSampler_LogProb() {
	env, err := runtime.Open(runtime.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer env.Close()
	model, err := os.ReadFile("testdata/foreign/pixelcnn_torch.onnx")
	if err != nil {
		log.Fatal(err)
	}
	s, err := sampler.Open(env, model, sampler.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	logProb, err := s.LogProb(context.Background(), make([]uint8, 16*16))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.2f nats\n", logProb[0])
	// Output: -8.37 nats
}
