package train

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pixelcnn/export"
	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

// run loads a graph and runs it once.
func run(t *testing.T, g *onnx.Graph, in, out []*onnx.Tensor) {
	t.Helper()
	s, err := load(env(), g, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Bind(in, out)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []func() error{b.Close, s.Close} {
		if err := c(); err != nil {
			t.Error(err)
		}
	}
}

// interleave turns pixels [images, pixels] into the levels of a pass.
func interleave(pixels []uint16, s shape) *onnx.Tensor {
	levels := make([]uint8, len(pixels))
	for i, level := range pixels {
		levels[i%s.pixels()*s.images+i/s.pixels()] = uint8(level)
	}
	return onnx.NewTensor(levels, s.pixels(), s.images)
}

// weights are the tensors of a pass's parameters.
func weights(l packing, params []float32) []*onnx.Tensor {
	turned := make([]float32, l.turned)
	l.turn(turned, params)
	return l.inputs(params, turned)
}

func randomPixels(rng *rand.Rand, s shape) []uint16 {
	px := make([]uint16, s.rows())
	for i := range px {
		px[i] = uint16(rng.IntN(s.levels))
	}
	return px
}

// TestGradients compares the gradient of each operator, in a network as small as may
// be, with central differences of an evaluation in float64.
func TestGradients(t *testing.T) {
	conv := func(name string, in, out, kernel int, mask models.Mask) models.Conv {
		return models.Conv{Name: name, In: in, Out: out, Kernel: kernel, Mask: mask}
	}
	stem := func(b models.Builder, out int) models.Value {
		return b.Conv(b.Image(), conv("stem", 1, out, 3, models.MaskA))
	}
	for name, n := range map[string]net{
		"image conv": func(b models.Builder) models.Value {
			return b.Conv(b.Image(), conv("c", 1, 3, 5, models.MaskA))
		},
		"image conv 1×1": func(b models.Builder) models.Value {
			return b.Conv(b.Image(), conv("c", 1, 3, 1, models.Unmasked))
		},
		"conv of one channel": func(b models.Builder) models.Value {
			return b.Conv(stem(b, 1), conv("c", 1, 3, 3, models.MaskB))
		},
		"widening conv 1×1": func(b models.Builder) models.Value {
			return b.Conv(stem(b, 2), conv("c", 2, 3, 1, models.MaskB))
		},
		"narrowing conv 1×1": func(b models.Builder) models.Value {
			return b.Conv(stem(b, 5), conv("c", 5, 3, 1, models.Unmasked))
		},
		"conv B": func(b models.Builder) models.Value {
			return b.Conv(stem(b, 2), conv("c", 2, 3, 3, models.MaskB))
		},
		"conv A": func(b models.Builder) models.Value {
			return b.Conv(stem(b, 4), conv("c", 4, 3, 3, models.MaskA))
		},
		"conv 5×5": func(b models.Builder) models.Value {
			return b.Conv(stem(b, 2), conv("c", 2, 3, 5, models.Unmasked))
		},
		"relu": func(b models.Builder) models.Value {
			return b.Conv(b.Relu(stem(b, 4)), conv("c", 4, 3, 1, models.Unmasked))
		},
		"relu of relu, a last one": func(b models.Builder) models.Value {
			return b.Relu(b.Conv(b.Relu(b.Relu(stem(b, 4))), conv("c", 4, 3, 1, models.Unmasked)))
		},
		"add": func(b models.Builder) models.Value {
			return b.Add(stem(b, 3), b.Conv(b.Image(), conv("c", 1, 3, 5, models.MaskA)))
		},
		"add to itself": func(b models.Builder) models.Value {
			x := stem(b, 3)
			return b.Add(x, x)
		},
		"add the image": func(b models.Builder) models.Value {
			x := b.Add(b.Relu(b.Image()), stem(b, 1))
			return b.Conv(x, conv("c", 1, 3, 3, models.MaskB))
		},
		"tanh": func(b models.Builder) models.Value {
			return b.Conv(b.Tanh(stem(b, 4)), conv("c", 4, 3, 1, models.Unmasked))
		},
		"sigmoid": func(b models.Builder) models.Value {
			return b.Conv(b.Sigmoid(stem(b, 4)), conv("c", 4, 3, 1, models.Unmasked))
		},
		"mul": func(b models.Builder) models.Value {
			x := b.Mul(stem(b, 3), b.Conv(b.Image(), conv("c", 1, 3, 5, models.MaskA)))
			return b.Conv(x, conv("d", 3, 3, 1, models.Unmasked))
		},
		"mul by itself": func(b models.Builder) models.Value {
			x := stem(b, 3)
			return b.Mul(x, x)
		},
		"gate": func(b models.Builder) models.Value {
			x := stem(b, 3)
			f := b.Tanh(b.Conv(x, conv("f", 3, 3, 3, models.MaskRows)))
			return b.Mul(f, b.Sigmoid(b.Conv(x, conv("g", 3, 3, 3, models.MaskRow))))
		},
		"one-hot": func(b models.Builder) models.Value {
			return b.Conv(b.OneHot(), conv("c", 3, 3, 3, models.MaskA))
		},
		"one-hot, without taps": func(b models.Builder) models.Value {
			return b.Conv(b.OneHot(), conv("c", 3, 3, 1, models.Unmasked))
		},
		"embed": func(b models.Builder) models.Value {
			return b.Embed(stem(b, 3), models.Embedding{Name: "e", Classes: 4, Channels: 3})
		},
		"embed between convs": func(b models.Builder) models.Value {
			x := b.Embed(stem(b, 2), models.Embedding{Name: "e", Classes: 3, Channels: 2})
			return b.Conv(b.Relu(x), conv("c", 2, 3, 3, models.MaskB))
		},
		"embed in the image": func(b models.Builder) models.Value {
			x := b.Embed(b.Image(), models.Embedding{Name: "e", Classes: 3, Channels: 1})
			return b.Conv(x, conv("c", 1, 3, 3, models.MaskB))
		},
		"residual": func(b models.Builder) models.Value {
			x := stem(b, 3)
			h := b.Conv(b.Relu(x), conv("reduce", 3, 2, 1, models.Unmasked))
			h = b.Conv(b.Relu(h), conv("spatial", 2, 2, 3, models.MaskB))
			return b.Add(x, b.Conv(b.Relu(h), conv("expand", 2, 3, 1, models.Unmasked)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, 7))
			s := shape{images: 3, size: 4, levels: 3, scale: 0.25, labels: true}
			l := newPacking(n)
			params := make([]float32, l.len)
			exact := make([]float64, l.len)
			for _, p := range l.slots {
				for i := range p.len() {
					params[p.off+i] = float32(rng.NormFloat64() * 0.5)
					exact[p.off+i] = float64(params[p.off+i])
				}
			}
			pixels := randomPixels(rng, s)

			pass := newPass(n, l, s, true)
			before := make([]float32, l.len)
			for i := range before {
				before[i] = float32(rng.NormFloat64())
			}
			grads, nll := make([]float32, l.len), make([]float32, s.images)
			in := append([]*onnx.Tensor{interleave(pixels, s), onnx.NewTensor([]int32{0, 1, 2}, 3)}, weights(l, params)...)
			in = append(in, l.tensors(before)...)
			run(t, pass.graph, in, append([]*onnx.Tensor{onnx.NewTensor(nll, s.images)}, l.tensors(grads)...))

			for i, want := range exactNLL(n, l, s, exact, pixels) {
				if math.Abs(float64(nll[i])-want) > 1e-5*want {
					t.Errorf("image %d: negative log-likelihood %v, want %v", i, nll[i], want)
				}
			}
			total := func() (sum float64) {
				for _, x := range exactNLL(n, l, s, exact, pixels) {
					sum += x
				}
				return sum
			}
			const h = 1e-6 // small, so that no relu is at its kink within it
			moved := false
			for _, p := range l.slots {
				for i := p.off; i < p.off+p.len(); i++ {
					x := exact[i]
					exact[i] = x + h
					up := total()
					exact[i] = x - h
					want := (up - total()) / (2 * h)
					exact[i] = x
					got := float64(grads[i]) - float64(before[i])
					if math.Abs(got-want) > 2e-5*(1+math.Abs(want)) {
						t.Errorf("gradient of %s[%d] is %v, want %v", p.param.Name, i-p.off, got, want)
					}
					moved = moved || math.Abs(want) > 0.1
				}
			}
			if !moved {
				t.Error("all gradients are near 0: this proves nothing")
			}
		})
	}
}

