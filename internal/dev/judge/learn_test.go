package judge

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"

	"pixelcnn/dataset"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature/encoding"
)

// schooling says how a judge learns.
type schooling struct {
	epochs          int
	seed            uint64
	levels, classes int
}

const (
	rate   = 2e-3 // Adam's, at the start; a cosine takes it to 0
	smooth = 0.1  // of the target probability, spread evenly over the classes
)

// A judge tells the classes of images.
type judge struct {
	size, classes, levels int
	params                [][]float32
}

// learn trains a judge on images with labels, as they are: moving or mirroring them made
// it worse on real ones. After each epoch it calls on with the epoch's mean cross-entropy
// in nats.
func learn(ctx context.Context, rt onnx.Runtime, data *dataset.Split, s schooling, on func(epoch int, loss float64)) (_ *judge, err error) {
	n := newNet(data.Size, s.classes, true)
	rng := rand.New(rand.NewPCG(s.seed, 0))
	j := &judge{size: data.Size, classes: s.classes, levels: s.levels, params: n.initial(rng)}
	area := data.Size * data.Size
	pixels, target, logp := make([]float32, batch*area), make([]float32, batch*s.classes), make([]float32, batch*s.classes)
	grads := n.zeros()
	in := []*onnx.Tensor{onnx.NewTensor(pixels, batch*area, 1), onnx.NewTensor(target, batch, s.classes)}
	out := []*onnx.Tensor{onnx.NewTensor(logp, batch, s.classes)}
	run, closeAll, err := n.bind(rt, append(in, n.tensors(j.params)...), append(out, n.tensors(grads)...))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeAll()) }()

	a := adam{m: n.zeros(), v: n.zeros()}
	perEpoch := data.N() / batch
	for epoch := range s.epochs {
		loss := 0.0
		order := rng.Perm(data.N())
		for step := range perEpoch {
			for k, i := range order[step*batch:][:batch] {
				j.toFloats(pixels[k*area:], data.Pixels[i*area:][:area])
				for c := range s.classes {
					target[k*s.classes+c] = smooth / float32(s.classes)
				}
				target[k*s.classes+int(data.Labels[i])] += 1 - smooth
			}
			if err := run(ctx); err != nil {
				return nil, err
			}
			for i, t := range target {
				loss -= float64(t*logp[i]) / float64(perEpoch*batch)
			}
			done := float64(epoch*perEpoch+step) / float64(s.epochs*perEpoch)
			a.update(j.params, grads, rate*(1+math.Cos(math.Pi*done))/2)
		}
		if on != nil {
			on(epoch+1, loss)
		}
	}
	return j, nil
}

// toFloats writes levels as 0 … 1.
func (j *judge) toFloats(to []float32, levels []uint16) {
	values := encoding.Scale{}.Values(j.levels)
	for i, level := range levels {
		to[i] = values[level]
	}
}

// tell returns each class's log-probability of each image, [n, classes].
func (j *judge) tell(ctx context.Context, rt onnx.Runtime, images []uint16) (_ []float64, err error) {
	n := newNet(j.size, j.classes, false)
	area := j.size * j.size
	pixels, logp := make([]float32, batch*area), make([]float32, batch*j.classes)
	in, out := onnx.NewTensor(pixels, batch*area, 1), onnx.NewTensor(logp, batch, j.classes)
	run, closeAll, err := n.bind(rt, append([]*onnx.Tensor{in}, n.tensors(j.params)...), []*onnx.Tensor{out})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	var told []float64
	for part := range slices.Chunk(images, batch*area) {
		j.toFloats(pixels, part)
		if err := run(ctx); err != nil {
			return nil, err
		}
		for _, x := range logp[:len(part)/area*j.classes] {
			told = append(told, float64(x))
		}
	}
	return told, nil
}

// A jury is some judges, whose log-probabilities are averaged.
type jury []*judge

// tell is [judge.tell] for all of them.
func (js jury) tell(ctx context.Context, rt onnx.Runtime, images []uint16) ([]float64, error) {
	var mean []float64
	for _, j := range js {
		told, err := j.tell(ctx, rt, images)
		if err != nil {
			return nil, err
		}
		if mean == nil {
			mean = make([]float64, len(told))
		}
		for i, x := range told {
			mean[i] += x / float64(len(js))
		}
	}
	return mean, nil
}

// initial draws weights with standard deviation √(2/inputs) and leaves biases at 0 (He et
// al., "Delving Deep into Rectifiers", 2015).
func (n *net) initial(rng *rand.Rand) [][]float32 {
	params := n.zeros()
	for i, s := range n.shapes {
		if s[0] == 1 {
			continue // a bias
		}
		for k := range params[i] {
			params[i][k] = float32(rng.NormFloat64() * math.Sqrt(2/float64(s[0])))
		}
	}
	return params
}

func (n *net) zeros() [][]float32 {
	out := make([][]float32, len(n.shapes))
	for i, s := range n.shapes {
		out[i] = make([]float32, s[0]*s[1])
	}
	return out
}

func (n *net) tensors(data [][]float32) []*onnx.Tensor {
	out := make([]*onnx.Tensor, len(data))
	for i, d := range data {
		out[i] = onnx.NewTensor(d, n.shapes[i]...)
	}
	return out
}

// adam is the state of Adam (Kingma and Ba, 2015, algorithm 1), with the usual constants.
type adam struct {
	m, v [][]float32
	step int
}

func (a *adam) update(params, grads [][]float32, rate float64) {
	const beta1, beta2, epsilon = 0.9, 0.999, 1e-8
	a.step++
	rate /= 1 - math.Pow(beta1, float64(a.step))
	root := 1 / math.Sqrt(1-math.Pow(beta2, float64(a.step)))
	for i, p := range params {
		m, v := a.m[i], a.v[i]
		for k, g := range grads[i] {
			m[k] = beta1*m[k] + (1-beta1)*g
			v[k] = beta2*v[k] + (1-beta2)*g*g
			p[k] -= float32(rate * float64(m[k]) / (math.Sqrt(float64(v[k]))*root + epsilon))
		}
	}
}
