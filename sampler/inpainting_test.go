package sampler_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pixelcnn/export"
	"pixelcnn/internal/modeltest"
	"pixelcnn/models"
	"pixelcnn/sampler"
)

// TestInpaintingKeepsGiven: 1,000 random masks, with and without particles; the given pixels
// come back as they were, and log-probabilities add up.
func TestInpaintingKeepsGiven(t *testing.T) {
	c := models.Config{Hidden: 4, Blocks: 1, Kernel: 3, Size: 4, Levels: 3}
	model := file(t, c, 1)
	rng := rand.New(rand.NewPCG(1, 0))
	for _, engine := range engines {
		s := open(t, model, settings{Engine: engine, Temperature: 0.7, TopK: 2, Threads: 1})
		for try := range 1000 {
			picture, mask := make([]uint16, 16), make([]bool, 16)
			share := rng.Float64()
			for k := range picture {
				picture[k], mask[k] = uint16(rng.IntN(3)), rng.Float64() < share
			}
			inpainting := sampler.Inpainting{Picture: picture, Mask: mask, Particles: try % 4}
			all := samples(t, s, sampler.Request{First: uint64(try), N: 2, Inpainting: inpainting})
			for _, sample := range all {
				for k, level := range sample.Levels {
					if mask[k] && level != picture[k] {
						t.Fatalf("mask %v: pixel %d is %d, was %d", mask, k, level, picture[k])
					}
				}
				scored, err := s.LogProb(context.Background(), sample.Levels)
				if err != nil {
					t.Fatal(err)
				}
				if math.Abs(sample.LogProb-scored[0]) > 1e-4 {
					t.Errorf("mask %v: inpainted with log-probability %.6f, scored with %.6f", mask, sample.LogProb, scored[0])
				}
				if sample.LogProbGiven > 0 || sample.LogProbGiven < sample.LogProb-1e-9 {
					t.Errorf("log-probability %g, of which the given pixels have %g", sample.LogProb, sample.LogProbGiven)
				}
				if most := float64(max(0, try%4)); most > 1 && (sample.EffectiveSize < 1-1e-9 || sample.EffectiveSize > most+1e-9) {
					t.Errorf("effective sample size %g of %g", sample.EffectiveSize, most)
				}
			}
		}
	}
}

// TestInpaintingEnds: with nothing given an inpainting is a draw; with everything given it
// is the picture.
func TestInpaintingEnds(t *testing.T) {
	model := file(t, small, 1)
	for _, engine := range engines {
		s := open(t, model, settings{Engine: engine})
		want := samples(t, s, sampler.Request{N: 3})
		mask := make([]bool, 49)
		for i, got := range samples(t, s, sampler.Request{N: 3, Inpainting: sampler.Inpainting{Picture: make([]uint16, 49), Mask: mask}}) {
			if !slices.Equal(got.Levels, want[i].Levels) || got.LogProb != want[i].LogProb || got.LogProbGiven != 0 {
				t.Errorf("image %d with nothing given is not the one drawn", i)
			}
		}
		for k := range mask {
			mask[k] = true
		}
		for _, particles := range []int{1, 5} {
			inpainting := sampler.Inpainting{Picture: want[2].Levels, Mask: mask, Particles: particles}
			got := samples(t, s, sampler.Request{N: 1, Inpainting: inpainting})[0]
			if !slices.Equal(got.Levels, want[2].Levels) || math.Abs(got.LogProb-want[2].LogProb) > 1e-4 || got.LogProbDrawn != 0 || math.Abs(got.LogProbGiven-got.LogProb) > 1e-9 {
				t.Errorf("with everything given: %+v, want the levels and log-probability of %+v", got, want[2])
			}
		}
	}
}

// TestInpaintingDistribution compares inpaintings of the tiny model with enumerated
// distributions. With many particles they follow p(free | given); without, p(free |
// given before it) pixel by pixel. 24.32 is the 99.9 % point of 7 degrees of freedom,
// 16.27 that of 3.
func TestInpaintingDistribution(t *testing.T) {
	if testing.Short() {
		t.Skip("statistics, one goroutine")
	}
	model, p := tinyModel(t)
	for _, engine := range engines {
		s := open(t, model, settings{Engine: engine, Seed: 4})
		for _, c := range []struct {
			picture   []uint16
			mask      []bool
			limit     float64
			resampled bool
		}{
			{[]uint16{0, 0, 0, 1}, []bool{false, false, false, true}, 24.32, false},
			{[]uint16{0, 1, 0, 0}, []bool{false, true, false, true}, 16.27, true},
		} {
			given, plain := inpaintings(p[:], c.picture, c.mask)
			draw := func(particles, n int) (count []float64) {
				count = make([]float64, 16)
				resampled := 0
				for _, sample := range samples(t, s, sampler.Request{
					N: n, Inpainting: sampler.Inpainting{Picture: c.picture, Mask: c.mask, Particles: particles},
				}) {
					count[bits(sample.Levels)]++
					resampled += sample.Resampled
				}
				if particles > 1 && (resampled > 0) != c.resampled {
					t.Errorf("%s, %v given: resampled %d times", engine, c.mask, resampled)
				}
				return count
			}
			if chi2 := chiSquare(draw(1, 20_000), plain); chi2 > c.limit {
				t.Errorf("%s, %v given, plain: chi-square %.1f", engine, c.mask, chi2)
			}
			count := draw(300, 1500)
			if chi2 := chiSquare(count, given); chi2 > c.limit {
				t.Errorf("%s, %v given, particles: chi-square %.1f; counts %v, want in proportion to %.3f", engine, c.mask, chi2, count, given)
			}
			if chi2 := chiSquare(count, plain); chi2 < c.limit {
				t.Errorf("%s, %v given: the test tells nothing apart: %.3f, %.3f", engine, c.mask, given, plain)
			}
		}
	}
}