// TestLogits compares a pass's logits with those of the exported file, and both with a
// dense convolution in float64 of the
// unpacked weights.
func TestLogits(t *testing.T) {
	for _, c := range []models.Config{
		{Hidden: 2, Blocks: 1, Kernel: 3, Size: 4, Levels: 2},
		{Hidden: 8, Blocks: 2, Kernel: 7, Size: 9, Levels: 4},
		{Hidden: 10, Blocks: 1, Kernel: 5, Size: 7, Levels: 5},
		{Hidden: 34, Blocks: 1, Kernel: 11, Size: 6, Levels: 256},
		{Hidden: 64, Blocks: 5, Kernel: 7, Size: 16, Levels: 4},
		{Hidden: 8, Blocks: 1, Kernel: 3, Size: 5, Levels: 3, Classes: 2, InputScale: 0.25},
		{Hidden: 8, Blocks: 1, Kernel: 3, Size: 5, Levels: 6, Classes: 3, Input: models.OneHot},
		{Hidden: 8, Blocks: 1, Kernel: 3, Size: 5, Levels: 256, Input: models.OneHot},
		{Arch: "gated", Hidden: 6, Blocks: 3, Kernel: 5, Size: 9, Levels: 4},
		{Arch: "gated", Hidden: 6, Blocks: 2, Kernel: 5, Size: 9, Levels: 4, Classes: 5, Input: models.OneHot},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			m := modeltest.Random(t, c, 1)
			l := newPacking(m)
			params, err := l.pack(m.Weights)
			if err != nil {
				t.Fatal(err)
			}
			s := shapeOf(m, 2)
			pixels := randomPixels(rand.New(rand.NewPCG(1, 2)), s)

			pass := newTape(l, s, false)
			pass.graph.Output(pass.vars[m.Build(pass)].value, "logits", onnx.Float32, onnx.Shape(s.rows(), s.levels)...)
			got := make([]float32, s.rows()*s.levels)
			in := []*onnx.Tensor{interleave(pixels, s)}
			if s.labels {
				in = append(in, onnx.NewTensor([]int32{0, 1}, 2))
			}
			run(t, pass.graph, append(in, weights(l, params)...),
				[]*onnx.Tensor{onnx.NewTensor(got, s.rows(), s.levels)})

			exported, err := export.Model(m, export.Meta{})
			if err != nil {
				t.Fatal(err)
			}
			input, file := make([]float32, len(pixels)), make([]float32, len(got))
			for i, level := range pixels {
				input[i] = float32(level) / float32(c.Levels-1)
			}
			in = []*onnx.Tensor{onnx.NewTensor(input, s.images, 1, c.Size, c.Size)}
			if s.labels {
				in = append(in, onnx.NewTensor([]int64{0, 1}, 2))
			}
			run(t, exported.Graph, in,
				[]*onnx.Tensor{onnx.NewTensor(file, s.images, c.Levels, c.Size, c.Size)})

			worst, apart, largest := 0.0, 0.0, 1.0
			for i := range s.images {
				image := make([]float64, s.pixels())
				for p := range image {
					image[p] = float64(pixels[i*s.pixels()+p]) / float64(c.Levels-1)
				}
				for k, want := range modeltest.ClassLogits(m, image, i) {
					level, p := k/s.pixels(), k%s.pixels()
					trained := float64(got[(p*s.images+i)*s.levels+level])
					worst = max(worst, math.Abs(trained-want))
					apart = max(apart, math.Abs(trained-float64(file[i*s.levels*s.pixels()+k])))
					largest = max(largest, math.Abs(want))
				}
			}
			t.Logf("logits of up to %.3g: %.2g from float64 loops, %.2g from the exported file", largest, worst, apart)
			if worst > 1e-5*largest || apart > 1e-5*largest {
				t.Errorf("logits of up to %.3g differ by %.3g from float64 loops, by %.3g from the exported file", largest, worst, apart)
			}
		})
	}
}

// TestCrossEntropyIsStable meets logits that overflow a plain softmax.
func TestCrossEntropyIsStable(t *testing.T) {
	n := net(func(b models.Builder) models.Value {
		return b.Conv(b.Image(), models.Conv{Name: "c", In: 1, Out: 2, Kernel: 1})
	})
	l := newPacking(n)
	s := shape{images: 1, size: 1, levels: 2, scale: 1}
	params, grads := make([]float32, l.len), make([]float32, l.len)
	bias := l.slots[1].off
	params[bias], params[bias+1] = 1000, -1000
	nll := make([]float32, 1)
	in := append([]*onnx.Tensor{onnx.NewTensor([]uint8{1}, 1, 1)}, weights(l, params)...)
	in = append(in, l.tensors(make([]float32, l.len))...)
	run(t, newPass(n, l, s, true).graph, in, append([]*onnx.Tensor{onnx.NewTensor(nll, 1)}, l.tensors(grads)...))
	if nll[0] != 2000 || grads[bias] != 1 || grads[bias+1] != -1 {
		t.Errorf("negative log-likelihood %v, gradients %v: want 2000 and [1 -1]", nll, grads[bias:bias+2])
	}
}
