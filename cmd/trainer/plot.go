package main

import (
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// curve collects what --plot draws. x is in epochs, y in nats/dim.
type curve struct {
	loss   plotter.XYs // training loss of each step
	splits map[string]plotter.XYs
}

func (c *curve) addLoss(epochs, loss float64) {
	c.loss = append(c.loss, plotter.XY{X: epochs, Y: loss})
}

func (c *curve) addNLL(split string, epochs, nll float64) {
	if c.splits == nil {
		c.splits = map[string]plotter.XYs{}
	}
	c.splits[split] = append(c.splits[split], plotter.XY{X: epochs, Y: nll})
}

// smooth is the mean of each point and up to n points before it.
func smooth(points plotter.XYs, n int) plotter.XYs {
	out := make(plotter.XYs, len(points))
	sum := 0.0
	for i, p := range points {
		sum += p.Y
		if i >= n {
			sum -= points[i-n].Y
		}
		out[i] = plotter.XY{X: p.X, Y: sum / float64(min(i+1, n))}
	}
	return out
}

var (
	pale  = color.Gray{Y: 0xd0}
	dark  = color.RGBA{R: 0x1f, G: 0x4e, B: 0x79, A: 0xff}
	red   = color.RGBA{R: 0xc0, G: 0x39, B: 0x2b, A: 0xff}
	green = color.RGBA{R: 0x1e, G: 0x84, B: 0x49, A: 0xff}
)

// write draws the curve as a PNG.
func (c *curve) write(w io.Writer) error {
	p := plot.New()
	p.Title.Text = "PixelCNN training"
	p.X.Label.Text = "epochs"
	p.Y.Label.Text = "nats/dim"
	p.Add(plotter.NewGrid())
	if len(c.loss) > 0 {
		each, err := plotter.NewLine(c.loss)
		if err != nil {
			return err
		}
		each.Color = pale
		mean, err := plotter.NewLine(smooth(c.loss, 50))
		if err != nil {
			return err
		}
		mean.Color, mean.Width = dark, vg.Points(1.5)
		p.Add(each, mean)
		p.Legend.Add("loss of a step", each)
		p.Legend.Add("mean of the last 50", mean)
		// The first steps start near ln(levels); the interest lies below.
		p.Y.Max = min(p.Y.Max, 2*c.loss[len(c.loss)-1].Y)
	}
	for _, split := range []struct {
		name  string
		color color.Color
		shape draw.GlyphDrawer
	}{{"validation", green, draw.CrossGlyph{}}, {"test", red, draw.CircleGlyph{}}} {
		if len(c.splits[split.name]) == 0 {
			continue
		}
		line, points, err := plotter.NewLinePoints(c.splits[split.name])
		if err != nil {
			return err
		}
		line.Color = split.color
		points.Color, points.Shape, points.Radius = split.color, split.shape, vg.Points(3)
		p.Add(line, points)
		p.Legend.Add(split.name+" NLL", line, points)
	}
	p.Legend.Top = true
	png, err := p.WriterTo(18*vg.Centimeter, 11*vg.Centimeter, "png")
	if err != nil {
		return err
	}
	_, err = png.WriteTo(w)
	return err
}
