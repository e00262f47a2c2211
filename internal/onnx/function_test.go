package onnx

import (
	"errors"
	"strings"
	"testing"
)

// nodeBytes is a node of one output; attributes are bytes.
func nodeBytes(domain, op, out string, in []string, attrs ...[]byte) []byte {
	var b buf
	for _, name := range in {
		b.strAlways(1, name)
	}
	b.str(2, out)
	b.str(3, "node of "+out)
	b.str(4, op)
	b.str(7, domain)
	for _, a := range attrs {
		b.bytes(5, a)
	}
	return b
}

// functionBytes is a function of the domain "f".
func functionBytes(name string, in, out []string, nodes ...[]byte) []byte {
	var b, op buf
	b.str(1, name)
	for _, s := range in {
		b.strAlways(4, s)
	}
	for _, s := range out {
		b.strAlways(5, s)
	}
	for _, n := range nodes {
		b.bytes(7, n)
	}
	op.int(2, 17)
	b.bytes(9, op)
	b.str(10, "f")
	return b
}

// attrBytes is an attribute: a number, or one that refers to another.
func attrBytes(name string, value float32, refers string) []byte {
	var b buf
	b.str(1, name)
	if refers == "" {
		b.float(2, value)
	} else {
		b.str(21, refers)
	}
	b.int(20, attrFloat)
	return b
}

// callers is a model from x to y by nodes, with functions.
func callers(nodes [][]byte, functions ...[]byte) []byte {
	var m, g, op, own, end buf
	for _, n := range nodes {
		g.bytes(1, n)
	}
	end.str(1, "x")
	g.bytes(11, end)
	end = nil
	end.str(1, "y")
	g.bytes(12, end)
	m.bytes(7, g)
	op.int(2, 17)
	m.bytes(8, op)
	own.str(1, "f")
	own.int(2, 1)
	m.bytes(8, own)
	for _, f := range functions {
		m.bytes(25, f)
	}
	return m
}

// ops lists a graph's operators, with the attribute alpha where there is one.
func ops(g *Graph) string {
	var out []string
	for _, n := range g.Nodes {
		op := n.Op
		if _, has := n.Attrs["alpha"]; has {
			op += map[bool]string{true: "!", false: "?"}[n.Attrs.Float("alpha", 0) == 0.5]
		}
		out = append(out, op)
	}
	return strings.Join(out, " ")
}

func TestFunctions(t *testing.T) {
	x, y := []string{"x"}, []string{"y"}
	half := attrBytes("slope", 0.5, "")
	leaky := functionBytes("Leaky", x, y, nodeBytes("", "LeakyRelu", "y", x, attrBytes("alpha", 0, "slope")))
	byDefault := append(buf(functionBytes("Default", x, y, nodeBytes("", "LeakyRelu", "y", x, attrBytes("alpha", 0, "slope")))), func() (b buf) {
		b.bytes(11, half)
		return b
	}()...)
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"one", "Neg Tanh", callers([][]byte{nodeBytes("f", "Both", "y", x)},
			functionBytes("Both", x, y, nodeBytes("", "Neg", "z", x), nodeBytes("", "Tanh", "y", []string{"z"})))},
		{"twice, with values of the same names", "Neg Neg", callers([][]byte{nodeBytes("f", "F", "z", x), nodeBytes("f", "F", "y", []string{"z"})},
			functionBytes("F", []string{"y"}, []string{"z"}, nodeBytes("", "Neg", "z", y)))},
		{"within another", "Neg Neg Tanh", callers([][]byte{nodeBytes("f", "Outer", "y", x)},
			functionBytes("Outer", x, y, nodeBytes("f", "Inner", "a", x), nodeBytes("f", "Inner", "b", []string{"a"}), nodeBytes("", "Tanh", "y", []string{"b"})),
			functionBytes("Inner", x, y, nodeBytes("", "Neg", "y", x)))},
		{"an attribute of the call", "LeakyRelu!", callers([][]byte{nodeBytes("f", "Leaky", "y", x, half)}, leaky)},
		{"an attribute through two calls", "LeakyRelu!", callers([][]byte{nodeBytes("f", "Through", "y", x, attrBytes("deep", 0.5, ""))}, leaky,
			functionBytes("Through", x, y, nodeBytes("f", "Leaky", "y", x, attrBytes("slope", 0, "deep"))))},
		{"an attribute that is left out", "LeakyRelu", callers([][]byte{nodeBytes("f", "Leaky", "y", x)}, leaky)},
		{"an attribute by default", "LeakyRelu!", callers([][]byte{nodeBytes("f", "Default", "y", x)}, byDefault)},
		{"an input that is left out", "Clip", callers([][]byte{nodeBytes("f", "Cut", "y", x)},
			functionBytes("Cut", []string{"x", "low", "high"}, y, nodeBytes("", "Clip", "y", []string{"x", "low", "high"})))},
		{"an input passed on", "Identity", callers([][]byte{nodeBytes("f", "Same", "y", x)}, functionBytes("Same", x, x))},
		{"before ONNX's own of its name", "Tanh", callers([][]byte{nodeBytes("f", "Relu", "y", x)},
			functionBytes("Relu", x, y, nodeBytes("", "Tanh", "y", x)))},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Unmarshal(c.file)
			if err != nil {
				t.Fatal(err)
			}
			if got := ops(m.Graph); got != c.want {
				t.Errorf("it is read as %s, want %s", got, c.want)
			}
			if out := m.Graph.Outputs[0]; out.Name != "y" || out.Node != m.Graph.Nodes[len(m.Graph.Nodes)-1] {
				t.Errorf("its output is %q of %v", out.Name, out.Node)
			}
			if len(m.Opsets) != 1 {
				t.Errorf("it imports %v", m.Opsets)
			}
			if err := verify(m, mustLimits(t)); err != nil {
				t.Error(err)
			}
			b, err := Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Unmarshal(b); err != nil {
				t.Errorf("written again: %v", err)
			}
		})
	}
}

