package sampler

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/onnx"
)

// worker holds the caches for a number of images and everything bound to them. It
// allocates nothing while it draws.
type worker struct {
	*variant
	values []float32
	labels func(class int) []*onnx.Tensor
	images int

	caches   [][]float32 // [slots, images, channels]
	logits   []float32   // [rows, levels]
	coins    []float64   // [pixels, images]
	perImage [][]float32 // per label: [pixels of a wave, images, channels]
	steps    []workerStep
	bindings []onnx.Binding
	pcg      *rand.PCG
	rng      *rand.Rand
}

// workerStep is a step with its tensors bound.
type workerStep struct {
	runs  []workerRun
	draws []program.Draw
}

type workerRun struct {
	gathers []gather
	binding onnx.Binding
}

// gather copies rows of channels from a cache into an input, stride apart.
type gather struct {
	to, from []float32
	channels int
	stride   int
}

func (g *gather) run() {
	if g.stride == g.channels {
		copy(g.to, g.from)
		return
	}
	to, from := g.to, g.from
	for {
		copy(to[:g.channels], from)
		if from = from[g.channels:]; len(from) == 0 {
			return
		}
		to = to[g.stride:]
	}
}

// What a binding takes for each node of its graph, and for each row and node: more or
// less what the runtime in Go was seen to take.
const (
	nodeBytes = 2 << 10
	rowBytes  = 8
)

// workerBytes is how many bytes a worker takes however many images it draws, for its
// bindings, and for each image: for its coins, caches, inputs, logits and labels, and
// for the bindings.
func workerBytes(p *program.Program) (fixed, perImage int64) {
	rows, floats := 0, int64(2*p.Height*p.Width)
	for _, c := range p.Caches {
		floats += int64(c.Slots) * int64(c.Channels)
	}
	for _, s := range p.Stages {
		rows = max(rows, s.MaxWidth)
		for _, in := range s.Inputs {
			floats += int64(gathered(in)) * int64(s.MaxWidth)
		}
	}
	floats += int64(rows) * int64(p.Levels)
	for _, l := range p.Conditions {
		floats += int64(rows) * int64(l.Channels)
	}
	for _, step := range p.Steps {
		for _, run := range step.Runs {
			nodes := int64(len(p.Stages[run.Stage].Model.Graph.Nodes))
			fixed += nodeBytes * nodes
			perImage += rowBytes * nodes * int64(run.Width)
		}
	}
	return fixed, perImage + 4*floats
}

// gathered is how many numbers are copied together for a row of an input.
func gathered(in program.Input) int {
	switch in.Form {
	case program.Stacked:
		return len(in.Caches)
	case program.Joined:
		return in.Channels
	default:
		return 0
	}
}

func newWorker(ctx context.Context, e *incrementalEngine, v *variant, images int) (*worker, error) {
	p := v.program
	w := &worker{variant: v, values: e.values, labels: e.labels, images: images, pcg: &rand.PCG{}}
	w.rng = rand.New(w.pcg)
	w.coins = make([]float64, p.Height*p.Width*images)
	for _, c := range p.Caches {
		data := make([]float32, c.Slots*images*c.Channels)
		if c.Table != nil {
			for i := range data {
				slot, channel := i/(images*c.Channels), i%c.Channels
				data[i] = c.Table[slot*c.Channels+channel]
			}
		}
		w.caches = append(w.caches, data)
	}
	inputs := make([][]([]float32), len(p.Stages)) // per stage and input
	rows := 0
	for i, s := range p.Stages {
		rows = max(rows, s.MaxWidth*images)
		for _, in := range s.Inputs {
			inputs[i] = append(inputs[i], make([]float32, gathered(in)*s.MaxWidth*images))
		}
	}
	w.logits = make([]float32, rows*p.Levels)
	for _, l := range p.Conditions {
		w.perImage = append(w.perImage, make([]float32, rows*l.Channels))
	}
	bound := map[string]onnx.Binding{}
	for _, step := range p.Steps {
		ws := workerStep{draws: step.Draws}
		for _, run := range step.Runs {
			r, err := w.bind(ctx, v.stages[run.Stage], run, inputs[run.Stage], bound)
			if err != nil {
				return nil, errors.Join(err, w.close())
			}
			ws.runs = append(ws.runs, r)
		}
		w.steps = append(w.steps, ws)
	}
	return w, nil
}

