// Command foster plots the training curve of the trainer's foster preset against the
// published one:
//
//	trainer --preset foster --epochs 10 --metrics foster.jsonl -o foster.onnx
//	go run ./internal/dev/foster --metrics foster.jsonl -o docs/foster.png
//
// It also prints the figures.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image/color"
	"io"
	"log"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"pixelcnn/internal/atomicfile"
)

// published is the mean NLL of the training images over an epoch, in nats/dim, from the
// log of a public run of the notebook of "Generative Deep Learning", 2nd edition,
// chapter 5.
var published = plotter.XYs{{X: 1, Y: 0.4922}, {X: 2, Y: 0.4003}, {X: 5, Y: 0.3758}, {X: 10, Y: 0.3625}, {X: 20, Y: 0.3487}}

func main() {
	metrics := flag.String("metrics", "foster.jsonl", "what trainer --metrics wrote")
	output := flag.String("o", "docs/foster.png", "the plot")
	flag.Parse()
	if err := run(*metrics, *output); err != nil {
		log.Fatal(err)
	}
}

func run(metrics, output string) error {
	file, err := os.Open(metrics)
	if err != nil {
		return err
	}
	defer file.Close()
	train, err := trainCurve(file)
	if err != nil {
		return fmt.Errorf("%s: %w", metrics, err)
	}
	last := train[len(train)-1].X
	p := plot.New()
	p.Title.Text = "trainer --preset foster"
	p.X.Label.Text = "epochs"
	p.Y.Label.Text = "NLL of the training images, nats/dim"
	p.Add(plotter.NewGrid())
	shown := plotter.XYs{}
	for _, point := range published {
		if point.X <= last {
			shown = append(shown, point)
		}
	}
	if err := add(p, "published", shown, color.RGBA{0xc0, 0x39, 0x2b, 0xff}, draw.CrossGlyph{}); err != nil {
		return err
	}
	if err := add(p, "this project", train, color.RGBA{0x1f, 0x4e, 0x79, 0xff}, draw.CircleGlyph{}); err != nil {
		return err
	}
	p.Legend.Top = true
	png, err := p.WriterTo(16*vg.Centimeter, 10*vg.Centimeter, "png")
	if err != nil {
		return err
	}
	return atomicfile.Write(output, func(w io.Writer) error {
		_, err := png.WriteTo(w)
		return err
	})
}

// trainCurve reads the means over the epochs of training from a file of metrics, a JSON
// object a line, and prints them beside those published.
func trainCurve(r io.Reader) (plotter.XYs, error) {
	var curve plotter.XYs
	for lines := json.NewDecoder(r); ; {
		var line struct {
			Epoch float64 `json:"epoch"`
			Split string  `json:"split"`
			NLL   float64 `json:"nll_nats_per_dim"`
		}
		switch err := lines.Decode(&line); {
		case errors.Is(err, io.EOF) && len(curve) == 0:
			return nil, errors.New("no line with the NLL of an epoch's training images")
		case errors.Is(err, io.EOF):
			return curve, nil
		case err != nil:
			return nil, err
		}
		if line.Split != "train" {
			continue
		}
		curve = append(curve, plotter.XY{X: line.Epoch, Y: line.NLL})
		fmt.Printf("epoch %2.0f: %.4f", line.Epoch, line.NLL)
		for _, point := range published {
			if point.X == line.Epoch {
				fmt.Printf(", published %.4f", point.Y)
			}
		}
		fmt.Println()
	}
}

func add(p *plot.Plot, name string, curve plotter.XYs, c color.Color, shape draw.GlyphDrawer) error {
	line, dots, err := plotter.NewLinePoints(curve)
	if err != nil {
		return err
	}
	line.Color, line.Width = c, vg.Points(1.5)
	dots.Color, dots.Shape, dots.Radius = c, shape, vg.Points(3)
	p.Add(line, dots)
	p.Legend.Add(name, line, dots)
	return nil
}
