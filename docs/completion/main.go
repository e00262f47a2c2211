// Command completion measures how particles help a completion, on Fashion-MNIST's test
// images, and plots it:
//
//	go run ./docs/completion --model out/pixelcnn.onnx -o docs/completion.png
//
// Of each image a half stays, the right one or the lower one, and the other is drawn:
// plainly, which is one particle, and with more and more. What is plotted is the mean
// log-probability that the kept half has after what was drawn before it. It also prints
// the figures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"image/color"
	"io"
	"log"
	"math"
	"os"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"pixelcnn/dataset"
	"pixelcnn/internal/atomicfile"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

func main() {
	model := flag.String("model", "out/pixelcnn.onnx", "the model")
	output := flag.String("o", "docs/completion.png", "the plot")
	images := flag.Int("images", 100, "test images to complete")
	most := flag.Int("particles", 128, "most particles")
	flag.Parse()
	if err := measure(context.Background(), *model, *output, *images, *most); err != nil {
		log.Fatal(err)
	}
}

func measure(ctx context.Context, model, output string, images, most int) (err error) {
	file, err := os.ReadFile(model)
	if err != nil {
		return err
	}
	env, err := runtime.Open(runtime.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, env.Close()) }()
	s, err := sampler.Open(env, file, sampler.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	spec := s.Spec()
	set, err := dataset.Load(ctx, "", dataset.Options{Size: spec.Height, Levels: spec.Levels})
	if err != nil {
		return err
	}
	pixels := spec.Height * spec.Width
	pictures := slices.Collect(slices.Chunk(set.Test.Pixels, pixels))
	if images < 2 || images > len(pictures) {
		return fmt.Errorf("-images is %d, must be from 2 to %d", images, len(pictures))
	}
	right, lower := make([]bool, pixels), make([]bool, pixels)
	for k := range pixels {
		right[k] = k%spec.Width >= spec.Width/2
		lower[k] = k/spec.Width >= spec.Height/2
	}
	p := plot.New()
	p.Title.Text = "Completion with particles"
	p.X.Label.Text = "particles"
	p.Y.Label.Text = "log-probability of the kept half, nats"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, powers{}
	p.Add(plotter.NewGrid())
	for i, half := range []struct {
		name string
		keep []bool
	}{{"right half kept", right}, {"lower half kept", lower}} {
		curve, err := measureHalf(ctx, s, half.name, pictures[:images], half.keep, most)
		if err != nil {
			return err
		}
		if err := add(p, half.name, curve, i); err != nil {
			return err
		}
	}
	p.Legend.Left = false
	w, err := p.WriterTo(16*vg.Centimeter, 10*vg.Centimeter, "png")
	if err != nil {
		return err
	}
	return atomicfile.Write(output, func(out io.Writer) error {
		_, err := w.WriteTo(out)
		return err
	})
}

// points are means with their standard errors.
type points struct {
	plotter.XYs
	plotter.YErrors
}

// measureHalf completes each picture with 1, 2, 4, … particles.
func measureHalf(ctx context.Context, s *sampler.Sampler, name string, pictures [][]uint8, keep []bool, most int) (points, error) {
	var out points
	for n := 1; n <= most; n *= 2 {
		var sum, squares, effective, resampled float64
		for i, picture := range pictures {
			for sample, err := range s.Samples(ctx, sampler.Request{
				First: uint64(i), N: 1,
				Completion: sampler.Completion{Picture: picture, Keep: keep, Particles: n},
			}) {
				if err != nil {
					return out, err
				}
				sum += sample.LogProbKept
				squares += sample.LogProbKept * sample.LogProbKept
				effective += sample.EffectiveSize
				resampled += float64(sample.Resampled)
			}
		}
		images := float64(len(pictures))
		mean := sum / images
		deviation := math.Sqrt((squares/images - mean*mean) / (images - 1))
		fmt.Printf("%s, %4d particles: %7.2f ± %.2f nats, effective size %.1f, resampled %.1f times\n",
			name, n, mean, deviation, effective/images, resampled/images)
		out.XYs = append(out.XYs, plotter.XY{X: float64(n), Y: mean})
		out.YErrors = append(out.YErrors, struct{ Low, High float64 }{deviation, deviation})
	}
	return out, nil
}

func add(p *plot.Plot, name string, curve points, i int) error {
	line, dots, err := plotter.NewLinePoints(curve.XYs)
	if err != nil {
		return err
	}
	bars, err := plotter.NewYErrorBars(curve)
	if err != nil {
		return err
	}
	c := []color.Color{color.RGBA{0x1f, 0x4e, 0x79, 0xff}, color.RGBA{0xc0, 0x39, 0x2b, 0xff}}[i]
	line.Color, dots.Color, bars.Color = c, c, c
	line.Width, dots.Shape = vg.Points(1.5), draw.CircleGlyph{}
	p.Add(bars, line, dots)
	p.Legend.Add(name, line, dots)
	return nil
}

// powers marks powers of two.
type powers struct{}

func (powers) Ticks(low, high float64) (ticks []plot.Tick) {
	for n := 1.0; n <= high; n *= 2 {
		if n >= low {
			ticks = append(ticks, plot.Tick{Value: n, Label: fmt.Sprint(n)})
		}
	}
	return ticks
}
