package engine_test

import (
	"context"
	"math"
	"testing"

	"pixelcnn/internal/compile/compiletest"
	"pixelcnn/internal/onnx"
)

// attended is the attention of one image, written out: queries [s, heads·d], keys and values
// [s, shared·d], [s, heads·d] as they come out.
func attended(q, k, v []float32, s, heads, shared, d int, hides func(head, i, j int) float64, scale float64) []float64 {
	out := make([]float64, s*heads*d)
	for h := range heads {
		g := h / (heads / shared)
		for i := range s {
			w, sum := make([]float64, s), 0.0
			for j := range s {
				dot := 0.0
				for c := range d {
					dot += float64(q[(i*heads+h)*d+c]) * float64(k[(j*shared+g)*d+c])
				}
				w[j] = math.Exp(dot*scale + hides(h, i, j))
				sum += w[j]
			}
			for j := range s {
				for c := range d {
					out[(i*heads+h)*d+c] += w[j] / sum * float64(v[(j*shared+g)*d+c])
				}
			}
		}
	}
	return out
}

// TestAttentionInOneNode: nodes that are an attention each are read as what they stand for.
func TestAttentionInOneNode(t *testing.T) {
	const s, heads, d = 5, 4, 3
	causal := func(_, i, j int) float64 {
		if j > i {
			return math.Inf(-1)
		}
		return 0
	}
	f := compiletest.NewForms("attention", 9)
	bias, weights, biases := f.Random(1, heads, s, s), f.Random(7, 3*heads*d), f.Random(3*heads*d)
	mask := make([]bool, s*s)
	for i := range s {
		for j := range s {
			mask[i*s+j] = j <= i
		}
	}
	kept := onnx.Const("", onnx.NewTensor(mask, s, s))
	biased := func(hides func(h, i, j int) float64) func(h, i, j int) float64 {
		return func(h, i, j int) float64 { return hides(h, i, j) + float64(bias.Const.Floats()[(h*s+i)*s+j]) }
	}
	full := func(_, _, _ int) float64 { return 0 }
	root := 1 / math.Sqrt(d)
	for _, c := range []struct {
		name, op, domain string
		attrs            onnx.Attrs
		shared           int
		more             []*onnx.Value // after queries, keys and values
		hides            func(head, i, j int) float64
		scale            float64
		add              []float32 // to queries, keys and values
	}{
		{"plain", "MultiHeadAttention", "com.microsoft", onnx.Attrs{"num_heads": int64(heads)}, heads, nil, full, root, nil},
		{"causal", "MultiHeadAttention", "com.microsoft", onnx.Attrs{"num_heads": int64(heads), "unidirectional": int64(1), "scale": float32(0.3)}, heads, nil, causal, 0.3, nil},
		{"biases", "MultiHeadAttention", "com.microsoft", onnx.Attrs{"num_heads": int64(heads)}, heads, []*onnx.Value{biases, nil, bias}, biased(full), root, biases.Const.Floats()},
		{"packed", "Attention", "com.microsoft", onnx.Attrs{"num_heads": int64(heads), "unidirectional": int64(1)}, heads, nil, causal, root, biases.Const.Floats()},
		{"causal", "Attention", "", onnx.Attrs{"q_num_heads": int64(heads), "kv_num_heads": int64(heads), "is_causal": int64(1)}, heads, nil, causal, root, nil},
		{"shared keys, a mask of what is kept", "Attention", "", onnx.Attrs{"q_num_heads": int64(heads), "kv_num_heads": int64(2)}, 2, []*onnx.Value{kept}, causal, root, nil},
		{"a mask that is added", "Attention", "", onnx.Attrs{"q_num_heads": int64(heads), "kv_num_heads": int64(heads), "scale": float32(0.5), "is_causal": int64(1)}, heads, []*onnx.Value{bias}, biased(causal), 0.5, nil},
	} {
		t.Run(c.op+" "+c.name, func(t *testing.T) {
			g := &onnx.Graph{Name: "attention"}
			var in []*onnx.Value
			var data [3][]float32
			var tensors []*onnx.Tensor
			input := func(name string, channels int) []float32 {
				x := f.Random(1, s, channels).Const
				in = append(in, g.Input(name, onnx.Float32, onnx.Shape(1, s, channels)...))
				tensors = append(tensors, x)
				return append([]float32(nil), x.Floats()...)
			}
			if c.name == "packed" {
				x := input("x", 7)
				for i := range data {
					data[i] = make([]float32, s*heads*d)
					for p := range s {
						for o := range heads * d {
							for k := range 7 {
								data[i][p*heads*d+o] += x[p*7+k] * weights.Const.Floats()[k*3*heads*d+i*heads*d+o]
							}
						}
					}
				}
				in = append(in, weights, biases)
			} else {
				data[0], data[1], data[2] = input("q", heads*d), input("k", c.shared*d), input("v", c.shared*d)
				in = append(in, c.more...)
			}
			for i := range data {
				for k := range data[i] {
					if c.add != nil {
						data[i][k] += c.add[i*heads*d+k%(heads*d)]
					}
				}
			}
			y := g.Op(c.op, c.attrs, in...)
			y.Node.Domain = c.domain
			g.Output(y, "y", onnx.Float32, onnx.Shape(1, s, heads*d)...)
			file, err := onnx.Marshal(&onnx.Model{IRVersion: 10, Opsets: map[string]int64{"": 23, "com.microsoft": 1}, Graph: g})
			if err != nil {
				t.Fatal(err)
			}
			compare(t, file, tensors, attended(data[0], data[1], data[2], s, heads, c.shared, d, c.hides, c.scale))
		})
	}
}