// inpaintings enumerates the inpaintings of a picture of a tiny model, of which symbol k of
// an image is bit k of its number: their probabilities given all given symbols, and those of a plain one.
func inpaintings(p []float64, picture []uint16, mask []bool) (given, plain []float64) {
	given, plain = make([]float64, len(p)), make([]float64, len(p))
	sum := 0.0
	for image := range p {
		fits := true
		for k := range mask {
			fits = fits && (!mask[k] || image>>k&1 == int(picture[k]))
		}
		if !fits {
			continue
		}
		given[image] = p[image]
		sum += p[image]
		plain[image] = 1
		for k := range mask {
			if !mask[k] { // p(pixels up to k) / p(pixels before k)
				plain[image] *= beginning(p, image, k+1) / beginning(p, image, k)
			}
		}
	}
	for image := range given {
		given[image] /= sum
	}
	return given, plain
}

// beginning is the probability that the first n symbols are those of an image.
func beginning(p []float64, image, n int) float64 {
	sum := 0.0
	for other := range p {
		if (other^image)&(1<<n-1) == 0 {
			sum += p[other]
		}
	}
	return sum
}

// TestParticlesHelp: the mean log-probability of given pixels rises with the number of
// particles, where given pixels come after free ones.
func TestParticlesHelp(t *testing.T) {
	if testing.Short() {
		t.Skip("statistics, one goroutine")
	}
	// Logits three times as large make pixels depend clearly on those before.
	m := modeltest.Random(t, models.Config{Hidden: 8, Blocks: 1, Kernel: 5, Size: 6, Levels: 3}, 5)
	for i := range m.Weights["logits_weight"] {
		m.Weights["logits_weight"][i] *= 3
	}
	var model bytes.Buffer
	if err := export.Write(&model, m, export.Meta{}); err != nil {
		t.Fatal(err)
	}
	s := open(t, model.Bytes(), settings{Seed: 1})
	mask := slices.Repeat([]bool{false, false, false, true, true, true}, 6) // the right half
	truth := samples(t, s, sampler.Request{First: 1000, N: 40})
	last := math.Inf(-1)
	resampled := 0
	for _, particles := range []int{1, 4, 16, 64} {
		mean := 0.0
		for i, picture := range truth {
			got := samples(t, s, sampler.Request{First: uint64(i), N: 1, Inpainting: sampler.Inpainting{Picture: picture.Levels, Mask: mask, Particles: particles}})[0]
			mean += got.LogProbGiven / float64(len(truth))
			resampled += got.Resampled
		}
		t.Logf("%d particles: %.2f nats", particles, mean)
		if mean < last+0.2 {
			t.Errorf("%d particles: mean log-probability %.2f of the given pixels after %.2f with fewer", particles, mean, last)
		}
		last = mean
	}
	if resampled == 0 {
		t.Error("nothing was resampled")
	}
}

// TestInpaintingSeveral: image i completes picture ⌊i/Run⌋ mod n, as it would with that picture alone, whatever
// part of the images is drawn: with and without particles and best-of, and with classes that the given
// pixels bear on.
func TestInpaintingSeveral(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 0))
	c := models.Config{Hidden: 4, Blocks: 1, Kernel: 3, Size: 4, Levels: 3, Classes: 3}
	const pixels, pictures, run, n = 16, 3, 2, 14
	var all []uint16
	for range pictures * pixels {
		all = append(all, uint16(rng.IntN(c.Levels)))
	}
	mask := make([]bool, pixels)
	for k := range mask {
		mask[k] = k < 6 || k == 11
	}
	for _, engine := range engines {
		s := open(t, file(t, c, 1), settings{Engine: engine, Threads: 1})
		for _, base := range []sampler.Request{
			{},
			{BestOf: 3},
			{Inpainting: sampler.Inpainting{Particles: 4}},
			{BestOf: 2, Inpainting: sampler.Inpainting{Particles: 2}, Classes: []int{1}},
		} {
			req := base
			req.N = n
			req.Inpainting.Picture, req.Inpainting.Mask, req.Inpainting.Run = all, mask, run
			got := samples(t, s, req)
			req.First, req.N = 5, 7
			part := samples(t, s, req)
			for i, sample := range got {
				one := base
				one.First, one.N = uint64(i), 1
				number := i / run % pictures
				one.Inpainting.Picture, one.Inpainting.Mask = all[number*pixels:(number+1)*pixels], mask
				want := samples(t, s, one)[0]
				if !slices.Equal(sample.Levels, want.Levels) || sample.Class != want.Class {
					t.Errorf("%s, %+v: image %d is %v of class %d, want %v of class %d", engine, base, i, sample.Levels, sample.Class, want.Levels, want.Class)
				}
				if i >= 5 && i < 12 && !slices.Equal(part[i-5].Levels, sample.Levels) {
					t.Errorf("%s, %+v: image %d is another one where it is drawn in a part", engine, base, i)
				}
			}
		}
		for _, in := range []sampler.Inpainting{
			{Picture: all[:40], Mask: mask}, {Picture: []uint16{}, Mask: mask}, {Picture: all, Mask: mask, Run: -1},
		} {
			if err := s.Draw(t.Context(), sampler.Request{N: 1, Classes: []int{0}, Inpainting: in}, make([]uint16, pixels)); !errors.Is(err, sampler.ErrConfig) {
				t.Errorf("%d levels, run %d: error %v", len(in.Picture), in.Run, err)
			}
		}
	}
}
