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
	file, err := os.ReadFile(*model)
	if err != nil {
		log.Fatal(err)
	}
	curves, err := measure(context.Background(), file, *images, *most)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range curves {
		for i, p := range c.points {
			fmt.Printf("%s, %4d particles: %7.2f ± %.2f nats, effective size %.1f, resampled %.1f times\n",
				c.name, 1<<i, p.mean, p.deviation, p.effective, p.resampled)
		}
	}
	if err := write(*output, curves); err != nil {
		log.Fatal(err)
	}
}

// curve is what was measured with 1, 2, 4, … particles.
type curve struct {
	name   string
	points []point
}

// point are means over the pictures: of the log-probability of the kept half, in nats, with
// its standard error; of the effective size; of how often was resampled.
type point struct{ mean, deviation, effective, resampled float64 }

// measure completes the first test images with up to most particles.
func measure(ctx context.Context, model []byte, images, most int) (curves []curve, err error) {
	rt, err := runtime.OpenAny(runtime.Auto, runtime.Config{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rt.Close()) }()
	s, err := sampler.Open(rt, model, sampler.Config{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	sig := s.Signature()
	set, err := dataset.Load(ctx, "", dataset.Options{Size: sig.Height, Levels: sig.Levels})
	if err != nil {
		return nil, err
	}
	pixels := sig.Height * sig.Width
	pictures := slices.Collect(slices.Chunk(set.Test.Pixels, pixels))
	if images < 2 || images > len(pictures) {
		return nil, fmt.Errorf("-images is %d, must be from 2 to %d", images, len(pictures))
	}
	right, lower := make([]bool, pixels), make([]bool, pixels)
	for k := range pixels {
		right[k] = k%sig.Width >= sig.Width/2
		lower[k] = k/sig.Width >= sig.Height/2
	}
	for _, half := range []struct {
		name string
		keep []bool
	}{{"right half kept", right}, {"lower half kept", lower}} {
		c := curve{name: half.name}
		for n := 1; n <= most; n *= 2 {
			p, err := complete(ctx, s, pictures[:images], half.keep, n)
			if err != nil {
				return nil, err
			}
			c.points = append(c.points, p)
		}
		curves = append(curves, c)
	}
	return curves, nil
}

// complete completes each picture once.
func complete(ctx context.Context, s *sampler.Sampler, pictures [][]uint16, keep []bool, particles int) (p point, err error) {
	images, squares := float64(len(pictures)), 0.0
	for i, picture := range pictures {
		for sample, err := range s.Samples(ctx, sampler.Request{
			First: uint64(i), N: 1,
			Inpainting: sampler.Inpainting{Picture: picture, Mask: keep, Particles: particles},
		}) {
			if err != nil {
				return p, err
			}
			p.mean += sample.LogProbGiven / images
			squares += sample.LogProbGiven * sample.LogProbGiven / images
			p.effective += sample.EffectiveSize / images
			p.resampled += float64(sample.Resampled) / images
		}
	}
	p.deviation = math.Sqrt((squares - p.mean*p.mean) / (images - 1))
	return p, nil
}

// write plots curves as PNG.
func write(output string, curves []curve) error {
	p := plot.New()
	p.Title.Text = "Completion with particles"
	p.X.Label.Text = "particles"
	p.Y.Label.Text = "log-probability of the kept half, nats"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, powers{}
	p.Add(plotter.NewGrid())
	for i, c := range curves {
		if err := add(p, c, i); err != nil {
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

// add draws the i-th curve.
func add(p *plot.Plot, c curve, i int) error {
	var at struct {
		plotter.XYs
		plotter.YErrors
	}
	for k, point := range c.points {
		at.XYs = append(at.XYs, plotter.XY{X: float64(int(1) << k), Y: point.mean})
		at.YErrors = append(at.YErrors, struct{ Low, High float64 }{point.deviation, point.deviation})
	}
	line, dots, err := plotter.NewLinePoints(at.XYs)
	if err != nil {
		return err
	}
	bars, err := plotter.NewYErrorBars(at)
	if err != nil {
		return err
	}
	colour := []color.Color{color.RGBA{0x1f, 0x4e, 0x79, 0xff}, color.RGBA{0xc0, 0x39, 0x2b, 0xff}}[i]
	line.Color, dots.Color, bars.Color = colour, colour, colour
	line.Width, dots.Shape = vg.Points(1.5), draw.CircleGlyph{}
	p.Add(bars, line, dots)
	p.Legend.Add(c.name, line, dots)
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