// bind makes the tensors of a run. In the middle of an image the same ones come
// round again and again, so bindings are shared.
func (w *worker) bind(ctx context.Context, session onnx.Session, run program.Run, gathered [][]float32, bound map[string]onnx.Binding) (workerRun, error) {
	var out workerRun
	if err := ctx.Err(); err != nil {
		return out, fmt.Errorf("sampler: %w", err)
	}
	s := w.program.Stages[run.Stage]
	n := run.Width * w.images
	var inputs, outputs []*onnx.Tensor
	key := fmt.Sprint(run.Stage, run.Width, run.Out)
	for i, in := range s.Inputs {
		switch in.Form {
		case program.View:
			inputs = append(inputs, onnx.NewTensor(w.view(in.Caches[0], run.In[i][0], run.Width), n, in.Channels))
			key += fmt.Sprint(run.In[i])
		case program.Stacked:
			to := gathered[i][:len(in.Caches)*n]
			for k, slot := range run.In[i] {
				out.gathers = append(out.gathers, gather{to[k*n : (k+1)*n], w.view(in.Caches[k], slot, run.Width), 1, 1})
			}
			inputs = append(inputs, onnx.NewTensor(to, len(in.Caches), n))
		case program.Joined:
			to := gathered[i][:in.Channels*n]
			first := 0
			for k, slot := range run.In[i] {
				c := w.program.Caches[in.Caches[k]].Channels
				out.gathers = append(out.gathers, gather{to[first:], w.view(in.Caches[k], slot, run.Width), c, in.Channels})
				first += c
			}
			inputs = append(inputs, onnx.NewTensor(to, n, in.Channels))
		case program.PerImage:
			inputs = append(inputs, onnx.NewTensor(w.perImage[in.Condition][:n*in.Channels], n, in.Channels))
		}
	}
	for i, o := range s.Outputs {
		if o.Cache < 0 {
			outputs = append(outputs, onnx.NewTensor(w.logits[:n*w.program.Levels], n, w.program.Levels))
			continue
		}
		outputs = append(outputs, onnx.NewTensor(w.view(o.Cache, run.Out[i], run.Width), n, w.program.Caches[o.Cache].Channels))
	}
	if out.binding = bound[key]; out.binding == nil {
		b, err := session.Bind(inputs, outputs)
		if err != nil {
			return out, fmt.Errorf("sampler: binding a step: %w", err)
		}
		w.bindings = append(w.bindings, b)
		bound[key], out.binding = b, b
	}
	return out, nil
}

// view is the block of width slots of a cache.
func (w *worker) view(cache, slot, width int) []float32 {
	size := w.images * w.program.Caches[cache].Channels
	return w.caches[cache][slot*size : (slot+width)*size : (slot+width)*size]
}

func (w *worker) close() error {
	var errs []error
	for _, b := range slices.Backward(w.bindings) {
		errs = append(errs, b.Close())
	}
	w.bindings = nil
	return errors.Join(errs...)
}

// draw fills levels, [n, H, W], with n ≤ w.images images; the others are idle.
func (w *worker) draw(ctx context.Context, first uint64, levels []uint8, how options) error {
	pixels := w.program.Height * w.program.Width
	n := len(levels) / pixels
	for i := range n {
		w.pcg.Seed(how.seed, first+uint64(i))
		for k := range pixels {
			w.coins[k*w.images+i] = w.rng.Float64()
		}
	}
	for i := range n {
		if err := w.setClass(ctx, i, how.class(first+uint64(i))); err != nil {
			return err
		}
	}
	for i, c := range w.program.Caches {
		if c.Ring {
			clear(w.caches[i])
		}
	}
	d := how.begin(first, levels, w.program.Height, w.program.Width, w.program.Levels)
	for s := range w.steps {
		step := &w.steps[s]
		for _, run := range step.runs {
			for i := range run.gathers {
				run.gathers[i].run()
			}
			if err := run.binding.Run(ctx); err != nil {
				return fmt.Errorf("sampler: %w", err)
			}
		}
		for _, draw := range step.draws {
			logits := w.logits[draw.Row*w.images*w.program.Levels:]
			picture := w.caches[0][draw.Slot*w.images:]
			coins := w.coins[draw.Pixel*w.images:]
			for i := range n {
				level := d.pixel(i, draw.Pixel, logits[i*w.program.Levels:], 1, coins[i])
				if level < 0 {
					return d.fail(i, draw.Pixel)
				}
				picture[i] = w.values[level]
			}
		}
		if err := d.step(); err != nil {
			return err
		}
	}
	return nil
}
