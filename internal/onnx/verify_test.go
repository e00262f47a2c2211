package onnx

import (
	"bytes"
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"
)

// plain is y = Relu(x + c), a graph in which nothing is wrong.
func plain() *Model {
	g := &Graph{Name: "g"}
	c := Const("c", NewTensor([]float32{1, 2}, 2))
	sum := g.Op("Add", nil, g.Input("x", Float32, Fixed(2)), c)
	g.Output(g.Op("Relu", nil, sum), "y", Float32, Fixed(2))
	return &Model{IRVersion: 8, Opsets: map[string]int64{"": 17, "unused": 1}, Graph: g}
}

// branching chooses between the branches that each makes of its own graph.
func branching(each func(x *Value, g *Graph)) *Model {
	m := plain()
	g := m.Graph
	branch := func(op string) *Graph {
		sub := &Graph{}
		sub.Outputs = []*Value{sub.Op(op, nil, g.Nodes[0].Outputs[0])}
		each(g.Inputs[0], sub)
		return sub
	}
	on := g.Op("Cast", Attrs{"to": int64(Bool)}, g.Op("ReduceSum", Attrs{"keepdims": int64(0)}, g.Inputs[0]))
	g.Output(g.Op("If", Attrs{"then_branch": branch("Neg"), "else_branch": branch("Abs")}, on), "z", Float32, Fixed(2))
	return m
}

