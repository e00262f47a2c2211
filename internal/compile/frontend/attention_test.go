package frontend_test

import (
	"math"
	"testing"

	"pixelcnn/internal/onnx"
)

var minusInf = float32(math.Inf(-1))

// attend is an attention over three pixels in a row, of which scores become weights: each pixel is
// its own query, key and value.
func attend(weigh func(g graph, scores *onnx.Value) *onnx.Value) func(g graph, x *onnx.Value) *onnx.Value {
	return func(g graph, x *onnx.Value) *onnx.Value {
		q := g.line(x, 1, 3)
		scores := g.Op("MatMul", nil, q, g.Transpose(q, 0, 2, 1))
		return g.Reshape(g.Op("MatMul", nil, weigh(g, scores), q), 1, 1, 1, 3)
	}
}

// seen is a table of what each of three readers sees, seen or not.
func seen(strict bool, yes, no float32) *onnx.Value {
	x := make([]float32, 9)
	for i := range 3 {
		for j := range 3 {
			if x[3*i+j] = no; j < i || j == i && !strict {
				x[3*i+j] = yes
			}
		}
	}
	return floats(x, 3, 3)
}

// truth is such a table as a condition of Where.
func truth(strict bool) *onnx.Value {
	x := make([]bool, 9)
	for k, yes := range seen(strict, 1, 0).Const.Floats() {
		x[k] = yes == 1
	}
	return onnx.Const("", onnx.NewTensor(x, 3, 3))
}

