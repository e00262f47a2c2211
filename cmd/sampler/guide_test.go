package main

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pixelcnn/cmd/internal/clitest"
	"pixelcnn/export"
	"pixelcnn/internal/modeltest"
	"pixelcnn/models"
	"pixelcnn/sampler"
)

var (
	update       = flag.Bool("update", false, "rewrite what commands wrote in docs/sampler.md, and its pictures")
	guideClasses = flag.String("classes", "", "the model with classes to do it with; an untrained one where there is none")
	guideModel   = flag.String("model", "../../sampler/testdata/foreign/pixelcnn_torch.onnx", "the model to do it with")
)

const guide = "../../docs/sampler.md"

// TestGuide runs each command of the guide, one after the other in one folder, with
// another model, and compares what it writes with what the guide says, but for numbers.
//
//	go test ./cmd/sampler -run TestGuide -update -model "$PWD/out/pixelcnn.onnx" -classes FILE
func TestGuide(t *testing.T) {
	dir := guideFolder(t)
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	block := regexp.MustCompile("(?s)```console\n(.*?)```\n")
	text = block.ReplaceAllFunc(text, func(b []byte) []byte {
		var out strings.Builder
		out.WriteString("```console\n")
		for _, part := range strings.Split("\n"+string(block.FindSubmatch(b)[1]), "\n$ ")[1:] {
			commands++
			line, said, _ := strings.Cut(strings.TrimSuffix(part, "\n"), "\n")
			cmd := exec.Command("sh", "-c", line)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "TERM=xterm")
			if !*update {
				cmd.Env = append(cmd.Env, "PIXELCNN_DATA="+filepath.Join(dir, "fashion-mnist"))
			}
			got, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v\n%s", line, err, got)
			}
			wrote := strings.TrimSuffix(string(got), "\n")
			if *update {
				said = wrote
			} else if !matches(said, wrote) {
				t.Errorf("%s wrote\n%s\nand the guide says\n%s", line, wrote, said)
			}
			out.WriteString(strings.TrimSuffix("$ "+line+"\n"+said, "\n") + "\n")
		}
		out.WriteString("```\n")
		return []byte(out.String())
	})
	if commands < 20 {
		t.Errorf("%d commands found", commands)
	}
	if !*update {
		return
	}
	if err := os.WriteFile(guide, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, picture := range regexp.MustCompile(`!\[.*\]\((.*)\)`).FindAllSubmatch(text, -1) {
		b, err := os.ReadFile(filepath.Join(dir, string(picture[1])))
		if err != nil {
			continue // another command's
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(guide), string(picture[1])), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// matches compares two texts but for numbers, blanks and shades.
func matches(said, wrote string) bool {
	plain := func(s string) string {
		s = regexp.MustCompile(`-?[0-9.]+(e[+-][0-9]+)?`).ReplaceAllString(s, "#")
		s = regexp.MustCompile(`[░▒▓█]`).ReplaceAllString(s, " ")
		return strings.Join(strings.Fields(s), " ")
	}
	return plain(said) == plain(wrote)
}

// guideFolder has what the guide's reader has: a model, a picture, a data set.
func guideFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	model, err := sampler.AnnotateFile(*guideModel, sampler.Config{}, sampler.Annotation{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pixelcnn.onnx"), model, 0o600); err != nil {
		t.Fatal(err)
	}
	classes := filepath.Join(dir, "classes.onnx")
	if *guideClasses != "" {
		model, err = os.ReadFile(*guideClasses)
		if err == nil {
			err = os.WriteFile(classes, model, 0o600)
		}
	} else {
		err = writeClasses(t, classes)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "photos"), 0o700); err != nil {
		t.Fatal(err)
	}
	shirt := image.NewGray(image.Rect(0, 0, 64, 64))
	for y := range 64 {
		for x := range 64 {
			if arms := y < 28 && y > 8; x > 18 && x < 46 && y > 4 || arms && x > 8 && x < 56 {
				shirt.SetGray(x, y, color.Gray{Y: uint8(130 + x)})
			}
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, shirt, nil); err != nil {
		t.Fatal(err)
	}
	blurred, err := jpeg.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	b.Reset()
	if err := png.Encode(&b, blurred); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "photo.png"), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := modeltest.WriteIDX(filepath.Join(dir, "fashion-mnist"), 500); err != nil {
		t.Fatal(err)
	}
	return dir
}

// writeClasses writes an untrained model of Fashion-MNIST's classes.
func writeClasses(t *testing.T, name string) error {
	names := []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"}
	m := modeltest.Random(t, models.Config{Hidden: 8, Blocks: 1, Kernel: 7, Size: 16, Levels: 4, Classes: len(names)}, 1)
	file, err := export.Model(m, export.Meta{Classes: names})
	if err != nil {
		return err
	}
	return writeModel(name, file)
}

func TestEveryFlag(t *testing.T) {
	clitest.EveryFlag(t, newCommand(), guide, "../../docs/models.md", "../../docs/serving.md")
}
