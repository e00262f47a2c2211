package onefile

import (
	"fmt"

	"pixelcnn/internal/onnx"
)

// A scope is a graph with the values that are made in it once, by name.
type scope struct {
	graph  *onnx.Graph
	shared map[string]*onnx.Value
}

// A loop is the body of a Loop.
type loop struct {
	scope
	turn *onnx.Value // its number, a scalar
	on   *onnx.Value
}

// open begins the body of a loop.
func open(name string) *loop {
	l := &loop{scope: scope{&onnx.Graph{Name: name}, map[string]*onnx.Value{}}}
	l.turn = l.graph.Input(name, onnx.Int64)
	l.on = l.graph.Input(name+"_on", onnx.Bool)
	return l
}

// once makes a value, or finds what was made before under the same name.
func (s *scope) once(name string, make func() *onnx.Value) *onnx.Value {
	if s.shared[name] == nil {
		s.shared[name] = make()
	}
	return s.shared[name]
}

// now is this turn's entry of a table that has one for each, [1].
func (l *loop) now(values []int) *onnx.Value {
	return l.once(fmt.Sprint("now ", values), func() *onnx.Value {
		return l.graph.Op("Gather", nil, table(values, len(values), 1), l.turn)
	})
}

// carried is a value that a loop carries from turn to turn: the inner loop, and the outer one
// around it, or the outer loop alone.
type carried struct {
	shape       []onnx.Dim
	first, next *onnx.Value
	now         []*onnx.Value // in each loop, outer one first
	in          []*loop
}

// carry adds a carried value, of the outer loop alone where outer is set. Its shape holds in every
// turn: dimensions that change from turn to turn are free.
func (b *builder) carry(name string, outer bool, first *onnx.Value, shape ...onnx.Dim) *carried {
	c := &carried{shape: shape, first: first, in: b.loops}
	if outer {
		c.in = b.loops[:1]
	}
	for i, l := range c.in {
		v := l.graph.Input(name, onnx.Float32, shape...)
		if i > 0 {
			v.Name += "_"
		}
		c.now = append(c.now, v)
	}
	b.carried = append(b.carried, c)
	return c
}

// seen is the value at the beginning of a turn of a loop.
func (c *carried) seen(in *loop) *onnx.Value {
	for i, l := range c.in {
		if l == in {
			return c.now[i]
		}
	}
	return c.own()
}

// own is the value at the beginning of a turn of its own loop.
func (c *carried) own() *onnx.Value { return c.now[len(c.now)-1] }

// becomes sets the value for the next turn of its own loop.
func (c *carried) becomes(next *onnx.Value) {
	next.DType, next.Shape = onnx.Float32, c.shape
	c.next = next
}

// close adds a loop of as many turns to the graph around it, with everything that it
// carries. Afterwards what is carried has the values that the loop ends with.
func (b *builder) close(level int, around *onnx.Graph, turns *onnx.Value) {
	l := b.loops[level]
	inputs := []*onnx.Value{turns, onnx.Const("", onnx.Scalar(true))}
	l.graph.Output(l.graph.Op("Identity", nil, l.on), "", onnx.Bool)
	var through []*carried
	for _, c := range b.carried {
		if len(c.in) <= level {
			continue
		}
		through = append(through, c)
		first := c.first
		if level > 0 {
			first = c.now[level-1]
		}
		inputs, l.graph.Outputs = append(inputs, first), append(l.graph.Outputs, c.next)
	}
	for i, v := range around.Ops(len(through), "Loop", onnx.Attrs{"body": l.graph}, inputs...) {
		through[i].becomes(v)
	}
}
