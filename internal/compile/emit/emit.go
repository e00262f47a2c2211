// Package emit writes the program of a schedule.
//
// The caches are laid out so that what a step reads is blocks of them (cache.go). Each
// stage becomes a graph (graph.go), whose inputs are those blocks. Then the steps are
// listed: which stages run when, on which slots (steps, below). What varies over images
// only comes from a graph of its own, the prologue.
package emit

import (
	"fmt"
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/compile/schedule"
	"pixelcnn/internal/onnx"
)

// emitter writes a program.
type emitter struct {
	program   *program.Program
	schedule  *schedule.Schedule
	latency   bool
	opset     int64 // the file's
	caches    []int // by unit, -1 for none
	past      []int // the same, of what is kept by heads
	masks     map[maskKey]rows
	readings  [][]*reading    // by stage and input, where that is a mask
	addresses []*addressing   // by cache
	reads     [][][]ir.Access // by stage and input, how its parts are read
	stop      func() error
}

// Emit makes the program of a schedule. m is the simplified file, picture the input of
// it that is one. The latency variant makes runs cheap, the other one rows. stop is
// asked now and then whether to go on.
func Emit(net *ir.Network, units []*ir.Unit, s *schedule.Schedule, m *onnx.Model, picture *onnx.Value, latency bool, stop func() error) (*program.Program, error) {
	e := emitter{
		program: &program.Program{
			Height: net.Size().H(), Width: net.Size().W(), Channels: len(net.Pictures), Phases: len(net.Outputs),
			Picture: picture.Name, Slope: s.Slope, Raster: s.Raster, Units: units, Network: net,
		},
		schedule: s, latency: latency, opset: m.Opsets[""], stop: stop, masks: map[maskKey]rows{},
	}
	for _, u := range net.Outputs {
		e.program.Outputs += u.Channels
	}
	if err := e.lay(units); err != nil {
		return nil, err
	}
	if err := e.keepByHeads(units); err != nil {
		return nil, err
	}
	for _, members := range e.schedule.Stages {
		if err := stop(); err != nil {
			return nil, err
		}
		e.stage(members)
	}
	if err := e.steps(); err != nil {
		return nil, err
	}
	if len(e.program.Conditions) > 0 {
		e.prologue(m, picture)
	}
	return e.program, nil
}

// lay makes the caches.
func (e *emitter) lay(units []*ir.Unit) error {
	p := e.program
	e.caches = slices.Repeat([]int{-1}, len(units))
	all := extents(units, e.schedule)
	for _, u := range units { // the picture's channels come first
		x := all[u.ID]
		if x.area.Empty() {
			continue
		}
		if u.DType != onnx.Float32 {
			return &ir.UnsupportedError{Node: u.Node, Op: u.Op, Reason: "its values are " + u.DType.String() + " and are read from other pixels"}
		}
		l := newAddressing(u, e.schedule, x)
		c := program.Cache{Channels: u.Channels, Slots: l.slots(), Ring: l.ring}
		switch {
		case u.Static() && u.Images:
			p.Conditions = append(p.Conditions, program.Condition{Channels: u.Channels, Unit: u, Cache: len(p.Caches), Slots: places(u, l)})
		case u.Static():
			c.Table = fill(u, l)
		}
		e.caches[u.ID] = len(p.Caches)
		p.Caches, e.addresses = append(p.Caches, c), append(e.addresses, l)
	}
	return nil
}

// steps lists what is computed when.
func (e *emitter) steps() error {
	s, p := e.schedule, e.program
	from, to := s.Span()
	length := 0
	for t := from; t <= to; t++ {
		if err := e.stop(); err != nil {
			return err
		}
		var step program.Step
		for i, members := range s.Stages {
			w := s.Wave(members[0], t)
			if w.N == 0 {
				continue
			}
			p.Stages[i].MaxWidth = max(p.Stages[i].MaxWidth, w.N)
			step.Runs = append(step.Runs, e.run(i, w))
			length = max(length, e.reaches(members, w))
			for phase, u := range p.Network.Outputs {
				if i != s.Of(u) {
					continue
				}
				for k := range w.N {
					y, x := w.At(k)
					step.Draws = append(step.Draws, program.Draw{Phase: phase, Row: k, Pixel: y*p.Width + x, Slot: e.addresses[0].slot(y, x)})
				}
			}
		}
		step.Length = (length + growth - 1) / growth * growth
		if step.Runs != nil {
			p.Steps = append(p.Steps, step)
		}
	}
	return nil
}

// run is that of a stage on the pixels of a wave.
func (e *emitter) run(stage int, w schedule.Wave) program.Run {
	s := e.program.Stages[stage]
	run := program.Run{Stage: stage, Width: w.N, In: make([][]int, len(s.Inputs)), Out: make([]int, len(s.Outputs))}
	for j, r := range e.readings[stage] {
		if r != nil {
			run.In[j] = r.of(w)
		}
	}
	for j, accesses := range e.reads[stage] {
		rows := 1
		if s.Inputs[j].Scattered {
			rows = w.N
		}
		for k, a := range accesses {
			for row := range rows {
				y, x := w.At(row)
				slot := -1
				if y, x, ok := a.At(y, x, 0); ok {
					slot = e.addresses[s.Inputs[j].Caches[k]].slot(y, x)
				}
				run.In[j] = append(run.In[j], slot)
			}
		}
	}
	for j, o := range s.Outputs {
		if o.Cache >= 0 {
			run.Out[j] = e.addresses[o.Cache].slot(w.Y, w.X)
		}
	}
	return run
}

// prologue writes the graph that makes the values of an image's conditions.
func (e *emitter) prologue(m *onnx.Model, picture *onnx.Value) {
	g := &onnx.Graph{Name: "conditions"}
	for _, v := range m.Graph.Inputs {
		if v != picture {
			g.Inputs = append(g.Inputs, v)
			e.program.ConditionInputs = append(e.program.ConditionInputs, onnx.ValueInfo{Name: v.Name, DType: v.DType, Shape: onnx.Sizes(v.Shape)})
		}
	}
	needed := map[*onnx.Node]bool{}
	var need func(v *onnx.Value)
	need = func(v *onnx.Value) {
		if v == nil || v.Node == nil || needed[v.Node] {
			return
		}
		needed[v.Node] = true
		for _, in := range v.Node.Inputs {
			need(in)
		}
	}
	for _, c := range e.program.Conditions {
		need(c.Unit.Value)
	}
	for _, n := range m.Graph.Nodes {
		if needed[n] {
			g.Nodes = append(g.Nodes, n)
		}
	}
	for k, c := range e.program.Conditions {
		flat := g.Reshape(c.Unit.Value, -1)
		g.Output(flat, fmt.Sprintf("per_image_%d", k), onnx.Float32, onnx.Fixed(c.Size()))
	}
	e.program.Prologue = &onnx.Model{IRVersion: 8, Opsets: m.Opsets, ProducerName: "pixelcnn", Graph: g}
}
