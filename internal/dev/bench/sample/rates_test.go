package sample

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
	"pixelcnn/sampler"
)

// limit is what the machine can do at most, on all threads.
type limit struct {
	flops, bytes float64 // a second
	what         string
	read         int64 // bytes of the cache that the last image reads
}

// limit measures products of both runtimes, of which it takes the faster, and reading.
func (m *machine) limit() (*limit, error) {
	const size, rounds = 256 << 20, 5
	c := &contest{turn: m.turn}
	square := product{side, side, side}
	for _, rt := range []struct {
		name string
		onnx.Runtime
	}{{"ONNX Runtime", m.ort}, {"Go", m.inGo}} {
		run, err := m.multiply(rt, []product{square})
		if err != nil {
			return nil, err
		}
		c.add(rt.name, run)
	}
	caches := make([][]byte, m.threads)
	for i := range caches {
		caches[i] = bytes.Repeat([]byte{1}, size)
	}
	memory := c.add("memory", func(context.Context) error {
		var g errgroup.Group
		for _, cache := range caches {
			g.Go(func() error {
				if bytes.IndexByte(cache, 0) >= 0 {
					return fmt.Errorf("there is a zero")
				}
				return nil
			})
		}
		return g.Wait()
	})
	if err := c.run(m.ctx, rounds); err != nil {
		return nil, err
	}
	l := &limit{bytes: float64(m.threads) * size / slices.Min(memory.times)}
	for _, k := range c.all[:2] {
		if flops := 2 * side * side * side * float64(m.threads*repeats) / slices.Min(k.times); flops > l.flops {
			l.flops, l.what = flops, k.name
		}
	}
	return l, nil
}

func (l *limit) print() {
	fmt.Printf("Products of %d×%d matrices, by %s, the faster: %.0f GFLOP/s. Reading memory: %.1f GB/s.\n", side, side, l.what, l.flops/1e9, l.bytes/1e9)
}

// of is the least seconds for an image: its multiply-adds at the products' rate, and the keys
// and values that it reads at memory's.
func (l *limit) of(sig *sampler.Signature) (seconds float64, macs int64, err error) {
	p, err := compile.Compile(sig.Model(), compile.Options{Picture: sig.Picture(), SubPixel: sig.SubPixel, Height: sig.Height, Width: sig.Width})
	if err != nil {
		return 0, 0, err
	}
	l.read = 0
	for _, u := range p.Units {
		if u.Kind != ir.Attention {
			continue
		}
		for at := range u.Dom.H() * u.Dom.W() {
			for _, s := range u.Args[1].Access.(ir.Attended).Spans(at/u.Dom.W(), at%u.Dom.W()) {
				l.read += 4 * int64(u.Args[1].Src.Channels+u.Channels) * int64(s.To-s.From)
			}
		}
	}
	macs = p.Plan().MACs
	return 2*float64(macs)/l.flops + float64(l.read)/l.bytes, macs, nil
}
