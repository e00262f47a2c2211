package sample

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"pixelcnn/internal/onnx"
	"pixelcnn/sampler"
)

// large is a model of useful size: one image and a batch of them, on both runtimes, beside a
// dense pass over the batch, which is what scoring it takes.
type large struct {
	name      string
	pass      *contestant
	one, many []*contestant // by runtime
	samplers  []*sampler.Sampler
	images    [2]int // that each has drawn
}

// largeBatch is how many images are drawn together.
const largeBatch = 64

// runtimes are the names of those that large models are drawn on.
var runtimes = []string{"onnxruntime", "go"}

func (m *machine) large(name string) error {
	file, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	l := &large{name: filepath.Base(name)}
	c := &contest{turn: m.turn}
	for i, rt := range []onnx.Runtime{m.ort, m.inGo} {
		s, err := sampler.Open(rt, file, sampler.Config{Threads: m.threads})
		if err != nil {
			return err
		}
		defer s.Close()
		if _, why := s.Engine(); why != nil {
			return fmt.Errorf("%s: %w", name, why)
		}
		symbols := s.Signature().Symbols()
		if i == 0 {
			pictures := make([]uint16, largeBatch*symbols)
			l.pass = c.add("dense pass", func(ctx context.Context) error {
				_, err := s.Score(ctx, pictures, sampler.Given{})
				return err
			})
		}
		draw := func(n int) func(context.Context) error {
			levels := make([]uint16, n*symbols)
			first := uint64(0)
			return func(ctx context.Context) error {
				first, l.images[i] = first+uint64(n), l.images[i]+n
				return s.Draw(ctx, sampler.Request{First: first, N: n, LevelsOnly: true}, levels)
			}
		}
		l.samplers = append(l.samplers, s)
		l.one = append(l.one, c.add("one image", draw(1)))
		l.many = append(l.many, c.add("a batch", draw(largeBatch)))
	}
	if err := c.run(m.ctx, m.rounds); err != nil {
		return err
	}
	l.print()
	return nil
}

func (l *large) print() {
	fmt.Printf("\n| %s | one image, ms | images a second, %d at once | in dense passes | near ties an image |\n|---|---|---|---|---|\n", l.name, largeBatch)
	fmt.Printf("| dense pass of %d | | %s | 1 | |\n", largeBatch, figure(largeBatch/l.pass.seconds()))
	for i, name := range runtimes {
		fmt.Printf("| %s | %s | %s | %s | %s |\n", name, figure(1000*l.one[i].seconds()), figure(largeBatch/l.many[i].seconds()),
			figure(l.many[i].over(l.pass)), figure(float64(l.samplers[i].NearTies())/float64(l.images[i])))
	}
}
