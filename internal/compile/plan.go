package compile

// Plan describes a program, for people.
type Plan struct {
	// Slope is s in the time x + s·y + offset at which a pixel's values are computed.
	// In raster order, where Raster is set, it is the width.
	Slope  int
	Raster bool
	Steps  int // runs of everything that a step computes
	Width  int // pixels of an image that a step draws, at most
	Stages int // graphs that a step runs, at most
	Layers []Layer
	// Multiply-adds per image: of one pass of the whole network, of the plain loop,
	// which makes one for each pixel, and of the program.
	PassMACs, LoopMACs, MACs int64
	CacheBytes               int64 // per image
}

// Layer is a convolution or matrix product of the file.
type Layer struct {
	Node, Op   string
	In, Out    int   // channels
	Taps, Live int   // kernel positions, and those with a weight other than zero
	MACs       int64 // of one pass over an image
}

// Plan describes p.
func (p *Program) Plan() Plan {
	out := Plan{Slope: p.schedule.slope, Raster: p.schedule.raster, Steps: len(p.Steps), Layers: p.layers}
	for _, l := range p.layers {
		out.PassMACs += l.MACs
	}
	out.LoopMACs = out.PassMACs * int64(p.Height*p.Width)
	for _, u := range p.units {
		for _, w := range u.weights {
			out.MACs += int64(len(w)) * int64(u.dom.h()*u.dom.w())
		}
	}
	for _, c := range p.Caches {
		out.CacheBytes += int64(c.Slots * c.Channels * 4)
	}
	for _, s := range p.Steps {
		out.Width = max(out.Width, len(s.Draws))
		out.Stages = max(out.Stages, len(s.Runs))
	}
	return out
}

// Wave tells in which step each pixel is drawn, [H, W], from 0 to len(p.Steps)-1.
func (p *Program) Wave() []int {
	steps := make([]int, p.Height*p.Width)
	for i, s := range p.Steps {
		for _, d := range s.Draws {
			steps[d.Pixel] = i
		}
	}
	return steps
}