// TestAttention: whichever way a file hides what comes later, it is the same mask. A pixel that
// sees itself reads its own key and value besides.
func TestAttention(t *testing.T) {
	row := size{1, 1, 3}
	soft := func(g graph, s *onnx.Value) *onnx.Value { return g.Op("Softmax", nil, s) }
	causal := `
		1 Identity 1: 0
		2 Identity 1: 0
		3 attention 1: 0, 1 sees none; 0-1; 0-2;, 2 sees none; 0-1; 0-2;, 1, 2, heads 1
		4 Identity 1: 3`
	// The first pixel sees nothing: its result is times zero.
	strict := `
		1 Identity 1: 0
		2 Identity 1: 0
		3 attention 1: 0, 1 sees none; 0-1; 0-2;, 2 sees none; 0-1; 0-2;, heads 1
		4 static 1: over pixels [0 1 1]
		5 Mul 1: 3, 4
		6 Identity 1: 5`
	check(t, []reading{
		{"−∞ is added", row, attend(func(g graph, s *onnx.Value) *onnx.Value {
			return soft(g, g.Op("Add", nil, s, seen(false, 0, minusInf)))
		}), causal},
		{"−10,000 is added from the left", row, attend(func(g graph, s *onnx.Value) *onnx.Value {
			return soft(g, g.Op("Add", nil, seen(false, 0, -1e4), s))
		}), causal},
		{"10⁹ is taken off", row, attend(func(g graph, s *onnx.Value) *onnx.Value {
			return soft(g, g.Op("Sub", nil, s, seen(false, 0, 1e9)))
		}), causal},
		{"Where what is seen", row, attend(func(g graph, s *onnx.Value) *onnx.Value {
			return soft(g, g.Op("Where", nil, truth(false), s, number(-1e9)))
		}), causal},
		{"Where what is hidden", row, attend(func(g graph, s *onnx.Value) *onnx.Value {
			return soft(g, g.Op("Where", nil, g.Op("Not", nil, truth(false)), number(minusInf), s))
		}), causal},
		{"times a mask, less what is large", row, attend(func(g graph, s *onnx.Value) *onnx.Value {
			return soft(g, g.Op("Sub", nil, g.Op("Mul", nil, s, seen(false, 1, 0)), seen(false, 0, 1e4)))
		}), causal},
		{"−∞ is no lower than −10⁸", row, attend(func(g graph, s *onnx.Value) *onnx.Value {
			return soft(g, g.Op("Max", nil, g.Op("Add", nil, s, seen(false, 0, minusInf)), number(-1e8)))
		}), causal},
		{"scores with dimensions of one", row, attend(func(g graph, s *onnx.Value) *onnx.Value {
			s = g.Op("Add", nil, g.Op("Unsqueeze", nil, s, onnx.List(1)), seen(false, 0, minusInf))
			return g.Op("Squeeze", nil, soft(g, s), onnx.List(1))
		}), causal},
		{"values stand left", row, func(g graph, x *onnx.Value) *onnx.Value {
			q := g.line(x, 1, 3)
			w := soft(g, g.Op("Add", nil, g.Op("MatMul", nil, q, g.Transpose(q, 0, 2, 1)), seen(false, 0, minusInf)))
			return g.Reshape(g.Op("MatMul", nil, g.Transpose(q, 0, 2, 1), g.Transpose(w, 0, 2, 1)), 1, 1, 1, 3)
		}, causal},
		{"strict, what is no number made zero", row, attend(func(g graph, s *onnx.Value) *onnx.Value {
			w := soft(g, g.Op("Add", nil, s, seen(true, 0, minusInf)))
			return g.Op("Where", nil, g.Op("IsNaN", nil, w), number(0), w)
		}), strict},
		{"strict, times a mask", row, attend(func(g graph, s *onnx.Value) *onnx.Value {
			return g.Op("Mul", nil, soft(g, g.Op("Add", nil, s, seen(true, 0, -1e9))), seen(true, 1, 0))
		}), strict},
		{"strict, zero where hidden", row, attend(func(g graph, s *onnx.Value) *onnx.Value {
			return g.Op("Where", nil, truth(true), soft(g, g.Op("Add", nil, s, seen(true, 0, -1e9))), number(0))
		}), strict},
		// Such a mask looks ahead. It is read as it is; the proof is for those who come after.
		{"no mask", row, attend(soft), `
			1 Identity 1: 0
			2 Identity 1: 0
			3 attention 1: 0, 1 sees 1-3; 0-1;2-3; 0-2;, 2 sees 1-3; 0-1;2-3; 0-2;, 1, 2, heads 1
			4 Identity 1: 3`},
		{"scaled, weights halved", row, attend(func(g graph, s *onnx.Value) *onnx.Value {
			s = g.Op("Add", nil, g.Op("Div", nil, s, number(4)), seen(false, 0, minusInf))
			return g.Op("Div", nil, soft(g, s), number(2))
		}), `
			1 Mul 1: 0, [0.25]
			2 Identity 1: 0
			3 Identity 1: 0
			4 attention 1: 1, 2 sees none; 0-1; 0-2;, 3 sees none; 0-1; 0-2;, 2, 3, heads 1
			5 static 1: over pixels [0.5 0.5 0.5]
			6 Mul 1: 4, 5
			7 Identity 1: 6`},
		// What is added to scores counts from the largest of its row on.
		{"a summand by distance", row, attend(func(g graph, s *onnx.Value) *onnx.Value {
			s = g.Op("Add", nil, s, floats([]float32{0, 0, 0, -1, 1, 0, -3, -2, -1}, 3, 3))
			return soft(g, g.Op("Add", nil, s, seen(false, 0, minusInf)))
		}), `
			1 Identity 1: 0
			2 Identity 1: 0
			3 attention 1: 0, 1 sees none; 0-1; 0-2;, 2 sees none; 0-1; 0-2;, 1, 2, heads 1, summand [0 -Inf -Inf -2 0 -Inf -2 -1 0]
			4 Identity 1: 3`},
		// Channel 2·h + d is number d of head h. The results are of channels h·1.
		{"two heads", row, func(g graph, x *onnx.Value) *onnx.Value {
			headed := func(x *onnx.Value, depth int) *onnx.Value {
				return g.Transpose(g.Reshape(x, 1, 2, depth, 3), 0, 1, 3, 2)
			}
			q, v := headed(g.wide(x, 4), 2), headed(g.wide(x, 2), 1)
			s := g.Op("Add", nil, g.Op("MatMul", nil, q, g.Transpose(q, 0, 1, 3, 2)), seen(true, 0, -1e9))
			s = g.Op("Mul", nil, soft(g, s), seen(true, 1, 0))
			return g.Reshape(g.Transpose(g.Op("MatMul", nil, s, v), 0, 1, 3, 2), 1, 2, 1, 3)
		}, `
			1 linear 4: 0·[1 2 3 4] + [0 0 0 0]
			2 Identity 4: 1
			3 linear 2: 0·[1 2] + [0 0]
			4 Identity 2: 3
			5 attention 2: 1, 2 sees none; 0-1; 0-2;, 4 sees none; 0-1; 0-2;, heads 2
			6 static 1: over pixels [0 1 1]
			7 Mul 2: 5, 6
			8 Identity 2: 7`},
		// Each pixel looks along its row, at those before it.
		{"along rows", size{1, 2, 2}, func(g graph, x *onnx.Value) *onnx.Value {
			q := g.Reshape(x, 1, 2, 2, 1)
			mask := floats([]float32{0, minusInf, 0, 0}, 2, 2)
			w := soft(g, g.Op("Add", nil, g.Op("MatMul", nil, q, g.Transpose(q, 0, 1, 3, 2)), mask))
			return g.Reshape(g.Op("MatMul", nil, w, q), 1, 1, 2, 2)
		}, `
			1 Identity 1: 0
			2 Identity 1: 0
			3 attention 1: 0, 1 sees none; 0-1; none; 2-3;, 2 sees none; 0-1; none; 2-3;, 1, 2, heads 1
			4 Identity 1: 3`},
	})
}

