package main

import (
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"pixelcnn/cmd/internal/clitest"
	"pixelcnn/export"
	"pixelcnn/internal/modeltest"
	"pixelcnn/models"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sampler": main})
}

// TestScripts runs the real command. Each script finds in its folder tiny.onnx, an
// untrained model of 6×6 pixels and 3 levels, and white.png, 30×20 pixels of white.
func TestScripts(t *testing.T) {
	m := modeltest.Random(t, models.Config{Hidden: 4, Blocks: 1, Kernel: 3, Size: 6, Levels: 3}, 1)
	clitest.Run(t, func(dir string) error {
		f, err := os.Create(filepath.Join(dir, "tiny.onnx"))
		if err != nil {
			return err
		}
		defer f.Close()
		if err := export.Write(f, m, export.Meta{}); err != nil {
			return err
		}
		white := image.NewGray(image.Rect(0, 0, 30, 20))
		draw.Draw(white, white.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
		return writePNG(filepath.Join(dir, "white.png"), white)
	}, scriptCommands)
}

func writePNG(name string, m image.Image) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return png.Encode(f, m)
}