func mustLimits(t *testing.T) Limits {
	t.Helper()
	l, err := Limits{}.WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestFunctionsRefused(t *testing.T) {
	x, y := []string{"x"}, []string{"y"}
	chain := func(n int, calls int) [][]byte { // each function calls the next one, the last one none
		var all [][]byte
		name := func(i int) string { return "F" + string(rune('A'+i%26)) + string(rune('A'+i/26)) }
		for i := range n {
			var nodes [][]byte
			at := "x"
			for k := range calls {
				out := "y"
				if k < calls-1 {
					out = "v" + string(rune('a'+k))
				}
				if i < n-1 {
					nodes = append(nodes, nodeBytes("f", name(i+1), out, []string{at}))
				} else {
					nodes = append(nodes, nodeBytes("", "Neg", out, []string{at}))
				}
				at = out
			}
			all = append(all, functionBytes(name(i), x, y, nodes...))
		}
		return all
	}
	call := [][]byte{nodeBytes("f", "FAA", "y", x)}
	other := functionBytes("FAA", x, y, nodeBytes("", "Neg", "y", x))
	for i := range other { // the version that it imports
		if i > 1 && other[i-1] == 0x10 && other[i] == 17 {
			other[i] = 16
		}
	}
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"calls itself", "calls itself", callers(call, functionBytes("FAA", x, y, nodeBytes("f", "FAA", "y", x)))},
		{"call each other", "calls itself", callers(call, functionBytes("FAA", x, y, nodeBytes("f", "G", "y", x)), functionBytes("G", x, y, nodeBytes("f", "FAA", "y", x)))},
		{"very deep", "more than 64 deep", callers(call, chain(80, 1)...)},
		{"very many", "Limits.Nodes", callers(call, chain(40, 2)...)},
		{"twice", "twice", callers(call, chain(1, 1)[0], chain(1, 1)[0])},
		{"an input twice", "twice", callers(call, functionBytes("FAA", []string{"x", "x"}, y, nodeBytes("", "Neg", "y", x)))},
		{"too many inputs", "2 inputs", callers([][]byte{nodeBytes("f", "FAA", "y", []string{"x", "x"})}, chain(1, 1)...)},
		{"no such output", "nothing makes", callers(call, functionBytes("FAA", x, y, nodeBytes("", "Neg", "z", x)))},
		{"the graph's value", "nothing before it makes", callers([][]byte{nodeBytes("", "Neg", "z", x), nodeBytes("f", "FAA", "y", x)},
			functionBytes("FAA", x, y, nodeBytes("", "Neg", "y", []string{"z"})))},
		{"another operator set", "version 16", callers(call, other)},
		{"a reference outside", "none around it", callers([][]byte{nodeBytes("", "LeakyRelu", "y", x, attrBytes("alpha", 0, "slope"))})},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Unmarshal(c.file)
			if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, ErrFormat) && !errors.Is(err, ErrLimit) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
	// A function's bytes count each time that it is called.
	big := append(buf(nodeBytes("", "Neg", "y", x)), func() (b buf) {
		b.str(6, strings.Repeat("a", 1<<16)) // documentation
		return b
	}()...)
	calls, at := [][]byte{}, "x"
	for i := range 100 {
		out := "v" + strings.Repeat("a", i)
		calls, at = append(calls, nodeBytes("f", "Big", out, []string{at})), out
	}
	calls = append(calls, nodeBytes("", "Neg", "y", []string{at}))
	file := callers(calls, functionBytes("Big", x, y, big))
	if _, err := UnmarshalWithin(file, Limits{FileBytes: 1 << 20}); !errors.Is(err, ErrLimit) {
		t.Errorf("error %v", err)
	}
	if _, err := Unmarshal(file); err != nil {
		t.Error(err)
	}
}
