package engine

import (
	"context"
	"slices"

	"pixelcnn/sampler/internal/draw"
)

// Full runs the whole network once per pixel, or once per symbol where the outputs of a
// channel depend on the pixel's earlier channels: the loop that every other
// PixelCNN uses, and the measure for the faster engine.
type Full struct {
	*Whole
	settle draw.Settler
	slots  Slots
}

// fullBatch is the batch where the caller left it open: enough to spread the cost
// of a run, few enough for one run to end soon after a context does.
const fullBatch = 64

// Draw implements [Drawer].
func (e *Full) Draw(ctx context.Context, rows []draw.Row, run Run) error {
	batch := run.Batch
	if batch == 0 {
		batch = min(fullBatch, (len(rows)+run.Threads-1)/run.Threads)
	}
	batch = min(batch, len(rows))
	if run.Batch == 0 || e.sig.Batch > 0 {
		batch = e.Fit(batch)
	}
	return e.slots.inParts(ctx, rows, batch, run, func(ctx context.Context, part []draw.Row) error {
		return e.drawBatch(ctx, part, batch, run)
	})
}

// drawBatch draws rows in a run of batch images, the last of which may be idle.
func (e *Full) drawBatch(ctx context.Context, rows []draw.Row, batch int, run Run) error {
	f, err := e.Forward(batch)
	if err != nil {
		return err
	}
	defer f.Close()
	// Pixels not drawn yet hold level 0; a causal model does not look at them.
	symbols, channels := e.sig.Symbols(), e.sig.Channels
	u := make([]float64, len(rows)*symbols)
	uniforms := draw.NewUniforms()
	for i := range rows {
		uniforms.Fill(u[i*symbols:(i+1)*symbols], 1, rows[i].How.Seed, rows[i].Image)
		f.SetClass(i, rows[i].Class)
		f.SetConditions(i, rows[i].Conditions)
	}
	b := draw.NewBatch(e.sig.Head, rows, e.sig.Width, e.settle)
	left := make([]int, len(rows)) // the rows that are wanted
	for i := range left {
		left[i] = i
	}
	for k := range symbols {
		left = slices.DeleteFunc(left, func(i int) bool { return !b.Wanted(i) })
		if len(left) == 0 {
			return nil
		}
		if k%channels == 0 || e.sig.SubPixel {
			if err := f.Run(ctx); err != nil {
				return err
			}
		}
		for _, i := range left {
			outputs, stride := f.At(i, k/channels)
			level := b.Symbol(i, k, outputs, stride, u[i*symbols+k])
			if level < 0 {
				return b.Fail(i, k)
			}
			f.Set(i, k, uint16(level))
		}
		if err := run.step(b); err != nil {
			return err
		}
	}
	return nil
}
