package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/dataset"
	"pixelcnn/export"
	"pixelcnn/internal/format"
	"pixelcnn/models"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// start gives m the weights of the file of --from, and leaves out the training images that are not
// typical. It adds to meta what was left out, and the commands and epochs of the file that it
// starts from.
func (f *trainFlags) start(ctx context.Context, log io.Writer, rt *runtime.Any, m *models.Model, set *dataset.Set, meta *export.Meta) error {
	if f.from == "" {
		return nil
	}
	file, err := cli.ReadModel(f.from)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	if m.Weights, err = export.Weights(file, m.Config); err != nil {
		return fmt.Errorf("--from %s: %w", f.from, err)
	}
	before, err := sampler.Read(file, sampler.Config{Threads: f.train.Threads})
	if err != nil {
		return fmt.Errorf("--from %s: %w", f.from, err)
	}
	if b := before.Meta; b.Command != "" {
		meta.Command, meta.Epochs = b.Command+"\n"+meta.Command, b.Epochs
	}
	if f.typical == 0 {
		return nil
	}
	sure, err := certainties(ctx, log, rt, before, set)
	if err != nil {
		return fmt.Errorf("--typical: %s: %w", f.from, err)
	}
	all := set.Train.N()
	if set.Train = typical(set.Train, sure, f.typical); set.Train.N() == 0 {
		return fmt.Errorf("--typical %v: no training image is left of %d: give less", f.typical, all)
	}
	fmt.Fprintf(log, "--typical %v: %d of %d training images are left out\n", f.typical, all-set.Train.N(), all)
	meta.Preprocess += fmt.Sprintf("; typical=%v left out %d of %d", f.typical, all-set.Train.N(), all)
	return nil
}

// certainties is the probability, for each training image, that a model gives to its own class by
// Bayes' rule: p(class)·p(image | class) as a share of the sum over all classes, [N].
func certainties(ctx context.Context, log io.Writer, rt *runtime.Any, m *sampler.Model, set *dataset.Set) (sure []float64, err error) {
	if !slices.Equal(m.Classes, set.ClassNames) {
		return nil, fmt.Errorf("its classes are %s, and those of %s are %s",
			format.Cut(fmt.Sprintf("%q", m.Classes)), set.Name, format.Cut(fmt.Sprintf("%q", set.ClassNames)))
	}
	s, err := m.Open(rt)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	told := time.Now()
	area := set.Size * set.Size
	for part := range slices.Chunk(set.Train.Pixels, 256*area) {
		byClass, err := s.LogProbByClass(ctx, part)
		if err != nil {
			return nil, err
		}
		for i, all := range m.SumOut(byClass) {
			class := int(set.Train.Labels[len(sure)])
			sure = append(sure, m.Prior[class]*math.Exp(byClass[i*len(m.Prior)+class]-all))
		}
		if time.Since(told) >= quiet {
			told = time.Now()
			fmt.Fprintf(log, "--typical: %d of %d training images\n", len(sure), set.Train.N())
		}
	}
	return sure, nil
}

// typical is the part of a split whose images have a certainty of at least least.
func typical(s dataset.Split, sure []float64, least float64) dataset.Split {
	area := s.Size * s.Size
	out := dataset.Split{Size: s.Size}
	for i, p := range sure {
		if p >= least {
			out.Pixels = append(out.Pixels, s.Pixels[i*area:(i+1)*area]...)
			out.Labels = append(out.Labels, s.Labels[i])
		}
	}
	return out
}
