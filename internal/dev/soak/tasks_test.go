//go:build cgo

package soak

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
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
	name    string
	model   []byte
	oneFile bool            // the file holds a one-file sampler
	req     sampler.Request // for images 0 to images-1

	want    []sampler.Sample // images 0 to images-1
	logProb []float64        // theirs, with the class summed out; nil for a one-file sampler
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
		read, err := sampler.Read(file.Bytes(), sampler.Config{})
		if err != nil {
			t.Fatal(err)
		}
		oneFile, err := read.OneFile(false)
		if err != nil {
			t.Fatal(err)
		}
		add := func(name string, k task) {
			k.req.Rounded = !k.oneFile
			k.name = fmt.Sprint(name, " of model ", i)
			if k.model = file.Bytes(); k.oneFile {
				k.model = oneFile
			}
			tasks = append(tasks, &k)
		}
		inpainting := sampler.Inpainting{Picture: make([]uint16, 49), Mask: make([]bool, 49)}
		for p := range inpainting.Picture {
			inpainting.Picture[p], inpainting.Mask[p] = uint16(p%5), p%3 == 1
		}
		add("as it is", task{req: with(sampler.Parameters{Seed: 1})})
		add("cold", task{req: with(sampler.Parameters{Seed: 2, Temperature: 0.3, TemperatureEnd: 0.8})})
		add("filtered", task{req: with(sampler.Parameters{Seed: 3, TopK: 4, TopP: 0.9, MinP: 0.01})})
		add("greedy", task{req: with(sampler.Parameters{Greedy: true})})
		add("inpainted", task{req: sampler.Request{Parameters: sampler.Parameters{Seed: 4}, Inpainting: inpainting}})
		add("one-file sampler", task{req: with(sampler.Parameters{Seed: 5}), oneFile: true})
		if c.Classes > 0 {
			add("of two classes", task{req: sampler.Request{Parameters: sampler.Parameters{Seed: 6}, Classes: []int{2, 0}}})
		}
	}
	mixture := sampler.Config{Head: "logistic-mixture", Levels: 256, PixelRange: [2]float64{-1, 1}}
	rows := make([]int64, images*4*4) // image i has row i
	for i := range rows {
		rows[i] = int64(i % 16)
	}
	for name, cfg := range map[string]sampler.Config{
		"rgb_masked": {}, "bernoulli_logit": {}, "mixture_rgb": mixture, "mixture_rgb_strided": mixture, "strided_grey": {},
		"transformer_tokens": {Height: 8, Width: 8}, "next_token": {Height: 8, Width: 8, StartToken: []int64{16}}, "condition_map": {},
	} {
		file, err := sampler.AnnotateFile("../../../sampler/testdata/zoo/script/"+name+".onnx", cfg, sampler.Annotation{})
		if err != nil {
			t.Fatal(name, err)
		}
		for _, p := range []sampler.Parameters{{Seed: 7}, {Seed: 8, Temperature: 0.6, TopP: 0.95}} {
			k := &task{name: fmt.Sprint(name, " with ", p), model: file, req: sampler.Request{Parameters: p, Rounded: true}}
			if name == "condition_map" {
				k.req.Conditions = map[string]*sampler.Tensor{"": {Shape: []int{images, 4, 4}, Data: rows}}
			}
			tasks = append(tasks, k)
		}
	}
	for _, k := range tasks {
		cfg := sampler.Config{Batch: 1, Threads: 1}
		if !k.oneFile {
			cfg.Engine = sampler.Full
		}
		s, err := sampler.Open(rt, k.model, cfg)
		if err != nil {
			t.Fatalf("%s: %v", k.name, err)
		}
		var levels []uint16
		for sample, err := range s.Samples(context.Background(), k.request(0, images)) {
			if err != nil {
				t.Fatalf("%s: %v", k.name, err)
			}
			k.want = append(k.want, sample)
			levels = append(levels, sample.Levels...)
		}
		if !k.oneFile {
			if k.logProb, err = s.Score(context.Background(), levels, k.given(0)); err != nil {
				t.Fatalf("%s: %v", k.name, err)
			}
		}
		closed(t, s)
	}
	return tasks
}

// with asks with parameters.
func with(p sampler.Parameters) sampler.Request { return sampler.Request{Parameters: p} }

// request asks for some of a task's images.
func (k *task) request(first, n int) sampler.Request {
	req := k.req
	req.First, req.N = uint64(first), n
	return req
}

// given is what scoring is told of images from first on: the class is summed out.
func (k *task) given(first int) sampler.Given {
	return sampler.Given{First: uint64(first), Conditions: k.req.Conditions}
}

// draw draws some images in one of several ways, and compares them. It tells whether it
// left before the end.
func (k *task) draw(ctx context.Context, rng *rand.Rand, s *sampler.Sampler) (left bool, err error) {
	first := rng.IntN(images)
	n := 1 + rng.IntN(images-first)
	want := k.want[first : first+n]
	way := rng.IntN(6)
	inpaints := k.req.Inpainting.Mask != nil
	switch {
	case way == 0 && !inpaints:
		levels := make([]uint16, n*s.Signature().Symbols())
		if err := s.Draw(ctx, k.request(first, n), levels); err != nil {
			return false, err
		}
		return false, k.compare(levels, first, n)
	case way == 1 && !inpaints:
		// Images begins at image 0.
		at := 0
		for img, err := range s.Images(ctx, k.request(0, n)) {
			if err != nil {
				return false, err
			}
			if !reflect.DeepEqual(img, s.Signature().Image(k.want[at].Levels)) {
				return false, fmt.Errorf("image %d differs from the quiet one", at)
			}
			if at++; at < n && rng.IntN(4) == 0 {
				return true, nil
			}
		}
		return false, nil
	case way == 2 && !k.oneFile:
		var last []uint16
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
	case way == 3 && !k.oneFile:
		var levels []uint16
		for _, w := range want {
			levels = append(levels, w.Levels...)
		}
		got, err := s.Score(ctx, levels, k.given(first))
		if err != nil {
			return false, err
		}
		for i, p := range got {
			if w := k.logProb[first+i]; math.Abs(p-w) > 0.01 {
				return false, fmt.Errorf("image %d has log-probability %g, quietly %g", first+i, p, w)
			}
		}
		return false, nil
	case way == 4 && inpaints:
		// Particles: given pixels stay.
		req := k.request(first, n)
		req.Inpainting.Particles = 1 + rng.IntN(4)
		for sample, err := range s.Samples(ctx, req) {
			if err != nil {
				return false, err
			}
			for p, given := range k.req.Inpainting.Mask {
				if given && sample.Levels[p] != k.req.Inpainting.Picture[p] {
					return false, fmt.Errorf("image %d: given pixel %d was drawn", sample.Index, p)
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
		if sample.Index != w.Index || sample.Class != w.Class || !slices.Equal(sample.Levels, w.Levels) || !k.oneFile && sample.LogProb != w.LogProb {
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
func (k *task) compare(levels []uint16, first, n int) error {
	if len(levels) != n*len(k.want[0].Levels) {
		return fmt.Errorf("%d levels for %d images", len(levels), n)
	}
	for i := range n {
		if !slices.Equal(levels[i*len(k.want[0].Levels):][:len(k.want[0].Levels)], k.want[first+i].Levels) {
			return fmt.Errorf("image %d differs from the quiet one", first+i)
		}
	}
	return nil
}
