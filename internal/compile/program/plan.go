package program

import "pixelcnn/internal/compile/ir"

// Plan describes a program, for people.
type Plan struct {
	// Slope is s in the time x + s·y + offset at which a pixel's values are computed.
	// In raster order, where Raster is set, it is the width, or one more where whole rows are
	// computed between two rows of pixels.
	Slope  int
	Raster bool
	Steps  int // runs of everything that a step computes
	Width  int // pixels of an image that a step draws, at most
	Stages int // graphs that a step runs, at most
	Layers []ir.Layer
	// Multiply-adds per image: of one pass of the whole network, of the plain loop, which
	// makes one for each pixel, or each of its channels, and of the program.
	PassMACs, LoopMACs, MACs int64
	CacheBytes               int64 // per image
}

// Plan describes p.
func (p *Program) Plan() Plan {
	out := Plan{Slope: p.Slope, Raster: p.Raster, Steps: len(p.Steps), Layers: p.Layers}
	for _, l := range p.Layers {
		out.PassMACs += l.MACs
	}
	out.LoopMACs = out.PassMACs * int64(p.Height*p.Width*p.Phases)
	for _, u := range p.Units {
		for _, w := range u.Weights {
			out.MACs += int64(len(w)) * int64(u.Dom.H()*u.Dom.W())
		}
		var past ir.Arg
		each, places := 0, 0
		switch u.Kind {
		case ir.Attention:
			past, each = u.Args[1], u.Args[1].Src.Channels+u.Channels
		case ir.Dense:
			past, each = u.Args[0], u.Args[0].Src.Channels*u.Channels
		default:
			continue
		}
		for p := range u.Dom.H() * u.Dom.W() {
			for _, s := range past.Access.(ir.Attended).Spans(p/u.Dom.W(), p%u.Dom.W()) {
				places += s.To - s.From
			}
			if u.Self {
				places++
			}
		}
		out.MACs += int64(each) * int64(places)
	}
	for _, c := range p.Caches {
		out.CacheBytes += int64(c.Slots * c.Channels * 4)
	}
	for _, s := range p.Steps {
		drawn := 0 // of the last phase
		for _, d := range s.Draws {
			if d.Phase == p.Phases-1 {
				drawn++
			}
		}
		out.Width = max(out.Width, drawn)
		out.Stages = max(out.Stages, len(s.Runs))
	}
	return out
}

// Wave tells in which step each pixel is drawn, the last of it, [H, W], from 0 to
// len(p.Steps)-1.
func (p *Program) Wave() []int {
	steps := make([]int, p.Height*p.Width)
	for i, s := range p.Steps {
		for _, d := range s.Draws {
			steps[d.Pixel] = i
		}
	}
	return steps
}
