package sampler_test

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"log"
	"os"
	"slices"

	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// show prints a picture of four grey levels.
func show(img image.Image) {
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			fmt.Print(string(".-+#"[img.At(x, y).(color.Gray).Y/85]))
		}
		fmt.Println()
	}
}

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
	s, err := sampler.Open(env, model, sampler.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	req := sampler.Request{N: 1, Parameters: sampler.Parameters{Temperature: 0.8, Seed: 1}}
	for img, err := range s.Images(context.Background(), req) {
		if err != nil {
			log.Fatal(err)
		}
		show(img)
	}
	// Output:
	// ................
	// ..........+-++-.
	// .........+####+.
	// .........+####+.
	// .........#####+.
	// .........##+##+.
	// .........##+##+.
	// .........#####+.
	// .........#####+.
	// ........-#####+.
	// ...--++#######+.
	// ..-+##########+.
	// ..-+##+#######-.
	// ..++#########+..
	// ..###########+..
	// ..+##########+..
}

// openExample opens a model for the other examples, as the first one shows.
func openExample(cfg sampler.Config) (*sampler.Sampler, func()) {
	env, err := runtime.Open(runtime.Config{})
	if err != nil {
		log.Fatal(err)
	}
	model, err := os.ReadFile("testdata/foreign/pixelcnn_torch.onnx")
	if err != nil {
		log.Fatal(err)
	}
	s, err := sampler.Open(env, model, cfg)
	if err != nil {
		log.Fatal(err)
	}
	return s, func() { s.Close(); env.Close() }
}

// Images come as they are done. Leaving the loop ends the draw.
func ExampleSampler_Images() {
	s, done := openExample(sampler.Config{})
	defer done()
	i := 0
	for img, err := range s.Images(context.Background(), sampler.Request{N: 1_000_000}) {
		if err != nil {
			log.Fatal(err)
		}
		if i++; i == 3 {
			fmt.Println("the third has", img.Bounds().Dx(), "by", img.Bounds().Dy(), "pixels")
			break
		}
	}
	// Output: the third has 16 by 16 pixels
}

// Each image comes with its log-probability: under the model as it is, and under the
// parameters. Of two candidates the likeliest is kept.
func ExampleSampler_Samples() {
	s, done := openExample(sampler.Config{})
	defer done()
	req := sampler.Request{N: 2, BestOf: 2, Parameters: sampler.Parameters{Temperature: 0.9, TopP: 0.98, Seed: 1}}
	for sample, err := range s.Samples(context.Background(), req) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("image %d: %.1f nats, drawn with %.1f\n", sample.Index, sample.LogProb, sample.LogProbDrawn)
	}
	// Output:
	// image 0: -63.0 nats, drawn with -61.0
	// image 1: -68.1 nats, drawn with -66.4
}

// Steps shows a draw as it goes on: here how much of the picture is known.
func ExampleSampler_Steps() {
	s, done := openExample(sampler.Config{Engine: sampler.Full})
	defer done()
	for step, err := range s.Steps(context.Background(), sampler.Request{N: 1}) {
		if err != nil {
			log.Fatal(err)
		}
		if step.Number%64 == 0 {
			known := 0
			for _, is := range step.Known {
				if is {
					known++
				}
			}
			fmt.Println("step", step.Number, "of the full engine:", known, "pixels")
		}
	}
	// Output:
	// step 64 of the full engine: 64 pixels
	// step 128 of the full engine: 128 pixels
	// step 192 of the full engine: 192 pixels
	// step 256 of the full engine: 256 pixels
}

// LogProb scores images, here one that is all black.
func ExampleSampler_LogProb() {
	s, done := openExample(sampler.Config{})
	defer done()
	logProb, err := s.LogProb(context.Background(), make([]uint16, 16*16))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.2f nats\n", logProb[0])
	// Output: -8.37 nats
}

// A part of a picture is given, here the upper half of an image, and the rest is drawn.
func ExampleInpainting() {
	s, done := openExample(sampler.Config{})
	defer done()
	ctx := context.Background()
	picture := make([]uint16, 16*16)
	req := sampler.Request{N: 1, Parameters: sampler.Parameters{Temperature: 0.8, Seed: 1}}
	if err := s.Draw(ctx, req, picture); err != nil {
		log.Fatal(err)
	}
	mask := make([]bool, 16*16)
	for k := range 8 * 16 {
		mask[k] = true
	}
	req.N, req.Inpainting = 3, sampler.Inpainting{Picture: picture, Mask: mask}
	var last sampler.Sample
	for sample, err := range s.Samples(ctx, req) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("upper half given:", slices.Equal(sample.Levels[:128], picture[:128]))
		last = sample
	}
	show(s.Signature().Image(last.Levels))
	// Output:
	// upper half given: true
	// upper half given: true
	// upper half given: true
	// ................
	// ..........+-++-.
	// .........+####+.
	// .........+####+.
	// .........#####+.
	// .........##+##+.
	// .........##+##+.
	// .........#####+.
	// .........#####+.
	// ........-#####+.
	// ........+######-
	// ........+######-
	// ........#######-
	// ........#######-
	// ..-.....#######-
	// ..-.....#######-
}

// Class finds the number of a class, for Request.Classes.
func ExampleSignature() {
	sig := &sampler.Signature{ClassInput: "label", Classes: []string{"T-shirt/top", "Shirt", "Sneaker", "Ankle boot"}}
	for _, name := range []string{"boot", "shirt", "T-SHIRT", "2", "s"} {
		class, err := sig.Class(name)
		fmt.Println(name, class, err)
	}
	// Output:
	// boot 3 <nil>
	// shirt 1 <nil>
	// T-SHIRT 0 <nil>
	// 2 2 <nil>
	// s 0 sampler: invalid configuration: class "s" could be any of ["Shirt" "Sneaker"]
}

// Together draws unlike requests in shared batches, each as it would be drawn alone.
func ExampleSampler_Together() {
	s, done := openExample(sampler.Config{})
	defer done()
	requests := []sampler.Request{
		{N: 1, Parameters: sampler.Parameters{Temperature: 0.8, Seed: 1}},
		{N: 2, First: 5, Parameters: sampler.Parameters{TopK: 2, Seed: 9}},
	}
	all, err := s.Together(context.Background(), requests)
	if err != nil {
		log.Fatal(err)
	}
	for i, samples := range all {
		for _, sample := range samples {
			fmt.Printf("request %d, image %d: %.1f nats\n", i, sample.Index, sample.LogProb)
		}
	}
	// Output:
	// request 0, image 0: -69.0 nats
	// request 1, image 5: -92.0 nats
	// request 1, image 6: -53.1 nats
}
