package golden

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"pixelcnn/internal/modeltest"
)

// writeInputs fills the folder above the cases': the models, a data set in data, pictures
// in pictures and, by class, in classes; init.png is one to complete, and mask.png says
// what of it stays.
func writeInputs(t *testing.T, dir string) {
	t.Helper()
	writeModels(t, dir)
	if err := modeltest.WriteIDX(filepath.Join(dir, "data"), 40); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 16))
	// A picture of bars and noise.
	bars := func(x, y int) uint8 { return uint8(x*9/(1+y/8)*16%256)&0xe0 | uint8(rng.IntN(32)) }
	picture := func(name string, w, h int, at func(x, y int) uint8) {
		img := image.NewGray(image.Rect(0, 0, w, h))
		for y := range h {
			for x := range w {
				img.SetGray(x, y, color.Gray{Y: at(x, y)})
			}
		}
		writePNG(t, filepath.Join(dir, name), img)
	}
	picture("init.png", 24, 20, bars)
	picture("mask.png", 16, 16, func(x, y int) uint8 { return uint8(0xff * ((x/3 + y/5) % 2)) })
	for i := range 5 {
		picture(fmt.Sprintf("pictures/%d.png", i), 14+i, 12+3*i, bars)
	}
	for _, class := range []string{"ankle boot", "shirt"} {
		for i := range 6 {
			picture(fmt.Sprintf("classes/%s/%d.png", class, i), 16, 16, bars)
		}
	}
}

func writePNG(t *testing.T, name string, img image.Image) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
}
