package main

import (
	"bytes"
	"image"
	"image/draw"
	"image/png"
	"io"
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
	inpainting := []string{"--init", "init.png", "--keep", "mask.png", "-n", "2"}
	for _, c := range []struct {
		file string   // what is read
		flag string   // what would write it
		args []string // the command
	}{
		{"model.onnx", "-o", []string{"--format", "npy"}},
		{"model.onnx", "--labels", nil},
		{"model.onnx", "-o", []string{"compile"}},
		{"model.onnx", "--svg", []string{"inspect"}},
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
				clitest.Put(t, "init.png", picture.Bytes())
				clitest.Put(t, "mask.png", picture.Bytes())
				out := way.To(t, c.file)
				before := clitest.Files(t)
				var stderr strings.Builder
				status := cli.Run(t.Context(), newCommand(), append(c.args, "--model", "model.onnx", c.flag, out), strings.NewReader(""), io.Discard, &stderr)
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
