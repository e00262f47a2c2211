//go:build cgo

package soak

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pixelcnn/export"
	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/sampler"
)

// images is how many there are of each task.
const images = 6

// task is a model, settings that choose its images, and what a quiet run drew.
type task struct {
	name       string
	model      []byte
	whole      bool // the file holds a whole sampler
	cfg        sampler.Config
	completion sampler.Completion

	want    []sampler.Sample // images 0 to images-1
	logProb []float64        // theirs, with the class summed out; nil for a whole sampler
}

// quiet lists the tasks and draws what they must give: one image at a time, the whole
// network once per pixel.
func quiet(t *testing.T, rt onnx.Runtime) []*task {
	small := models.Config{Hidden: 8, Blocks: 1, Kernel: 5, Size: 7, Levels: 5}
	classes := small
	classes.Arch, classes.Classes, classes.Input = "gated", 3, models.OneHot
	var tasks []*task
	for i, c := range []models.Config{small, classes} {
		var file bytes.Buffer
		meta := export.Meta{}
		for k := range c.Classes {
			meta.Classes = append(meta.Classes, fmt.Sprint("class ", k))
		}
		if err := export.Write(&file, modeltest.Random(t, c, uint64(i)), meta); err != nil {
			t.Fatal(err)
		}
		whole, err := sampler.OneFile(file.Bytes(), sampler.OneFileConfig{})
		if err != nil {
			t.Fatal(err)
		}
		add := func(name string, k task) {
			k.name = fmt.Sprint(name, " of model ", i)
			if k.model = file.Bytes(); k.whole {
				k.model = whole
			}
			tasks = append(tasks, &k)
		}
		picture := sampler.Completion{Picture: make([]uint8, 49), Keep: make([]bool, 49)}
		for p := range picture.Picture {
			picture.Picture[p], picture.Keep[p] = uint8(p%5), p%3 == 1
		}
		add("as it is", task{cfg: sampler.Config{Seed: 1}})
		add("cold", task{cfg: sampler.Config{Seed: 2, Temperature: 0.3, TemperatureEnd: 0.8}})
		add("filtered", task{cfg: sampler.Config{Seed: 3, TopK: 4, TopP: 0.9, MinP: 0.01}})
		add("greedy", task{cfg: sampler.Config{Greedy: true}})
		add("completed", task{cfg: sampler.Config{Seed: 4}, completion: picture})
		add("whole", task{cfg: sampler.Config{Seed: 5}, whole: true})
		if c.Classes > 0 {
			add("of two classes", task{cfg: sampler.Config{Seed: 6, Classes: []int{2, 0}}})
		}
	}
	for _, k := range tasks {
		cfg := k.cfg
		cfg.Batch, cfg.Threads = 1, 1
		if !k.whole {
			cfg.Engine = sampler.Full
		}
		s, err := sampler.Open(rt, k.model, cfg)
		if err != nil {
			t.Fatalf("%s: %v", k.name, err)
		}
		var levels []uint8
		for sample, err := range s.Samples(context.Background(), k.request(0, images)) {
			if err != nil {
				t.Fatalf("%s: %v", k.name, err)
			}
			k.want = append(k.want, sample)
			levels = append(levels, sample.Levels...)
		}
		if !k.whole {
			if k.logProb, err = s.LogProb(context.Background(), levels); err != nil {
				t.Fatalf("%s: %v", k.name, err)
			}
		}
		closed(t, s)
	}
	return tasks
}

// request asks for some of a task's images.
func (k *task) request(first, n int) sampler.Request {
	return sampler.Request{First: uint64(first), N: n, Completion: k.completion, Rounded: !k.whole}
}

// draw draws some images in one of several ways, and compares them. It tells whether it
// left before the end.
func (k *task) draw(ctx context.Context, rng *rand.Rand, s *sampler.Sampler) (left bool, err error) {
	first := rng.IntN(images)
	n := 1 + rng.IntN(images-first)
	want := k.want[first : first+n]
	way := rng.IntN(6)
	completes := k.completion.Keep != nil
	switch {
	case way == 0 && !completes:
		levels := make([]uint8, n*49)
		if err := s.Draw(ctx, uint64(first), levels); err != nil {
			return false, err
		}
		return false, k.compare(levels, first, n)
	case way == 1 && !completes:
		// Images begins at image 0.
		at := 0
		for img, err := range s.Images(ctx, n) {
			if err != nil {
				return false, err
			}
			if gray := s.Spec().Gray(k.want[at].Levels); !bytes.Equal(img.Pix, gray.Pix) {
				return false, fmt.Errorf("image %d differs from the quiet one", at)
			}
			if at++; at < n && rng.IntN(4) == 0 {
				return true, nil
			}
		}
		return false, nil
	case way == 2 && !k.whole:
		var last []uint8
		for step, err := range s.Steps(ctx, k.request(first, n)) {
			if err != nil {
				return false, err
			}
			if rng.IntN(40) == 0 && slices.Contains(step.Known, false) {
				return true, nil
			}
			last = step.Levels
		}
		return false, k.compare(last, first, n)
	case way == 3 && !k.whole:
		var levels []uint8
		for _, w := range want {
			levels = append(levels, w.Levels...)
		}
		got, err := s.LogProb(ctx, levels)
		if err != nil {
			return false, err
		}
		for i, p := range got {
			if w := k.logProb[first+i]; math.Abs(p-w) > 1e-3 {
				return false, fmt.Errorf("image %d has log-probability %g, quietly %g", first+i, p, w)
			}
		}
		return false, nil
	case way == 4 && completes:
		// Particles: what is kept must be.
		req := k.request(first, n)
		req.Completion.Particles = 1 + rng.IntN(4)
		for sample, err := range s.Samples(ctx, req) {
			if err != nil {
				return false, err
			}
			for p, keep := range k.completion.Keep {
				if keep && sample.Levels[p] != k.completion.Picture[p] {
					return false, fmt.Errorf("image %d: kept pixel %d was drawn", sample.Index, p)
				}
			}
		}
		return false, nil
	}
	at := 0
	for sample, err := range s.Samples(ctx, k.request(first, n)) {
		if err != nil {
			return false, err
		}
		w := want[at]
		if sample.Index != w.Index || sample.Class != w.Class || !bytes.Equal(sample.Levels, w.Levels) || !k.whole && sample.LogProb != w.LogProb {
			return false, fmt.Errorf("image %d is of class %d and log-probability %g, quietly %d and %g, or its pixels differ",
				w.Index, sample.Class, sample.LogProb, w.Class, w.LogProb)
		}
		if at++; at < n && rng.IntN(8) == 0 {
			return true, nil
		}
	}
	return false, nil
}

// compare compares levels with those of the quiet run.
func (k *task) compare(levels []uint8, first, n int) error {
	if len(levels) != n*49 {
		return fmt.Errorf("%d levels for %d images", len(levels), n)
	}
	for i := range n {
		if !bytes.Equal(levels[i*49:(i+1)*49], k.want[first+i].Levels) {
			return fmt.Errorf("image %d differs from the quiet one", first+i)
		}
	}
	return nil
}