// TestVerify: what is wrong with a model that was made in memory is told, as it is of a
// file.
func TestVerify(t *testing.T) {
	type limits = Limits
	for name, c := range map[string]struct {
		change func(m *Model)
		limits limits
		want   string // empty where nothing is wrong
	}{
		"nothing":             {func(*Model) {}, limits{}, ""},
		"no graph":            {func(m *Model) { m.Graph = nil }, limits{}, "no graph"},
		"no operator set":     {func(m *Model) { m.Opsets = nil }, limits{}, "operator set"},
		"no input":            {func(m *Model) { m.Graph.Inputs[0] = nil }, limits{}, "no name"},
		"unnamed output":      {func(m *Model) { m.Graph.Outputs[0].Name = "" }, limits{}, "no name"},
		"constant input":      {func(m *Model) { m.Graph.Inputs[0].Const = Scalar(float32(1)) }, limits{}, `"x" is a constant`},
		"input twice":         {func(m *Model) { m.Graph.Inputs = append(m.Graph.Inputs, m.Graph.Inputs[0]) }, limits{}, `two values are named "x"`},
		"a name twice":        {func(m *Model) { m.Graph.Nodes[0].Outputs[0].Name = "x" }, limits{}, `two values are named "x"`},
		"constant's name":     {func(m *Model) { m.Graph.Nodes[0].Inputs[1].Name = "x" }, limits{}, `two values are named "x"`},
		"output twice":        {func(m *Model) { m.Graph.Outputs = append(m.Graph.Outputs, m.Graph.Outputs[0]) }, limits{}, `"y" is there twice`},
		"output from nowhere": {func(m *Model) { m.Graph.Outputs[0] = &Value{Name: "w", DType: Float32} }, limits{}, `nothing makes the output "w"`},
		"no node":             {func(m *Model) { m.Graph.Nodes[0] = nil }, limits{}, "node is nil"},
		"node twice":          {func(m *Model) { m.Graph.Nodes = append(m.Graph.Nodes, m.Graph.Nodes[1]) }, limits{}, `two values are named "y"`},
		"order": {func(m *Model) {
			m.Graph.Nodes[0], m.Graph.Nodes[1] = m.Graph.Nodes[1], m.Graph.Nodes[0]
		}, limits{}, "which nothing before it makes"},
		"cycle":           {func(m *Model) { m.Graph.Nodes[0].Inputs[1] = m.Graph.Outputs[0] }, limits{}, "which nothing before it makes"},
		"operator":        {func(m *Model) { m.Graph.Nodes[0].Op = "Add\n" }, limits{}, "for an operator"},
		"missing input":   {func(m *Model) { m.Graph.Nodes[0].Inputs[1] = nil }, limits{}, "input 1 is missing"},
		"too few inputs":  {func(m *Model) { m.Graph.Nodes[0].Inputs = m.Graph.Nodes[0].Inputs[:1] }, limits{}, "has 1 inputs"},
		"no output":       {func(m *Model) { m.Graph.Nodes[1].Outputs[0] = nil }, limits{}, "no output"},
		"makes constant":  {func(m *Model) { m.Graph.Nodes[0].Outputs[0].Const = Scalar(float32(1)) }, limits{}, "makes a constant"},
		"attribute":       {func(m *Model) { m.Graph.Nodes[0].Attrs = Attrs{"a": 1} }, limits{}, `attribute "a" is a int`},
		"no tensor":       {func(m *Model) { m.Graph.Nodes[0].Attrs = Attrs{"a": (*Tensor)(nil)} }, limits{}, "is nil"},
		"no subgraph":     {func(m *Model) { m.Graph.Nodes[0].Attrs = Attrs{"a": (*Graph)(nil)} }, limits{}, "no graph"},
		"itself":          {func(m *Model) { m.Graph.Nodes[0].Attrs = Attrs{"a": m.Graph} }, limits{}, `two values are named "x"`},
		"nested":          {func(m *Model) { *m = *branching(func(*Value, *Graph) {}) }, limits{}, ""},
		"nested too deep": {func(m *Model) { *m = *branching(func(*Value, *Graph) {}) }, limits{Depth: 1, Nodes: 6}, "7, at most 6"},
		"inner name": {func(m *Model) {
			*m = *branching(func(_ *Value, g *Graph) { g.Outputs[0].Name = "x" })
		}, limits{}, `two values are named "x"`},
		"inner order": {func(m *Model) {
			*m = *branching(func(_ *Value, g *Graph) { g.Nodes[0].Inputs[0] = &Value{Name: "w"} })
		}, limits{}, `reads "w", which nothing before it makes`},
		"type of elements":   {func(m *Model) { m.Graph.Nodes[0].Inputs[1].Const.Data = []string{"a", "b"} }, limits{}, "elements in a []string"},
		"no elements":        {func(m *Model) { m.Graph.Nodes[0].Inputs[1].Const.Data = nil }, limits{}, "not supported"},
		"number of elements": {func(m *Model) { m.Graph.Nodes[0].Inputs[1].Const.Shape = []int{3} }, limits{}, "holds 2 elements"},
		"negative size":      {func(m *Model) { m.Graph.Nodes[0].Inputs[1].Const.Shape = []int{-1} }, limits{}, "cannot have the shape [-1]"},
		"rank":               {func(m *Model) { m.Graph.Nodes[0].Inputs[1].Const.Shape = make([]int, 33) }, limits{}, "more than 32 dimensions"},
		"nodes":              {func(*Model) {}, limits{Nodes: 1}, "Limits.Nodes"},
		"names":              {func(m *Model) { m.Graph.Nodes[0].Attrs = Attrs{"a": make([]string, 99)} }, limits{Nodes: 2}, "Limits.Nodes"},
		"tensor":             {func(*Model) {}, limits{TensorBytes: 7}, "Limits.TensorBytes"},
	} {
		m := plain()
		c.change(m)
		_, _, err := Check(m, c.limits)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, ErrFormat) && !errors.Is(err, ErrLimit)):
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	if _, _, err := Check(nil, Limits{}); !errors.Is(err, ErrFormat) {
		t.Errorf("of no model: %v", err)
	}
	file, err := Marshal(plain())
	if err != nil {
		t.Fatal(err)
	}
	m, err := Unmarshal(file)
	if err != nil {
		t.Fatal(err)
	}
	var over *LimitError
	if _, _, err := Check(m, Limits{FileBytes: 9}); !errors.As(err, &over) || over.Limit != "FileBytes" || over.Have != int64(len(file)) {
		t.Errorf("a file of %d bytes where 9 are allowed: %v", len(file), err)
	}
}

// TestCheckCopies: what Check returns can be changed, also by its meter, and is the same
// file.
func TestCheckCopies(t *testing.T) {
	m := branching(func(*Value, *Graph) {})
	m.Graph.Nodes[0].Inputs[1] = Const("c", NewTensor(make([]float32, 2*small), small, 2))
	m.Graph.Inputs[0].Shape = []Dim{Free("n"), Fixed(2)}
	for _, v := range m.Graph.Outputs {
		v.Shape = []Dim{Free("n"), Fixed(2)}
	}
	before := m.Clone()
	checked, meter, err := Check(m, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if maps.Equal(checked.Opsets, m.Opsets) {
		t.Errorf("the copy imports %v", checked.Opsets)
	}
	checked.Opsets["unused"] = 1
	want, err := Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Marshal(checked)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the copy is another file: error %v", err)
	}
	meter.Strip()
	checked.Graph.Inputs[0].Shape[0], checked.Graph.Nodes[0].Name, checked.Graph.Name = Fixed(3), "n", "h"
	checked.Graph.Nodes[0].Inputs = nil
	if got, err := Marshal(m); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the model is another file after a change of the copy: error %v", err)
	}
	if !reflect.DeepEqual(m.Clone(), m) {
		t.Error("a clone differs from the model")
	}
}