// TestRefused: what can be proven of an attention, and not computed.
func TestRefused(t *testing.T) {
	soft := func(g graph, s *onnx.Value) *onnx.Value { return g.Op("Softmax", nil, s) }
	for want, weigh := range map[string]func(g graph, s *onnx.Value) *onnx.Value{
		"pixel 0 has no scores that are numbers": func(g graph, s *onnx.Value) *onnx.Value {
			return soft(g, g.Op("Add", nil, s, seen(true, 0, minusInf)))
		},
		"its weights have different factors": func(g graph, s *onnx.Value) *onnx.Value {
			return g.Op("Mul", nil, soft(g, g.Op("Add", nil, s, seen(false, 0, minusInf))), counted(1, 3))
		},
		"it takes no values from some of the pixels that it looks at": func(g graph, s *onnx.Value) *onnx.Value {
			return g.Op("Mul", nil, soft(g, g.Op("Add", nil, s, seen(false, 0, minusInf))), seen(true, 1, 0))
		},
		"its scores have different scales": func(g graph, s *onnx.Value) *onnx.Value {
			return soft(g, g.Op("Add", nil, g.Op("Mul", nil, s, counted(1, 3)), seen(false, 0, minusInf)))
		},
	} {
		t.Run(want, func(t *testing.T) {
			net, _, err := read(size{1, 1, 3}, 17, attend(weigh))
			if err != nil {
				t.Fatal(err)
			}
			var got error
			for _, u := range net.Order() {
				if u.Refused != nil {
					got = u.Refused
				}
			}
			if got == nil || got.Error() != "compile: MatMul: "+want {
				t.Errorf("error %v", got)
			}
		})
	}
}

