package main

import (
	"fmt"
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

// TestScripts runs the real command. Each script finds tiny.onnx, an untrained model
// of 6×6 pixels and 3 levels, in its folder.
func TestScripts(t *testing.T) {
	m := modeltest.Random(t, models.Config{Hidden: 4, Blocks: 1, Kernel: 3, Size: 6, Levels: 3}, 1)
	clitest.Run(t, func(dir string) error {
		f, err := os.Create(filepath.Join(dir, "tiny.onnx"))
		if err != nil {
			return err
		}
		defer f.Close()
		return export.Write(f, m, export.Meta{})
	}, map[string]clitest.Command{"pngsize": pngSize})
}

// pngSize checks the size of a picture: pngsize FILE WIDTHxHEIGHT.
func pngSize(ts *testscript.TestScript, neg bool, args []string) {
	f, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	c, err := png.DecodeConfig(f)
	ts.Check(err)
	if got := fmt.Sprintf("%dx%d", c.Width, c.Height); (got == args[1]) == neg {
		ts.Fatalf("%s is %s", args[0], got)
	}
}
