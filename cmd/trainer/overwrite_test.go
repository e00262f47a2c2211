package main

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/cmd/internal/clitest"
	"pixelcnn/internal/modeltest"
)

// TestOverwrites: no output of the trainer can be what it reads, whatever names that.
func TestOverwrites(t *testing.T) {
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	small := []string{"--size", "6", "--levels", "3", "--hidden", "4", "--blocks", "1", "--kernel", "3", "--epochs", "1", "--batch", "4", "--no-verify"}
	run := func(args ...string) (status int, stderr string) {
		var b strings.Builder
		status = cli.Run(t.Context(), newCommand(), append(args, small...), strings.NewReader(""), io.Discard, &b)
		return status, b.String()
	}
	const idx = "data/train-images-idx3-ubyte"
	for _, in := range []struct {
		name, file string // what is read
		args       []string
	}{
		{"picture", "pictures/1.png", []string{"--images", "pictures"}},
		{"picture of a class", "classes/b/1.png", []string{"--images", "classes"}},
		{"picture behind a link", "elsewhere/x.png", []string{"--images", "pictures"}},
		{"IDX file", idx, []string{"--data", "data"}},
		{"IDX file that is found", idx, nil},
		{"labels", "data/t10k-labels-idx1-ubyte", []string{"--data", "data"}},
		{"model", "from.onnx", []string{"--data", "data", "--from", "from.onnx"}},
		{"folder of pictures", "pictures", []string{"--images", "pictures"}},
		{"folder of data", "data", []string{"--data", "data"}},
	} {
		for _, way := range clitest.Ways {
			t.Run(in.name+", "+way.Name, func(t *testing.T) {
				t.Chdir(t.TempDir())
				for i := range 3 {
					for _, dir := range []string{"pictures", "classes/a", "classes/b"} {
						clitest.Put(t, fmt.Sprintf("%s/%d.png", dir, i), picture.Bytes())
					}
				}
				clitest.Put(t, "elsewhere/x.png", picture.Bytes())
				if err := modeltest.WriteIDX("data", 8); err != nil {
					t.Fatal(err)
				}
				t.Setenv("PIXELCNN_DATA", "data")
				if err := os.Symlink("../elsewhere/x.png", "pictures/link.png"); err != nil {
					t.Skip(err)
				}
				if in.name == "model" {
					if status, stderr := run("--data", "data", "-o", "from.onnx"); status != 0 {
						t.Fatal(stderr)
					}
				}
				out := way.To(t, in.file)
				before := clitest.Files(t)
				for _, flag := range []string{"-o", "--plot", "--metrics", "--checkpoint"} {
					args := append([]string{flag, out}, in.args...)
					if flag != "-o" {
						args = append(args, "-o", "new.onnx")
					}
					status, stderr := run(args...)
					if status != 2 || !strings.Contains(stderr, "is the file of --") && !strings.Contains(stderr, "is the folder of --") {
						t.Errorf("%s %s: status %d, %s", flag, out, status, stderr)
					}
					if after := clitest.Files(t); !bytes.Equal(before, after) {
						t.Fatalf("%s %s has changed files:\n%s\nwere\n%s", flag, out, after, before)
					}
				}
			})
		}
	}
}

// TestOverwritesCheckpoint: what has a checkpoint's name and is a picture stays one, and no other output
// is a checkpoint.
func TestOverwritesCheckpoint(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := modeltest.WriteIDX("data", 8); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (status int, stderr string) {
		var b strings.Builder
		args = append(args, "--data", "data", "--size", "6", "--levels", "3", "--hidden", "4", "--blocks", "1", "--kernel", "3", "--epochs", "1", "--batch", "4", "--no-verify", "--checkpoint", "run")
		status = cli.Run(t.Context(), newCommand(), args, strings.NewReader(""), io.Discard, &b)
		return status, b.String()
	}
	if status, stderr := run("-o", "a.onnx"); status != 0 {
		t.Fatal(stderr)
	}
	checkpoints, err := filepath.Glob("run/step-*")
	if err != nil || len(checkpoints) == 0 {
		t.Fatal(checkpoints, err)
	}
	for _, way := range clitest.Ways {
		out := way.To(t, checkpoints[0])
		before := clitest.Files(t)
		for _, flag := range []string{"-o", "--plot", "--metrics"} {
			status, stderr := run(flag, out, "--resume", "-o", "b.onnx", flag, out)
			if status != 2 || !strings.Contains(stderr, "--checkpoint are one file") {
				t.Errorf("%s %s: status %d, %s", flag, out, status, stderr)
			}
		}
		if after := clitest.Files(t); !bytes.Equal(before, after) {
			t.Fatalf("files have changed:\n%s\nwere\n%s", after, before)
		}
	}
	if err := os.Link("data/t10k-images-idx3-ubyte", "run/step-000000009.checkpoint"); err != nil {
		t.Skip(err)
	}
	if status, stderr := run("--resume", "-o", "b.onnx"); status != 2 || !strings.Contains(stderr, "step-000000009.checkpoint") && !strings.Contains(stderr, "the file of --data") {
		t.Errorf("status %d, %s", status, stderr)
	}
}
