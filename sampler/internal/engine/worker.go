package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/onnx"
	"pixelcnn/sampler/internal/draw"
)

// worker holds the caches for a number of images and everything bound to them. It
// allocates nothing while it draws.
type worker struct {
	*variant
	net    Network
	images int

	caches   [][]float32 // [slots, images, channels]
	outputs  [][]float32 // per phase, [rows, outputs of it]
	pixel    []float32   // the outputs of a pixel, where they come in phases
	zeros    []float32   // what scattered rows are that are read nowhere
	u        []float64   // uniforms, [symbols, images]
	perImage [][]float32 // per condition that varies over images only: [pixels of a wave, images, channels]
	steps    []workerStep
	bindings []onnx.Binding
	uniforms *draw.Uniforms
	length   int   // of what is kept by heads
	drawn    []int // the row that each image is, -1 where it is none
}

// workerStep is a step with its tensors bound.
type workerStep struct {
	runs   []workerRun
	draws  []program.Draw
	length int
}

type workerRun struct {
	gathers []gather
	binding onnx.Binding
	after   []gather
	puts    []put
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
// bindings, and for each image: for its uniforms, caches, inputs, outputs and conditions, and
// for the bindings.
func workerBytes(p *program.Program) (fixed, perImage int64) {
	rows, floats := 0, int64(2*p.Height*p.Width*p.Channels)
	for _, c := range p.Caches {
		floats += int64(c.Slots) * int64(c.Channels)
	}
	for _, s := range p.Stages {
		rows = max(rows, s.MaxWidth)
		for _, in := range s.Inputs {
			if in.Form == program.Masked {
				fixed += 4 * int64(maskLen(p, p.Masks[in.Mask], longest))
			}
			floats += int64(gathered(p, in)) * int64(s.MaxWidth)
		}
		if p.Grows() {
			for _, o := range s.Outputs {
				if o.Cache >= 0 {
					floats += int64(p.Caches[o.Cache].Channels) * int64(s.MaxWidth)
				}
			}
		}
	}
	floats += int64(rows) * int64(p.Outputs)
	for _, l := range p.Conditions {
		if l.Cache < 0 {
			floats += int64(rows) * int64(l.Channels)
		}
	}
	bound := map[string]bool{}
	for _, step := range p.Steps {
		for _, run := range step.Runs {
			if key := bindingKey(run, step.Length); p.Grows() {
				if bound[key] {
					continue
				}
				bound[key] = true
			}
			nodes := int64(len(p.Stages[run.Stage].Model.Graph.Nodes))
			fixed += nodeBytes * nodes
			perImage += rowBytes * nodes * int64(run.Width)
		}
	}
	return fixed, perImage + 4*floats
}

// gathered is how many numbers are copied together for a row of an input.
func gathered(p *program.Program, in program.Input) int {
	switch in.Form {
	case program.View:
		if p.Grows() {
			return in.Channels
		}
		return 0
	case program.Stacked:
		return len(in.Caches)
	case program.Joined:
		return in.Channels
	default:
		return 0
	}
}

func newWorker(ctx context.Context, e *Incremental, v *variant, images int) (*worker, error) {
	p := v.program
	w := &worker{variant: v, net: e.net, images: images, uniforms: draw.NewUniforms(), drawn: make([]int, images)}
	w.u = make([]float64, p.Height*p.Width*p.Channels*images)
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
	widest := 0
	for _, c := range p.Caches {
		widest = max(widest, c.Channels)
	}
	w.zeros = make([]float32, widest*images)
	inputs := make([][]([]float32), len(p.Stages))  // per stage and input
	outputs := make([][]([]float32), len(p.Stages)) // per stage and output, where they do not lie in the caches
	rows := 0
	for i, s := range p.Stages {
		rows = max(rows, s.MaxWidth*images)
		for _, in := range s.Inputs {
			size := gathered(p, in) * s.MaxWidth * images
			if in.Form == program.Masked {
				size = maskLen(p, p.Masks[in.Mask], longest)
			}
			inputs[i] = append(inputs[i], make([]float32, size))
		}
		for _, o := range s.Outputs {
			var data []float32
			if o.Cache >= 0 && p.Grows() {
				data = make([]float32, p.Caches[o.Cache].Channels*s.MaxWidth*images)
			}
			outputs[i] = append(outputs[i], data)
		}
	}
	for range p.Phases {
		w.outputs = append(w.outputs, make([]float32, rows*p.Outputs/p.Phases))
	}
	w.pixel = make([]float32, p.Outputs)
	for _, l := range p.Conditions {
		var wide []float32
		if l.Cache < 0 {
			wide = make([]float32, rows*l.Channels)
		}
		w.perImage = append(w.perImage, wide)
	}
	bound := map[string]onnx.Binding{}
	for _, step := range p.Steps {
		ws := workerStep{draws: step.Draws, length: step.Length}
		w.length = step.Length
		for _, run := range step.Runs {
			r, err := w.bind(ctx, v.stages[run.Stage], run, inputs[run.Stage], outputs[run.Stage], bound)
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
func (w *worker) bind(ctx context.Context, session onnx.Session, run program.Run, gathered, made [][]float32, bound map[string]onnx.Binding) (workerRun, error) {
	var out workerRun
	if err := ctx.Err(); err != nil {
		return out, fmt.Errorf("sampler: %w", err)
	}
	s, grows := w.program.Stages[run.Stage], w.program.Grows()
	n := run.Width * w.images
	var inputs, outputs []*onnx.Tensor
	key := fmt.Sprint(run.Stage, run.Width, run.Out)
	copies := 0
	for i := range s.Inputs {
		copies += len(run.In[i])
	}
	out.gathers = make([]gather, 0, copies)
	for i, in := range s.Inputs {
		switch in.Form {
		case program.View:
			view := w.view(in.Caches[0], run.In[i][0], run.Width)
			if grows {
				to := gathered[i][:len(view)]
				out.gathers = append(out.gathers, gather{to, view, in.Channels, in.Channels})
				view = to
			}
			inputs = append(inputs, onnx.NewTensor(view, n, in.Channels))
			key += fmt.Sprint(run.In[i])
		case program.Past:
			c := w.program.Caches[in.Past]
			length, each := c.Length(w.length), c.Channels/c.Heads
			shape := []int{w.images, c.Heads, length, each}
			if c.Turned {
				shape[2], shape[3] = each, length
			}
			inputs = append(inputs, onnx.NewTensor(w.caches[in.Past][:w.images*c.Channels*length], shape...))
		case program.Masked:
			m := w.program.Masks[in.Mask]
			size := maskLen(w.program, m, w.length)
			each := size / m.Heads
			for k, at := range run.In[i] {
				out.gathers = append(out.gathers, gather{gathered[i][k*each:], m.Values[at : at+each], each, each})
			}
			inputs = append(inputs, onnx.NewTensor(gathered[i][:size], w.program.Shape(m, w.length)...))
		case program.Stacked:
			to := gathered[i][:len(in.Caches)*n]
			for k := range in.Caches {
				out.gathers = w.gather(out.gathers, to[k*n:(k+1)*n], 1, in, k, run, i)
			}
			inputs = append(inputs, onnx.NewTensor(to, len(in.Caches), n))
		case program.Joined:
			to := gathered[i][:in.Channels*n]
			first := 0
			for k, c := range in.Caches {
				out.gathers = w.gather(out.gathers, to[first:], in.Channels, in, k, run, i)
				first += w.program.Caches[c].Channels
			}
			inputs = append(inputs, onnx.NewTensor(to, n, in.Channels))
		case program.PerImage:
			inputs = append(inputs, onnx.NewTensor(w.perImage[in.Condition][:n*in.Channels], n, in.Channels))
		}
	}
	for i, o := range s.Outputs {
		if o.Cache < 0 {
			each := w.program.Outputs / w.program.Phases
			outputs = append(outputs, onnx.NewTensor(w.outputs[o.Phase][:n*each], n, each))
			continue
		}
		c := w.program.Caches[o.Cache]
		switch {
		case c.Heads > 0:
			out.puts = append(out.puts, put{made[i], o.Cache, run.Out[i], run.Width})
			outputs = append(outputs, onnx.NewTensor(made[i][:n*c.Channels], n, c.Channels))
		case grows:
			out.after = append(out.after, gather{w.view(o.Cache, run.Out[i], run.Width), made[i][:n*c.Channels], c.Channels, c.Channels})
			outputs = append(outputs, onnx.NewTensor(made[i][:n*c.Channels], n, c.Channels))
		default:
			outputs = append(outputs, onnx.NewTensor(w.view(o.Cache, run.Out[i], run.Width), n, c.Channels))
		}
	}
	if grows {
		key = bindingKey(run, w.length)
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

// gather appends what copies part k of input i of a run to where its first row begins,
// with so many numbers from row to row.
func (w *worker) gather(list []gather, to []float32, stride int, in program.Input, k int, run program.Run, i int) []gather {
	cache := in.Caches[k]
	c := w.program.Caches[cache].Channels
	if !in.Scattered {
		return append(list, gather{to, w.view(cache, run.In[i][k], run.Width), c, stride})
	}
	for row, slot := range run.In[i][k*run.Width : (k+1)*run.Width] {
		from := w.zeros[:w.images*c]
		if slot >= 0 {
			from = w.view(cache, slot, 1)
		}
		list = append(list, gather{to[row*w.images*stride:], from, c, stride})
	}
	return list
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
