package main

import (
	"bytes"
	"image"
	"image/draw"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/cmd/internal/clitest"
	"pixelcnn/export"
	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/npy"
	"pixelcnn/models"
	"pixelcnn/sampler"
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
	folder := []string{"--model", "model.onnx", "--init", "pictures", "--keep", "rows:3"}
	run := func(args ...string) (status int, stderr string) {
		var b strings.Builder
		status = cli.Run(t.Context(), newCommand(), args, strings.NewReader(""), io.Discard, &b, sampler.ErrConfig)
		return status, b.String()
	}
	outside := map[string][]byte{} // a model with its weights in another file
	for _, name := range []string{"dynamo/normalised_255.onnx", "dynamo/normalised_255.onnx.data", "script/condition_map.onnx"} {
		content, err := os.ReadFile("../../sampler/testdata/zoo/" + name)
		if err != nil {
			t.Fatal(err)
		}
		outside[filepath.Base(name)] = content
	}
	var top bytes.Buffer // the condition of the last
	if err := npy.WriteHeader(&top, npy.Int64, 1, 4, 4); err != nil {
		t.Fatal(err)
	}
	outside["top.npy"] = append(top.Bytes(), make([]byte, 16*8)...)
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
		{"model.onnx", "-o", []string{"annotate", "--model", "model.onnx"}},
		{"normalised_255.onnx.data", "-o", []string{"annotate", "--model", "normalised_255.onnx"}},
		{"normalised_255.onnx.data", "-o", []string{"score", "--model", "normalised_255.onnx", "--images", "pictures"}},
		{"pictures/1.png", "-o", []string{"score", "--model", "model.onnx", "--images", "pictures"}},
		{"pictures/1.png", "--per-pixel", []string{"score", "--model", "model.onnx", "--images", "pictures", "--class", "a"}},
		{"pictures/1.png", "-o", []string{"score", "--model", "model.onnx", "--images", "pictures", "--skip-bad"}},
		{"levels.npy", "-o", []string{"score", "--model", "model.onnx", "--data", "levels.npy"}},
		{"levels.npy", "--per-pixel", []string{"score", "--model", "model.onnx", "--data", "levels.npy", "--class", "a"}},
		{"data/t10k-images-idx3-ubyte", "-o", []string{"score", "--model", "model.onnx", "--data", "data"}},
		{"data/train-images-idx3-ubyte", "-o", []string{"score", "--model", "model.onnx", "--data", "data"}}, // of the other part
		{"data/t10k-images-idx3-ubyte", "-o", []string{"score", "--model", "model.onnx"}},                    // found by PIXELCNN_DATA
		{"parts/shard-00000-of-00001.npy", "-o", []string{"gather", "parts", "--format", "npy"}},
		{"top.npy", "-o", []string{"--model", "condition_map.onnx", "--condition", "top.npy", "-n", "1", "--format", "raw"}},
		{"top.npy", "-o", []string{"annotate", "--model", "condition_map.onnx", "--condition", "top.npy"}},
		{"pictures/1.png", "-o", folder},
		{"pictures/1.png", "--labels", folder},
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
				clitest.Put(t, "pictures/0.png", picture.Bytes())
				clitest.Put(t, "pictures/1.png", picture.Bytes())
				t.Setenv("PIXELCNN_DATA", "data")
				if err := modeltest.WriteIDX("data", 3); err != nil {
					t.Fatal(err)
				}
				for _, args := range [][]string{
					{"--model", "model.onnx", "-n", "2", "-o", "levels.npy"},
					{"--model", "model.onnx", "-n", "2", "--shard", "0/1", "-o", "parts/"},
				} {
					if status, stderr := run(args...); status != 0 {
						t.Fatal(stderr)
					}
				}
				out := way.To(t, c.file)
				before := clitest.Files(t)
				if status, stderr := run(append(c.args, c.flag, out)...); status != 2 || !strings.Contains(stderr, "which would be overwritten") && !strings.Contains(stderr, "has the name of a shard") {
					t.Errorf("%s %s: status %d, %s", c.flag, out, status, stderr)
				}
				if after := clitest.Files(t); !bytes.Equal(before, after) {
					t.Fatalf("%s %s has changed files:\n%s\nwere\n%s", c.flag, out, after, before)
				}
			})
		}
	}
}
