package dataset_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"log"
	"os"
	"path/filepath"

	"pixelcnn/dataset"
)

// Load finds Fashion-MNIST by itself; fetching it is a step of its own.
func ExampleLoad() {
	ctx := context.Background()
	opt := dataset.Options{Size: 16, Levels: 4, Validation: 5000}
	set, err := dataset.Load(ctx, "", opt)
	if errors.Is(err, dataset.ErrNotFound) {
		if _, err := dataset.Fetch(ctx, dataset.FetchOptions{Logf: log.Printf}); err != nil {
			log.Fatal(err)
		}
		set, err = dataset.Load(ctx, "", opt)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(set.Name, set.Train.N(), set.Validation.N(), set.Test.N())
}

// A folder of pictures with a sub-folder for each class.
func ExampleLoadImages() {
	dir, err := os.MkdirTemp("", "pictures")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for class, value := range map[string]uint8{"day": 230, "night": 20} {
		for i := range 5 {
			picture := image.NewGray(image.Rect(0, 0, 64, 48))
			for p := range picture.Pix {
				picture.Pix[p] = value
			}
			var file bytes.Buffer
			if err := png.Encode(&file, picture); err != nil {
				log.Fatal(err)
			}
			name := filepath.Join(dir, class, fmt.Sprintf("%d.png", i))
			if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
				log.Fatal(err)
			}
			if err := os.WriteFile(name, file.Bytes(), 0o666); err != nil {
				log.Fatal(err)
			}
		}
	}

	set, err := dataset.LoadImages(context.Background(), dir, dataset.Options{Size: 8, Levels: 2})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(set.ClassNames)
	fmt.Println(set.Train.N(), "to train,", set.Test.N(), "to test")
	fmt.Println(set.Preprocess)
	// Output:
	// [day night]
	// 9 to train, 1 to test
	// grey; crop=centre square; resize=8 triangle; levels=2 floor(v*levels/256)
}

// A file of two 2×2 images, as bytes. It could as well be compressed by gzip.
func ExampleReadImages() {
	file := []byte{
		0, 0, 8, 3, // bytes in three dimensions
		0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2,
		0, 50, 100, 150,
		200, 210, 220, 230,
	}
	images, err := dataset.ReadImages(bytes.NewReader(file), "two-images")
	fmt.Println(images.Count, images.Height, images.Width, images.Pixels, err)

	_, err = dataset.ReadImages(bytes.NewReader(file[:20]), "two-images")
	fmt.Println(err)
	// Output:
	// 2 2 2 [0 50 100 150 200 210 220 230] <nil>
	// dataset: bad file: two-images: truncated: 4 of 8 bytes of data
}

// An epoch in batches, from the beginning and from the middle.
func ExampleSplit_Batches() {
	split := dataset.Split{Size: 1, Pixels: []uint16{0, 1, 2, 3, 0, 1, 2}}
	order := split.Order(42, 0) // seed 42, the first epoch
	for _, done := range []int{0, 3} {
		batches, err := split.Batches(order[done:], 3)
		if err != nil {
			log.Fatal(err)
		}
		for b := range batches {
			fmt.Println(b.Index, "has", b.Pixels)
		}
		fmt.Println("—")
	}
	// Output:
	// [5 3 2] has [1 3 2]
	// [0 1 4] has [0 1 0]
	// [6] has [2]
	// —
	// [0 1 4] has [0 1 0]
	// [6] has [2]
	// —
}