// compare runs a file on one input each and compares its output.
func compare(t *testing.T, file []byte, in []*onnx.Tensor, want []float64) {
	t.Helper()
	m, err := onnx.Unmarshal(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := env.Load(m, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got := make([]float32, len(want))
	b, err := s.Bind(in, []*onnx.Tensor{onnx.NewTensor(got, onnx.Sizes(m.Graph.Outputs[0].Shape)...)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for i, w := range want {
		worst = max(worst, math.Abs(float64(got[i])-w))
	}
	if !(worst < 1e-5) {
		t.Errorf("it is off by %g", worst)
	}
}

// TestEinsum: sums over one letter are read as products.
func TestEinsum(t *testing.T) {
	f := compiletest.NewForms("einsum", 4)
	size := map[byte]int{'b': 1, 'h': 2, 'i': 3, 'j': 4, 'd': 5}
	for _, c := range []struct{ left, right, to string }{
		{"bhid", "bhjd", "bhij"}, {"bihd", "bjhd", "bhij"}, {"bhij", "bhjd", "bihd"}, {"id", "dj", "ji"},
	} {
		g := &onnx.Graph{Name: "einsum"}
		shape := func(letters string) (s []int) {
			for i := range letters {
				s = append(s, size[letters[i]])
			}
			return s
		}
		x, y := f.Random(shape(c.left)...).Const, f.Random(shape(c.right)...).Const
		out := g.Op("Einsum", onnx.Attrs{"equation": c.left + "," + c.right + " -> " + c.to},
			g.Input("x", onnx.Float32, onnx.Shape(x.Shape...)...), g.Input("y", onnx.Float32, onnx.Shape(y.Shape...)...))
		g.Output(out, "z", onnx.Float32, onnx.Shape(shape(c.to)...)...)
		file, err := onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g})
		if err != nil {
			t.Fatal(err)
		}
		if m, err := onnx.Unmarshal(file); err != nil || m.Graph.Nodes[len(m.Graph.Nodes)-1].Op == "Einsum" {
			t.Fatal(err, "it is an Einsum still")
		}
		n := 1
		for _, d := range shape(c.to) {
			n *= d
		}
		want := make([]float64, n)
		at := func(letters string, k map[byte]int) (i int) {
			for _, l := range []byte(letters) {
				i = i*size[l] + k[l]
			}
			return i
		}
		for all := range 1 * 2 * 3 * 4 * 5 {
			k, rest := map[byte]int{}, all
			used := true
			for _, l := range []byte("bhijd") {
				k[l], rest = rest%size[l], rest/size[l]
				used = used && (k[l] == 0 || bytesIn(l, c.left+c.right))
			}
			if used {
				want[at(c.to, k)] += float64(x.Floats()[at(c.left, k)]) * float64(y.Floats()[at(c.right, k)])
			}
		}
		compare(t, file, []*onnx.Tensor{x, y}, want)
	}
}

func bytesIn(l byte, s string) bool {
	for i := range s {
		if s[i] == l {
			return true
		}
	}
	return false
}
