package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/sampler"
)

// writePlan prints how the incremental engine draws from the model.
func writePlan(w io.Writer, plan *sampler.Plan) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	order := fmt.Sprintf("wavefront of slope %d", plan.Slope)
	if plan.Raster {
		order = "raster"
	}
	fmt.Fprintf(t, "\norder\t%s, %d steps, up to %d pixels and %d graphs a step\n", order, plan.Steps, plan.Width, plan.Stages)
	fmt.Fprintf(t, "multiply-adds\t%d an image; the plain loop makes %d, one forward pass %d\n", plan.MACs, plan.LoopMACs, plan.PassMACs)
	fmt.Fprintf(t, "caches\t%d bytes an image\n", plan.CacheBytes)
	fmt.Fprintf(t, "\nlayer\toperator\tchannels\tlive taps\tmultiply-adds of a pass\n")
	for _, l := range plan.Layers {
		fmt.Fprintf(t, "%s\t%s\t%d → %d\t%d of %d\t%d\n", cli.Name(l.Node), cli.Name(l.Op), l.In, l.Out, l.Live, l.Taps, l.MACs)
	}
	return t.Flush()
}

// writeWave draws the image's pixels, each with the step that draws it, as SVG.
// Steps have colours in turn, so that the wave is seen.
func writeWave(w io.Writer, height, width int, steps []int) error {
	const cell = 28
	last := 0
	for _, s := range steps {
		last = max(last, s)
	}
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="11" text-anchor="middle">`+"\n",
		width*cell, height*cell, width*cell, height*cell)
	fmt.Fprintf(w, "<title>the step in which each of %d×%d pixels is drawn, of %d</title>\n", height, width, last+1)
	for i, s := range steps {
		x, y := i%width*cell, i/width*cell
		fmt.Fprintf(w, `<rect x="%d" y="%d" width="%d" height="%d" fill="hsl(%d,60%%,%d%%)" stroke="#fff"/>`+"\n",
			x, y, cell, cell, 210+s*90/(last+1), 88-s%4*9)
		fmt.Fprintf(w, `<text x="%d" y="%d">%d</text>`+"\n", x+cell/2, y+cell/2+4, s+1)
	}
	_, err := fmt.Fprintln(w, "</svg>")
	return err
}
