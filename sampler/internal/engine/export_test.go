package engine

import (
	"context"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature/encoding"
	"pixelcnn/sampler/internal/draw"
)

// Compiled lets tests run a compiled program of any form.
type Compiled struct{ *Incremental }

// Compile compiles a model.
func Compile(rt onnx.Runtime, m *onnx.Model, opt compile.Options, conditions func(class int, own []*onnx.Tensor) []*onnx.Tensor) (*Compiled, error) {
	p, err := compile.Compile(m, opt)
	if err != nil {
		return nil, err
	}
	net := Network{Model: m, Head: likelihood.Categorical{Depth: p.Outputs}, Values: encoding.Scale{}.Values(p.Outputs), Others: conditions}
	e, err := NewIncremental(rt, net, opt, newSlots(2))
	return &Compiled{e}, err
}

// Program is the throughput variant.
func (e *Compiled) Program() *compile.Program { return e.throughput.program }

// Settles tells whether near ties can be settled.
func (e *Compiled) Settles() bool { return newSettler(e.Program(), e.net) != nil }

// Images draws the images from first on into levels, [n, H, W]; the class of each is its
// number.
func (e *Compiled) Images(ctx context.Context, first uint64, levels []uint16, temperature float64, seed uint64, batch, threads int) error {
	how, err := draw.Parameters{Temperature: temperature, Seed: seed}.For(e.net.Head, e.Program().Height)
	if err != nil {
		return err
	}
	pixels := e.Program().Height * e.Program().Width
	rows := make([]draw.Row, len(levels)/pixels)
	for i := range rows {
		rows[i] = draw.Row{Image: first + uint64(i), Class: int(first) + i, How: how, Levels: levels[i*pixels : (i+1)*pixels]}
	}
	return e.Draw(ctx, rows, Run{Batch: batch, Threads: threads})
}

// SetValues replaces the input value of each level.
func (e *Compiled) SetValues(v []float32) { e.net.Values = v }

// BatchOf is the number of images in a batch of a program with such caches of keys and values.
func BatchOf(threads int, caches ...program.Cache) int {
	return together(&program.Program{Caches: caches}, threads)
}
