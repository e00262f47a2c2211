package compile

import (
	"slices"

	"pixelcnn/internal/onnx"
)

// stage is the units that one graph computes: those of one time and size, none of
// which needs, in the same step, another pixel's value of one of them.
type stage struct {
	key   stageKey
	units []*unit
}

type stageKey struct {
	level int // stages run in this order within a step
	at    int
	rows  bool
	h, w  int
}

// stages divides the units that steps compute.
func stages(units []*unit, s *schedule) (list []*stage, of []*stage) {
	level := make([]int, len(units))
	of = make([]*stage, len(units))
	byKey := map[stageKey]*stage{}
	for i, u := range units {
		if u.kind == image || u.still() {
			continue
		}
		for _, a := range u.args {
			j := a.src.id
			if a.src.kind == image || a.src.still() {
				continue
			}
			if s.together(u, a) {
				level[i] = max(level[i], level[j])
			} else if s.at[i] == s.at[j]+s.wait(u, a) {
				level[i] = max(level[i], level[j]+1)
			}
		}
		key := stageKey{level[i], s.at[i], s.rows[i], u.dom.h(), u.dom.w()}
		if byKey[key] == nil {
			byKey[key] = &stage{key: key}
			list = append(list, byKey[key])
		}
		of[i] = byKey[key]
		of[i].units = append(of[i].units, u)
	}
	slices.SortStableFunc(list, func(a, b *stage) int { return a.key.level - b.key.level })
	return list, of
}

// together tells whether the pixels of u and those that it reads through a are the
// same ones, at the same time.
func (s *schedule) together(u *unit, a arg) bool {
	return a.dy == 0 && a.dx == 0 && a.src.kind != image && !a.src.still() && a.src.dom == u.dom && u.dom.within(a.valid) &&
		s.at[u.id] == s.at[a.src.id] && s.rows[u.id] == s.rows[a.src.id]
}

// assemble makes the program of a schedule.
func assemble(units []*unit, s *schedule, m *onnx.Model, picture *onnx.Value, opt Options) (*Program, error) {
	list, of := stages(units, s)
	direct := func(u *unit, a arg) bool { return s.together(u, a) && of[u.id] == of[a.src.id] }
	logits := units[len(units)-1]
	p := &Program{
		Height: logits.dom.h(), Width: logits.dom.w(), Levels: logits.channels, Picture: picture.Name,
		units: units, schedule: s, few: opt.Few,
	}
	e := emitter{program: p, opset: m.Opsets[""], of: of, direct: direct, caches: map[*unit]int{}, labels: map[*unit]int{}}
	for i, x := range extents(units, s, direct) {
		if x.area.empty() {
			continue
		}
		u := units[i]
		if u.dtype != onnx.Float32 {
			return nil, &UnsupportedError{u.label, u.op, "its values are " + u.dtype.String() + " and are read from other pixels"}
		}
		l := newLayout(u, s, x)
		c := Cache{Channels: u.channels, Slots: l.slots(), Ring: l.ring}
		if u.kind == table {
			c.Table = fill(u, l)
		}
		if u.kind == image { // the first place is the picture's
			p.Caches = slices.Insert(p.Caches, 0, c)
			e.layouts = slices.Insert(e.layouts, 0, l)
			for v := range e.caches {
				e.caches[v]++
			}
			e.caches[u] = 0
			continue
		}
		e.caches[u] = len(p.Caches)
		p.Caches, e.layouts = append(p.Caches, c), append(e.layouts, l)
	}
	for _, st := range list {
		if err := opt.stop(); err != nil {
			return nil, err
		}
		if err := e.stage(st, logits); err != nil {
			return nil, err
		}
	}
	if err := e.steps(list, logits, opt); err != nil {
		return nil, err
	}
	if len(e.labels) > 0 {
		if err := e.prologue(m, picture); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// fill lays out a constant per pixel.
func fill(u *unit, l *layout) []float32 {
	out := make([]float32, l.slots()*u.channels)
	h, w := u.full.h(), u.full.w()
	for y := u.dom.y0; y < u.dom.y1; y++ {
		for x := u.dom.x0; x < u.dom.x1; x++ {
			for c := range u.channels {
				out[l.slot(y, x)*u.channels+c] = u.table.Floats()[(c*h+y-u.full.y0)*w+x-u.full.x0]
			}
		}
	}
	return out
}

// steps lists what is computed when.
func (e *emitter) steps(list []*stage, logits *unit, opt Options) error {
	s := e.program.schedule
	var from, to int
	for _, st := range list {
		u := st.units[0]
		from = min(from, s.at[u.id])
		to = max(to, s.at[u.id]+s.slope*(u.dom.h()-1)+u.dom.w()-1)
	}
	for t := from; t <= to; t++ {
		if err := opt.stop(); err != nil {
			return err
		}
		var step Step
		for i, st := range list {
			w := s.pixels(st.units[0], t)
			if w.n == 0 {
				continue
			}
			run := Run{Stage: i, Width: w.n}
			e.program.Stages[i].MaxWidth = max(e.program.Stages[i].MaxWidth, w.n)
			for _, taps := range e.taps[i] {
				var slots []int
				for _, a := range taps {
					slots = append(slots, e.layouts[e.caches[a.src]].slot(w.y+a.dy, w.x+a.dx))
				}
				run.In = append(run.In, slots)
			}
			for _, u := range e.outputs[i] {
				slot := 0
				if u != logits {
					slot = e.layouts[e.caches[u]].slot(w.y, w.x)
				}
				run.Out = append(run.Out, slot)
			}
			if st == e.of[logits.id] {
				for k := range w.n {
					y, x := w.y+k*w.dy, w.x+k*w.dx
					step.Draws = append(step.Draws, Draw{Row: k, Pixel: y*e.program.Width + x, Slot: e.layouts[0].slot(y, x)})
				}
			}
			step.Runs = append(step.Runs, run)
		}
		if step.Runs != nil {
			e.program.Steps = append(e.program.Steps, step)
		}
	}
	return nil
}
