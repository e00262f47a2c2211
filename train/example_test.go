package train_test

import (
	"context"
	"fmt"
	"log"

	"pixelcnn/dataset"
	"pixelcnn/models"
	"pixelcnn/runtime"
	"pixelcnn/train"
)

// A model learns that its images are checkerboards.
func Example() {
	env, err := runtime.Open(runtime.Config{}) // finds libonnxruntime
	if err != nil {
		log.Fatal(err)
	}
	defer env.Close()
	m, err := models.New(models.Config{Hidden: 8, Blocks: 1, Kernel: 3, Size: 4, Levels: 2})
	if err != nil {
		log.Fatal(err)
	}
	data := &dataset.Split{Size: 4}
	for i := range 16 {
		for p := range 16 {
			data.Pixels = append(data.Pixels, uint16(i+p/4+p)%2)
		}
	}

	t, err := train.New(env, m, data, train.Config{Steps: 300, Batch: 8, LearningRate: 0.01})
	if err != nil {
		log.Fatal(err)
	}
	defer t.Close()
	ctx := context.Background()
	err = t.Run(ctx, func(s train.Step) error {
		if s.Step == 1 {
			fmt.Printf("at first %.1f nats/dim\n", s.Loss)
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	l, err := t.Evaluate(ctx, data)
	if err != nil {
		log.Fatal(err)
	}
	// Only the first pixel is a surprise: one bit of sixteen pixels.
	fmt.Printf("in the end %.2f bits/dim of %d images\n", l.BitsPerDim(), l.Images)
	m.Weights = t.Weights() // ready for export
	// Output:
	// at first 0.7 nats/dim
	// in the end 0.06 bits/dim of 16 images
}
