package sampler_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/sampler"
)

// enumerated is a class-conditional model of 4×4 pixels and 2 levels whose images differ
// in the first pixels only as far as the tests look: p[class][image] is the probability
// of each class and first four pixels, given the class, pixel k being bit k.
func enumerated(t testing.TB) (file []byte, p [3][16]float64) {
	t.Helper()
	c := models.Config{Hidden: 4, Blocks: 1, Kernel: 3, Size: 4, Levels: 2, Classes: 3}
	m := modeltest.Random(t, c, 6)
	for class := range p {
		for image := range p[class] {
			pixels := make([]float64, 16)
			for k := range 4 {
				pixels[k] = float64(image >> k & 1)
			}
			logits := modeltest.ClassLogits(m, pixels, class)
			p[class][image] = 1
			for k := range 4 {
				a, b := logits[k], logits[16+k]
				p[class][image] *= math.Exp(logits[16*int(pixels[k])+k]) / (math.Exp(a) + math.Exp(b))
			}
		}
	}
	return classFile(t, c, 6), p
}

// TestClassDistribution draws 20,000 images with their classes and compares both with
// the enumerated distribution; 82.7 is the 99.9 % point of 47 degrees of freedom.
func TestClassDistribution(t *testing.T) {
	if testing.Short() {
		t.Skip("statistics, one goroutine")
	}
	file, p := enumerated(t)
	var joint []float64
	for class, prior := range classMeta.ClassPrior {
		for _, x := range p[class] {
			joint = append(joint, prior*x)
		}
	}
	backends(t, func(t *testing.T, rt onnx.Runtime, engine sampler.Engine) {
		n := 20_000
		if engine == sampler.Full {
			n = 2_000
		}
		s, err := opened(rt, file, settings{Engine: engine, Seed: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		count := make([]float64, 48)
		for sample, err := range s.Samples(context.Background(), sampler.Request{N: n, LevelsOnly: true}) {
			if err != nil {
				t.Fatal(err)
			}
			count[16*sample.Class+bits(sample.Levels)]++
		}
		chi2 := chiSquare(count, joint)
		t.Logf("chi-square %.1f", chi2)
		if chi2 > 82.7 {
			t.Errorf("chi-square %.1f; counts %v, probabilities %.4f", chi2, count, joint)
		}
	})
}

// TestParticlesWeighClasses: inpaintings with particles have the classes, and the free
// pixels, that the given ones make likely: p(class, free | given) ∝ p(class) p(free, given |
// class). The last two of four pixels are given.
func TestParticlesWeighClasses(t *testing.T) {
	if testing.Short() {
		t.Skip("statistics, one goroutine")
	}
	file, p := enumerated(t)
	s := open(t, file, settings{Seed: 4})
	const given = 2 // pixel 2 is 0, pixel 3 is 1
	var posterior []float64
	sum := 0.0
	for class, prior := range classMeta.ClassPrior {
		for free := range 4 {
			posterior = append(posterior, prior*p[class][free|given<<2])
			sum += posterior[len(posterior)-1]
		}
	}
	for k := range posterior {
		posterior[k] /= sum
	}
	c := sampler.Inpainting{Picture: make([]uint16, 16), Mask: make([]bool, 16), Particles: 200}
	c.Mask[2], c.Mask[3], c.Picture[3] = true, true, 1
	const n = 1_000
	count := make([]float64, len(posterior))
	for sample, err := range s.Inpaint(context.Background(), c, n) {
		if err != nil {
			t.Fatal(err)
		}
		count[4*sample.Class+bits(sample.Levels)&3]++
	}
	// 31.26 is the 99.9 % point of 11 degrees of freedom.
	if chi2 := chiSquare(count, posterior); chi2 > 31.26 {
		t.Errorf("chi-square %.1f; counts %v, probabilities %.4f", chi2, count, posterior)
	}
	// Far from what it would be with classes by the prior.
	far := 0.0
	for class, prior := range classMeta.ClassPrior {
		far += math.Abs(posterior[4*class] + posterior[4*class+1] + posterior[4*class+2] + posterior[4*class+3] - prior)
	}
	if far < 0.1 {
		t.Errorf("the given pixels say nothing of the class, so this proves nothing: %.4f", posterior)
	}
	// A class that is asked for is kept.
	for sample, err := range s.Samples(context.Background(), sampler.Request{N: 5, Inpainting: c, Classes: []int{1}}) {
		if err != nil || sample.Class != 1 {
			t.Errorf("class %d, error %v; want 1", sample.Class, err)
		}
	}
}

// TestInpaintingClass: the pixels that are given before all free ones bear on the class
// that is drawn: p(class | given) ∝ p(class) p(given | class), the same for each engine and
// runtime, in steps, too.
func TestInpaintingClass(t *testing.T) {
	file, p := enumerated(t)
	const given = 5 // pixels 0 and 2 are 1, pixels 1 and 3 are 0
	posterior := make([]float64, 3)
	sum := 0.0
	for class, prior := range classMeta.ClassPrior {
		posterior[class] = prior * p[class][given]
		sum += posterior[class]
	}
	c := sampler.Inpainting{Picture: make([]uint16, 16), Mask: make([]bool, 16)}
	for k := range 4 {
		c.Mask[k], c.Picture[k] = true, uint16(given>>k&1)
	}
	c.Mask[9], c.Picture[9], c.Picture[5] = true, 1, 200 // after free ones, and not given: of no account
	const n = 4_000
	var want []int
	for sample, err := range open(t, file, settings{Seed: 4}).Inpaint(context.Background(), c, n) {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, sample.Class)
	}
	count := make([]float64, 3)
	far := 0.0
	for _, class := range want {
		count[class]++
	}
	for class, prior := range classMeta.ClassPrior {
		posterior[class] /= sum
		far += math.Abs(posterior[class] - prior)
	}
	// 13.82 is the 99.9 % point of 2 degrees of freedom.
	if chi2 := chiSquare(count, posterior); chi2 > 13.82 || far < 0.1 {
		t.Errorf("chi-square %.1f; counts %v, probabilities %.4f", chi2, count, posterior)
	}
	backends(t, func(t *testing.T, rt onnx.Runtime, engine sampler.Engine) {
		s, err := opened(rt, file, settings{Seed: 4, Engine: engine, Batch: 3})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for i, sample := range samples(t, s, sampler.Request{First: 20, N: 30, Inpainting: c}) {
			if sample.Class != want[20+i] {
				t.Errorf("image %d is of class %d, want %d", 20+i, sample.Class, want[20+i])
			}
		}
		for step, err := range s.Steps(context.Background(), sampler.Request{N: 9, Inpainting: c}) {
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(step.Classes, want[:9]) {
				t.Fatalf("classes %v in steps, want %v", step.Classes, want[:9])
			}
		}
	})
	// With all given, the class of a picture is a guess.
	for k := range c.Mask {
		c.Mask[k], c.Picture[k] = true, c.Picture[k]&1
	}
	s := open(t, file, settings{})
	for _, sample := range samples(t, s, sampler.Request{N: 3, Inpainting: c}) {
		given, err := s.LogProbGivenClass(context.Background(), c.Picture, []int{sample.Class})
		if err != nil || math.Abs(given[0]-sample.LogProb) > 1e-4 {
			t.Errorf("log-probability %g, scored %v, error %v", sample.LogProb, given, err)
		}
	}
}

// TestWholeSamplersClass: a file that holds a one-file sampler cannot weigh classes, and
// says so.
func TestWholeSamplersClass(t *testing.T) {
	file, _ := enumerated(t)
	s := open(t, mustOneFile(t, file, settings{}, true), settings{})
	c := sampler.Inpainting{Picture: make([]uint16, 16), Mask: make([]bool, 16)}
	c.Mask[0] = true
	for _, err := range s.Samples(context.Background(), sampler.Request{N: 1, Inpainting: c}) {
		if !errors.Is(err, sampler.ErrConfig) || !strings.Contains(err.Error(), "say which class") {
			t.Errorf("error %v, want ErrConfig", err)
		}
	}
	if got := samples(t, s, sampler.Request{N: 1, Inpainting: c, Classes: []int{2}})[0].Class; got != 2 {
		t.Errorf("class %d, want 2", got)
	}
}
