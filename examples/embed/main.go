// Command embed draws clothes from a model inside the program itself.
package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"image/png"
	"log"
	"os"
	"path/filepath"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

//go:embed pixelcnn.onnx
var file []byte

func main() {
	dir := flag.String("dir", ".", "folder for the pictures")
	flag.Parse()
	if err := run(context.Background(), *dir); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir string) error {
	rt, err := runtime.OpenAny(runtime.Auto, runtime.Config{}) // the runtime in Go, or ONNX Runtime
	if err != nil {
		return err
	}
	defer rt.Close()
	if err := draw(ctx, rt, dir); err != nil {
		return err
	}
	model, err := runtime.Decode(file, rt.Limits())
	if err != nil {
		return err
	}
	return network(ctx, rt, model)
}

func draw(ctx context.Context, rt runtime.Runtime, dir string) error {
	s, err := sampler.Open(rt, file, sampler.Config{})
	if err != nil {
		return err
	}
	defer s.Close()
	i := 0
	req := sampler.Request{N: 16, Parameters: sampler.Parameters{Temperature: 0.7, Seed: 42}}
	for img, err := range s.Images(ctx, req) {
		if err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("clothes-%02d.png", i)))
		if err != nil {
			return err
		}
		if err := png.Encode(f, img); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
		i++
	}
	fmt.Println(i, "pictures in", dir)
	return nil
}