// TestCross: queries of pixels, keys and values of conditions: five places of two channels stand in
// two rows as wide as the picture's.
func TestCross(t *testing.T) {
	cross := func(mask func(g graph, s *onnx.Value) *onnx.Value) func(g graph, x *onnx.Value) *onnx.Value {
		return func(g graph, x *onnx.Value) *onnx.Value {
			c := g.condition(1, 5, 2)
			s := g.Op("MatMul", nil, g.line(g.wide(x, 2), 2, 3), g.Transpose(c, 0, 2, 1))
			return g.Reshape(g.Transpose(g.Op("MatMul", nil, mask(g, s), c), 0, 2, 1), 1, 2, 1, 3)
		}
	}
	padding := func(g graph) *onnx.Value {
		return g.Input("padding", onnx.Float32, onnx.Shape(1, 1, 5)...)
	}
	hidden := `
		1 linear 2: 0·[1 2] + [0 0]
		2 static 2 2×3: over images pixels
		3 static 2 2×3: over images pixels
		4 static 1 2×3: over images pixels
		5 attention 2: 1, 2 sees 0-5; 0-5; 0-5;, 3 sees 0-5; 0-5; 0-5;, 4 sees 0-5; 0-5; 0-5;, heads 1
		6 Identity 2: 5`
	check(t, []reading{
		{"all", size{1, 1, 3}, cross(func(g graph, s *onnx.Value) *onnx.Value { return g.Op("Softmax", nil, s) }), `
			1 linear 2: 0·[1 2] + [0 0]
			2 static 2 2×3: over images pixels
			3 static 2 2×3: over images pixels
			4 attention 2: 1, 2 sees 0-5; 0-5; 0-5;, 3 sees 0-5; 0-5; 0-5;, heads 1
			5 Identity 2: 4`},
		{"a mask that is added", size{1, 1, 3}, cross(func(g graph, s *onnx.Value) *onnx.Value {
			return g.Op("Softmax", nil, g.Op("Add", nil, s, padding(g)))
		}), hidden},
		{"Where a mask", size{1, 1, 3}, cross(func(g graph, s *onnx.Value) *onnx.Value {
			w := g.Op("Softmax", nil, g.Op("Where", nil, g.Cast(padding(g), onnx.Bool), s, number(minusInf)))
			return g.Op("Where", nil, g.Op("IsNaN", nil, w), number(0), w)
		}), hidden},
	})
}

// TestDense: each result of a masked dense layer stands at the first pixel that all it depends on
// lies before. A table's rows are the readers', with a weight for each of three pixels.
func TestDense(t *testing.T) {
	made := func(last *onnx.Value, shape func(g graph, y *onnx.Value) *onnx.Value) func(g graph, x *onnx.Value) *onnx.Value {
		return func(g graph, x *onnx.Value) *onnx.Value {
			first := floats([]float32{
				1, 2, // pixel 0 is seen by both: the first stands at pixel 1
				0, 3, // pixel 1 by the second, which stands at pixel 2
				0, 0,
			}, 3, 2)
			h := g.Op("Gemm", nil, g.Reshape(x, 1, 3), first, floats([]float32{4, 5}, 2))
			return shape(g, g.Op("MatMul", nil, g.Op("Relu", nil, h), last))
		}
	}
	hidden := `
		1 Identity 1: 0
		2 dense 1: 1 sees none; 0-1; 0-2;, table [0 0 0 1 0 0 2 3 0]
		3 static 1: over pixels [0 4 5]
		4 Add 1: 2, 3
		5 Relu 1: 4
		6 Identity 1: 5
`
	check(t, []reading{
		{"one result for each pixel", size{1, 1, 3}, made(floats([]float32{0, 6, 7, 0, 0, 8}, 2, 3), func(g graph, y *onnx.Value) *onnx.Value {
			return g.Reshape(y, 1, 1, 1, 3)
		}), hidden + `
			7 dense 1: 6 sees none; 1-2; 1-3;, table [0 0 0 0 6 0 0 7 8]
			8 Identity 1: 7`},
		// Results 0, 1 and 2 are the pixels' first channel: 2 and 5 know both hidden ones.
		{"two, channels first", size{1, 1, 3}, made(floats([]float32{0, 6, 7, 0, 1, 2, 0, 0, 8, 0, 0, 3}, 2, 6), func(g graph, y *onnx.Value) *onnx.Value {
			return g.Reshape(y, 1, 2, 1, 3)
		}), hidden + `
			7 dense 2: 6 sees none; 1-2; 1-3;, table [0 0 0 0 0 0 0 0 6 1 0 0 0 0 7 2 8 3]
			8 Identity 2: 7`},
		{"two, channels last", size{1, 1, 3}, made(floats([]float32{0, 0, 6, 1, 7, 2, 0, 0, 0, 0, 8, 3}, 2, 6), func(g graph, y *onnx.Value) *onnx.Value {
			return g.Transpose(g.Reshape(y, 1, 1, 3, 2), 0, 3, 1, 2)
		}), hidden + `
			7 dense 2: 6 sees none; 1-2; 1-3;, table [0 0 0 0 0 0 0 0 6 1 0 0 0 0 7 2 8 3]
			8 Identity 2: 7`},
	})
}
