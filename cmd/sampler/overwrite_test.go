package main

import (
	"bytes"
	"image"
	"image/draw"
	"image/png"
	"io"
	"os"
	"strings"
	"testing"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/cmd/internal/clitest"
	"pixelcnn/export"
	"pixelcnn/internal/modeltest"
	"pixelcnn/models"
)

// TestOverwrites: no output of the sampler can be what it reads, whatever names that.
func TestOverwrites(t *testing.T) {
	white := image.NewGray(image.Rect(0, 0, 6, 6))
	draw.Draw(white, white.Rect, image.White, image.Point{}, draw.Src)
	var picture bytes.Buffer
	if err := png.Encode(&picture, white); err != nil {
		t.Fatal(err)
	}
	var model bytes.Buffer
	m := modeltest.Random(t, models.Config{Hidden: 4, Blocks: 1, Kernel: 3, Size: 6, Levels: 3, Classes: 3}, 1)
	if err := export.Write(&model, m, export.Meta{Classes: []string{"a", "b", "c"}, ClassPrior: []float64{0.5, 0.2, 0.3}}); err != nil {
		t.Fatal(err)
	}
	inpainting := []string{"--model", "model.onnx", "--init", "init.png", "--keep", "mask.png", "-n", "2"}
	outside := map[string][]byte{} // a model with its weights in another file
	for _, name := range []string{"normalised_255.onnx", "normalised_255.onnx.data"} {
		content, err := os.ReadFile("../../sampler/testdata/zoo/dynamo/" + name)
		if err != nil {
			t.Fatal(err)
		}
		outside[name] = content
	}
	for _, c := range []struct {
		file string   // what is read
		flag string   // what would write it
		args []string // the command
	}{
		{"model.onnx", "-o", []string{"--model", "model.onnx", "--format", "npy"}},
		{"model.onnx", "--labels", []string{"--model", "model.onnx"}},
		{"model.onnx", "-o", []string{"compile", "--model", "model.onnx"}},
		{"model.onnx", "--svg", []string{"inspect", "--model", "model.onnx"}},
		{"normalised_255.onnx.data", "-o", []string{"--model", "normalised_255.onnx", "--format", "raw"}},
		{"normalised_255.onnx.data", "-o", []string{"compile", "--model", "normalised_255.onnx"}},
		{"normalised_255.onnx.data", "--svg", []string{"inspect", "--model", "normalised_255.onnx"}},
		{"init.png", "-o", inpainting},
		{"init.png", "--labels", inpainting},
		{"mask.png", "-o", inpainting},
		{"mask.png", "--labels", inpainting},
		{"mask.png", "-o", append(inpainting, "--format", "gif")},
	} {
		for _, way := range clitest.Ways {
			t.Run(strings.Join(append([]string{c.flag, c.file}, c.args...), " ")+", "+way.Name, func(t *testing.T) {
				t.Chdir(t.TempDir())
				clitest.Put(t, "model.onnx", model.Bytes())
				for name, content := range outside {
					clitest.Put(t, name, content)
				}
				clitest.Put(t, "init.png", picture.Bytes())
				clitest.Put(t, "mask.png", picture.Bytes())
				out := way.To(t, c.file)
				before := clitest.Files(t)
				var stderr strings.Builder
				status := cli.Run(t.Context(), newCommand(), append(c.args, c.flag, out), strings.NewReader(""), io.Discard, &stderr)
				if status != 2 || !strings.Contains(stderr.String(), "which would be overwritten") {
					t.Errorf("%s %s: status %d, %s", c.flag, out, status, stderr.String())
				}
				if after := clitest.Files(t); !bytes.Equal(before, after) {
					t.Fatalf("%s %s has changed files:\n%s\nwere\n%s", c.flag, out, after, before)
				}
			})
		}
	}
}
