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
	"pixelcnn/internal/compile/compiletest"
	"pixelcnn/internal/format"
	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sampler": main})
}

// TestScripts runs the real command. Each script finds in its folder tiny.onnx, an
// untrained model of 6×6 pixels and 3 levels; odd.onnx, the same with an operator that
// the incremental engine does not know; rude.onnx, the same as odd.onnx with commands to a
// terminal in its texts; classes.onnx, tiny.onnx with three classes; rudeclasses.onnx, the
// same with such names; white.png, 30×20 pixels of white; rude, a folder of such
// pictures with rude names; zoo, the files of sampler/testdata/zoo; and those of
// colourModels.
func TestScripts(t *testing.T) {
	m := modeltest.Random(t, models.Config{Hidden: 4, Blocks: 1, Kernel: 3, Size: 6, Levels: 3}, 1)
	zoo, err := filepath.Abs("../../sampler/testdata/zoo")
	if err != nil {
		t.Fatal(err)
	}
	clitest.Run(t, func(dir string) error {
		if err := os.Symlink(zoo, filepath.Join(dir, "zoo")); err != nil {
			return err
		}
		file, err := export.Model(m, export.Meta{})
		if err != nil {
			return err
		}
		if err := writeModel(filepath.Join(dir, "tiny.onnx"), file); err != nil {
			return err
		}
		for _, node := range file.Graph.Nodes {
			if node.Op == "Relu" {
				node.Op = "Atan"
			}
		}
		if err := writeModel(filepath.Join(dir, "odd.onnx"), file); err != nil {
			return err
		}
		const clear = "\x1b[2J"
		for _, node := range file.Graph.Nodes {
			node.Name = clear + node.Name
		}
		file.ProducerName, file.Doc, file.Metadata["pixelcnn.command"] = clear, "Clear\r"+clear, "trainer "+clear+"\nand so on"
		if err := writeModel(filepath.Join(dir, "rude.onnx"), file); err != nil {
			return err
		}
		classes := modeltest.Random(t, models.Config{Hidden: 4, Blocks: 1, Kernel: 3, Size: 6, Levels: 3, Classes: 3}, 1)
		file, err = export.Model(classes, export.Meta{
			Classes: []string{"T-shirt/top", "Shirt", "Ankle boot"}, ClassPrior: []float64{0.5, 0.2, 0.3},
		})
		if err != nil {
			return err
		}
		if err := writeModel(filepath.Join(dir, "classes.onnx"), file); err != nil {
			return err
		}
		file.Metadata["pixelcnn.classes"] = `["a\u009b2J\u202e","b\nsampler: ok","c\fsampler: ok"]`
		if err := writeModel(filepath.Join(dir, "rudeclasses.onnx"), file); err != nil {
			return err
		}
		if err := colourModels(dir); err != nil {
			return err
		}
		white := image.NewGray(image.Rect(0, 0, 30, 20))
		draw.Draw(white, white.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
		if err := os.MkdirAll(filepath.Join(dir, rudeFolder), 0o700); err != nil {
			return err
		}
		for _, name := range []string{
			"white.png",
			filepath.Join(rudeFolder, "\x1b]0;owned\a.png"),
			filepath.Join(rudeFolder, "a\nsampler: all is well.png"),
		} {
			if err := writePNG(filepath.Join(dir, name), white); err != nil {
				return err
			}
		}
		return nil
	}, scriptCommands)
}

// colourModels writes models with random weights of 6×6 pixels: rgb.onnx and rgba.onnx, of 4
// levels; pair.onnx, of two channels; codes.onnx, of one with 300 levels; palette.onnx, of one
// with 4 colours. Of 10×10 pixels in RGB are photo.onnx, a logistic mixture of 256 levels, and
// subpixel.onnx, of 4 levels in sub-pixel order.
func colourModels(dir string) error {
	colours := []color.NRGBA{{0xff, 0, 0, 0xff}, {0, 0xff, 0, 0xff}, {0, 0, 0xff, 0xff}, {}}
	for name, meta := range map[string]format.Meta{
		"rgb.onnx":     {Channels: 3, Levels: 4},
		"rgba.onnx":    {Channels: 4, Levels: 4},
		"pair.onnx":    {Channels: 2, Levels: 4},
		"codes.onnx":   {Channels: 1, Levels: 300},
		"palette.onnx": {Channels: 1, Levels: 4, Colour: format.PaletteIndex, Palette: colours},
	} {
		f := compiletest.NewForms("colours", 7)
		n, size, outputs := onnx.Free("n"), onnx.Fixed(6), meta.Channels*meta.Levels
		x := f.Input("x", onnx.Float32, n, onnx.Fixed(meta.Channels), size, size)
		h := f.Op("Relu", nil, f.Masked(x, meta.Channels, 8, 3, false, nil))
		f.Output(f.Point(h, 8, outputs), "outputs", onnx.Float32, n, onnx.Fixed(outputs), size, size)
		meta.Height, meta.Width, meta.OutputLayout = 6, 6, "N(CL)HW"
		m := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: f.Graph, Metadata: meta.Props()}
		if err := writeModel(filepath.Join(dir, name), m); err != nil {
			return err
		}
	}
	for name, of := range map[string]struct {
		file string
		meta format.Meta
	}{
		"photo.onnx":    {"mixture_rgb.onnx", format.Meta{Channels: 3, Levels: 256, Head: "logistic-mixture", PixelScale: 2. / 255, PixelOffset: -1}},
		"subpixel.onnx": {"rgb_masked.onnx", format.Meta{Channels: 3, Levels: 4}},
	} {
		file, err := os.ReadFile(filepath.Join("../../sampler/testdata/zoo/script", of.file))
		if err != nil {
			return err
		}
		m, err := onnx.Unmarshal(file)
		if err != nil {
			return err
		}
		of.meta.Height, of.meta.Width = 10, 10
		m.Metadata = of.meta.Props()
		if err := writeModel(filepath.Join(dir, name), m); err != nil {
			return err
		}
	}
	return nil
}

const rudeFolder = "rude/\u009bm"

func writeModel(name string, m *onnx.Model) error {
	b, err := onnx.Marshal(m)
	if err != nil {
		return err
	}
	return os.WriteFile(name, b, 0o600)
}

func writePNG(name string, m image.Image) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return png.Encode(f, m)
}
