package sampler_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pixelcnn/export"
	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// TestSharedImage: what a run of one image with all classes gives is what each class alone
// gives, on both runtimes, also where the graph does not let an image stand for many.
func TestSharedImage(t *testing.T) {
	inGo, err := runtime.Go()
	if err != nil {
		t.Fatal(err)
	}
	m := modeltest.Random(t, models.Config{Arch: "gated", Hidden: 32, Blocks: 2, Kernel: 5, Size: 6, Levels: 3, Classes: 4, Input: models.OneHot}, 5)
	file := func(change func(g *onnx.Graph)) []byte {
		model, err := export.Model(m, export.Meta{})
		if err != nil {
			t.Fatal(err)
		}
		change(model.Graph)
		b, err := onnx.Marshal(model)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		name   string
		change func(g *onnx.Graph)
		shared bool
	}{
		{"as exported", func(*onnx.Graph) {}, true},
		// The image's own size is asked for, beside the labels'.
		{"expanded to the image", func(g *onnx.Graph) {
			for _, n := range g.Nodes {
				if n.Op != "Add" || len(n.Inputs[1].Shape) > 0 && n.Inputs[1].Const != nil {
					continue
				}
				for i, v := range n.Inputs {
					if v.Node != nil && v.Node.Op != "Conv" { // the embedding
						other := n.Inputs[1-i]
						size := &onnx.Node{Op: "Shape", Inputs: []*onnx.Value{other}, Outputs: []*onnx.Value{{Name: "size"}}}
						wide := &onnx.Node{Op: "Expand", Inputs: []*onnx.Value{v, size.Outputs[0]}, Outputs: []*onnx.Value{{Name: "wide"}}}
						size.Outputs[0].Node, wide.Outputs[0].Node = size, wide
						n.Inputs[i] = wide.Outputs[0]
						for k, o := range g.Nodes {
							if o == n {
								g.Nodes = append(g.Nodes[:k:k], append([]*onnx.Node{size, wide}, g.Nodes[k:]...)...)
								return
							}
						}
					}
				}
			}
			t.Fatal("there is no embedding")
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			model := file(c.change)
			read, err := sampler.Read(model, sampler.Config{})
			if err != nil {
				t.Fatal(err)
			}
			if got := read.Shares(); got != c.shared {
				t.Errorf("an image is shared: %v, want %v", got, c.shared)
			}
			rng := rand.New(rand.NewPCG(1, 1))
			const n, classes = 7, 4
			levels := make([]uint16, n*36)
			for i := range levels {
				levels[i] = uint16(rng.IntN(3))
			}
			for _, rt := range []onnx.Runtime{env, inGo} {
				s, err := sampler.Open(rt, model, sampler.Config{Threads: 3})
				if err != nil {
					t.Fatal(err)
				}
				got, err := s.LogProbByClass(context.Background(), levels)
				if err != nil {
					t.Fatal(err)
				}
				spread := 0.0
				for class := range classes {
					given := make([]int, n)
					for i := range given {
						given[i] = class
					}
					want, err := s.LogProbGivenClass(context.Background(), levels, given)
					if err != nil {
						t.Fatal(err)
					}
					for i, w := range want {
						if math.Abs(got[i*classes+class]-w) > 1e-4 {
							t.Errorf("image %d, class %d: %v, alone %v", i, class, got[i*classes+class], w)
						}
						spread = max(spread, math.Abs(got[i*classes]-w))
					}
				}
				if spread < 0.1 {
					t.Error("the classes do not matter: this proves nothing")
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestSharedWork: what depends on the class in the graph that is run for all of them, by hand.
func TestSharedWork(t *testing.T) {
	m := modeltest.Random(t, models.Config{Arch: "gated", Hidden: 8, Blocks: 2, Kernel: 5, Size: 6, Levels: 3, Classes: 4, Input: models.OneHot}, 5)
	file, err := export.Model(m, export.Meta{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := onnx.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	read, err := sampler.Read(b, sampler.Config{})
	if err != nil {
		t.Fatal(err)
	}
	weights := func(m *onnx.Model) int { // of products of all pixels that know the class
		g, n := m.Graph, 0
		classed := map[*onnx.Value]bool{}
		for _, v := range g.Inputs {
			classed[v] = v.DType == onnx.Int64
		}
		for _, node := range g.Nodes {
			class := slices.ContainsFunc(node.Inputs, func(v *onnx.Value) bool { return classed[v] })
			for _, v := range node.Outputs {
				classed[v] = class
			}
			if x := node.Inputs[0]; class && node.Op == "Conv" && x.Shape[3].Size > 1 {
				n += node.Inputs[1].Const.Len()
			}
		}
		return n
	}
	sized, err := onnx.Simplify(read.Model(), map[string][]int{"image": {1, 1, 6, 6}, "label": {4}})
	if err != nil {
		t.Fatal(err)
	}
	// Eight channels, four in a gate; a filter and a gate have a kernel of 3×3 each for the
	// vertical and for the horizontal stack, and a link of 1×1.
	const ends = 4*8 + 4*8 + 8*8 + 8*3 // the blocks' outputs, the head
	if got, want := weights(sized), 2*(4*4)+2*(9*4*4+9*8*4+4*4)+ends; got != want {
		t.Errorf("%d weights as the file is, want %d", got, want)
	}
	// The first block's links are of sums with what is the same at all pixels, the second's
	// horizontal kernels see the first's gates, and its links are one with what they read.
	if got, want := weights(read.Shared()), 2*(9*4*4+9*4*4)+ends; got != want {
		t.Errorf("%d weights, want %d", got, want)
	}
}
