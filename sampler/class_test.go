package sampler_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pixelcnn/export"
	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/sampler"
)

// classes is a class-conditional model of three classes.
var classes = models.Config{Hidden: 6, Blocks: 2, Kernel: 3, Size: 5, Levels: 3, Classes: 3}

var classMeta = export.Meta{Classes: []string{"T-shirt/top", "Shirt", "Ankle boot"}, ClassPrior: []float64{0.5, 0.2, 0.3}}

// classFile exports a model of random weights with the names and the prior of classMeta.
func classFile(t testing.TB, c models.Config, seed uint64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := export.Write(&b, modeltest.Random(t, c, seed), classMeta); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestClassNames(t *testing.T) {
	sig, err := sampler.Read(classFile(t, classes, 1), sampler.Config{})
	if err != nil {
		t.Fatal(err)
	}
	sig.Classes = []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot", "3", "Bag"}
	for _, c := range []struct {
		name  string
		class int    // -1: an error
		says  string // of the error
	}{
		{"Trouser", 1, ""},
		{"trouser", 1, ""},
		{" coat ", 4, ""},
		{"t-shirt", 0, ""},
		{"top", 0, ""},
		{"shirt", 6, ""}, // whole, though a part of another
		{"boot", 9, ""},
		{"ankle", 9, ""},
		{"sneak", 7, ""},
		{"3", 10, ""}, // a name before a number
		{"7", 7, ""},
		{"0", 0, ""},
		{"d", 3, ""}, // the only one that begins so
		{"s", -1, `could be any of ["Sandal" "Shirt" "Sneaker"]`},
		{"t", -1, `could be any of ["T-shirt/top" "Trouser"]`},
		{"o", -1, `could be any of ["T-shirt/top" "Trouser" "Pullover" "Coat" "Ankle boot"]`},
		{"bag", -1, `could be any of ["Bag" "Bag"]`},
		{"hat", -1, `no class is "hat"; the model has ["T-shirt/top"`},
		{"12", -1, `no class is "12"`},
		{"-1", -1, `no class is "-1"`},
		{"", -1, "the class has no name"},
	} {
		class, err := sig.Class(c.name)
		if c.class >= 0 && (err != nil || class != c.class) {
			t.Errorf("%q: class %d, error %v; want %d", c.name, class, err, c.class)
		}
		if c.class < 0 && (!errors.Is(err, sampler.ErrConfig) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%q: class %d, error %v; want ErrConfig that says %s", c.name, class, err, c.says)
		}
	}
}

// TestClassErrorIsShort: a file may name a great many classes, of which an error tells a part.
func TestClassErrorIsShort(t *testing.T) {
	s := sampler.Signature{ClassInput: "label", Classes: slices.Repeat([]string{"a shirt of some kind"}, 1000)}
	for _, name := range []string{"hat", "shirt"} {
		if _, err := s.Class(name); !errors.Is(err, sampler.ErrConfig) || len(err.Error()) > 300 || !strings.Contains(err.Error(), `["a shirt of some kind" "a shirt`) {
			t.Errorf("%s: error of %d bytes: %.400v", name, len(err.Error()), err)
		}
	}
}

// TestClassIsReference: the log-probabilities of images of each class, as drawn and as
// scored, are those of the model in float64 loops, given the class.
func TestClassIsReference(t *testing.T) {
	for _, arch := range models.Architectures {
		c := classes
		c.Arch = arch
		m := modeltest.Random(t, c, 4)
		file := classFile(t, c, 4)
		backends(t, func(t *testing.T, rt onnx.Runtime, engine sampler.Engine) {
			s, err := opened(rt, file, settings{Engine: engine, Classes: []int{2, 0, 1}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if used, why := s.Engine(); used != engine {
				t.Fatalf("the engine is %s: %v", used, why)
			}
			all := samples(t, s, sampler.Request{N: 6})
			var levels []uint16
			for i, sample := range all {
				if want := []int{2, 0, 1}[i%3]; sample.Class != want {
					t.Errorf("image %d is of class %d, want %d", i, sample.Class, want)
				}
				levels = append(levels, sample.Levels...)
			}
			byClass, err := s.LogProbByClass(context.Background(), levels)
			if err != nil {
				t.Fatal(err)
			}
			summed, err := s.LogProb(context.Background(), levels)
			if err != nil {
				t.Fatal(err)
			}
			given, err := s.LogProbGivenClass(context.Background(), levels, []int{2, 0, 1, 2, 0, 1})
			if err != nil {
				t.Fatal(err)
			}
			for i, sample := range all {
				sum := 0.0
				for class, prior := range classMeta.ClassPrior {
					want := classReference(m, sample.Levels, class)
					if got := byClass[i*3+class]; math.Abs(got-want) > 1e-4 {
						t.Errorf("image %d, class %d: log-probability %.6f, want %.6f", i, class, got, want)
					}
					if class == sample.Class && (math.Abs(sample.LogProb-want) > 1e-4 || math.Abs(given[i]-want) > 1e-4) {
						t.Errorf("image %d: drawn with log-probability %.6f, given its class %.6f, want %.6f", i, sample.LogProb, given[i], want)
					}
					sum += prior * math.Exp(want)
				}
				if math.Abs(summed[i]-math.Log(sum)) > 1e-4 {
					t.Errorf("image %d: log-probability %.6f with the class summed out, want %.6f", i, summed[i], math.Log(sum))
				}
			}
		})
	}
}

// classReference is the log-probability of an image of a class, by loops.
func classReference(m *models.Model, levels []uint16, class int) float64 {
	image := make([]float64, len(levels))
	for k, l := range levels {
		image[k] = float64(l) / float64(m.Levels-1)
	}
	logits := modeltest.ClassLogits(m, image, class)
	total := 0.0
	for k, level := range levels {
		sum := 0.0
		for l := range m.Levels {
			sum += math.Exp(logits[l*len(levels)+k])
		}
		total += logits[int(level)*len(levels)+k] - math.Log(sum)
	}
	return total
}

// TestSameClasses: with the class drawn, too, image i of a seed is the same for every
// engine, runtime, batch and part, and has the class that Sampler.Class says.
func TestSameClasses(t *testing.T) {
	for _, arch := range models.Architectures {
		c := classes
		c.Arch = arch
		file := classFile(t, c, 2)
		const n, pixels = 40, 25
		want := draw(t, file, settings{Engine: sampler.Full, Batch: 1, Threads: 1, Seed: 3}, n)
		backends(t, func(t *testing.T, rt onnx.Runtime, engine sampler.Engine) {
			for _, batch := range []int{0, 1, 7} {
				s, err := opened(rt, file, settings{Engine: engine, Batch: batch, Threads: 2, Seed: 3})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				levels := make([]uint16, 30*pixels)
				if err := s.Fill(context.Background(), 10, levels); err != nil || !slices.Equal(levels, want[10*pixels:]) {
					t.Errorf("batch %d: other images 10 to 39, or error %v", batch, err)
				}
				for i, sample := range samples(t, s, sampler.Request{First: 7, N: 20}) {
					if image := uint64(7 + i); sample.Class != s.Class(image) || !slices.Equal(sample.Levels, want[image*pixels:(image+1)*pixels]) {
						t.Errorf("batch %d: image %d is another one, of class %d", batch, image, sample.Class)
					}
				}
				for step, err := range s.Steps(context.Background(), sampler.Request{First: 30, N: 10}) {
					if err != nil {
						t.Fatal(err)
					}
					for i, class := range step.Classes {
						if class != s.Class(uint64(30+i)) {
							t.Fatalf("step %d: image %d is of class %d", step.Number, 30+i, class)
						}
					}
					if step.Number == pixels && engine == sampler.Full && !slices.Equal(step.Levels, want[30*pixels:]) {
						t.Errorf("batch %d: other images in steps", batch)
					}
				}
			}
		})
		// The class's uniform is none of the pixels': asking for the class that was drawn
		// gives the same image.
		s := open(t, file, settings{Seed: 3})
		list := make([]int, n)
		for i := range list {
			list[i] = s.Class(uint64(i))
		}
		if !slices.Equal(draw(t, file, settings{Seed: 3, Classes: list}, n), want) {
			t.Errorf("%s: other images where the classes are given", arch)
		}
		others := 0
		for i, sample := range samples(t, s, sampler.Request{N: n, Classes: []int{1}}) {
			same := slices.Equal(sample.Levels, want[i*pixels:(i+1)*pixels])
			if !same {
				others++
			}
			if sample.Class != 1 || list[i] == 1 && !same {
				t.Errorf("%s: image %d is of class %d, or another one than of class %d drawn", arch, i, sample.Class, list[i])
			}
		}
		if others < n/2 {
			t.Errorf("%s: only %d of %d images are other ones of another class", arch, others, n)
		}
	}
}

// TestPrior: classes are drawn as often as the prior says; 13.82 is the 99.9 % point of
// 2 degrees of freedom.
func TestPrior(t *testing.T) {
	s := open(t, classFile(t, classes, 1), settings{Seed: 8})
	if !slices.Equal(s.Signature().Prior, classMeta.ClassPrior) || !slices.Equal(s.Signature().Classes, classMeta.Classes) {
		t.Errorf("classes %q with prior %v", s.Signature().Classes, s.Signature().Prior)
	}
	count := make([]float64, 3)
	for i := range uint64(20_000) {
		count[s.Class(i)]++
	}
	if chi2 := chiSquare(count, classMeta.ClassPrior); chi2 > 13.82 {
		t.Errorf("chi-square %.1f; classes %v of prior %v", chi2, count, classMeta.ClassPrior)
	}
}

// TestClassOfCandidates: all candidates of an image are of its class.
func TestClassOfCandidates(t *testing.T) {
	s := open(t, classFile(t, classes, 1), settings{Seed: 1})
	best := samples(t, s, sampler.Request{N: 12, BestOf: 3})
	for i, got := range best {
		class := s.Class(uint64(i))
		var want sampler.Sample
		for j := range 3 {
			one := samples(t, s, sampler.Request{First: uint64(3*i + j), N: 1, Classes: []int{class}})[0]
			if j == 0 || one.LogProb > want.LogProb {
				want = one
			}
		}
		if got.Class != class || !slices.Equal(got.Levels, want.Levels) {
			t.Errorf("image %d is of class %d, want %d, or not the best of that", i, got.Class, class)
		}
	}
}

// TestGreedyClass: there is one greedy image for each class.
func TestGreedyClass(t *testing.T) {
	for _, engine := range engines {
		s := open(t, classFile(t, classes, 1), settings{Engine: engine, Greedy: true})
		byClass := map[int][]uint16{}
		for i, sample := range samples(t, s, sampler.Request{N: 20}) {
			if before, ok := byClass[sample.Class]; ok && !slices.Equal(before, sample.Levels) {
				t.Errorf("%s: image %d differs from another one of class %d", engine, i, sample.Class)
			}
			byClass[sample.Class] = sample.Levels
		}
		if len(byClass) != 3 || slices.Equal(byClass[0], byClass[1]) || slices.Equal(byClass[1], byClass[2]) {
			t.Errorf("%s: images of %d classes, or the same for two", engine, len(byClass))
		}
	}
}

func TestClassRefused(t *testing.T) {
	plain, conditional := file(t, small, 1), classFile(t, classes, 1)
	ctx := context.Background()
	for _, c := range []struct {
		file []byte
		list []int
		says string
	}{
		{plain, []int{0}, "the model has no classes"},
		{conditional, []int{3}, "class is 3, must be from 0 to 2"},
		{conditional, []int{0, -1}, "class is -1, must be from 0 to 2"},
	} {
		refused := func(what string, err error) {
			if !errors.Is(err, sampler.ErrConfig) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s of classes %v: error %v, want ErrConfig that says %q", what, c.list, err, c.says)
			}
		}
		_, err := opened(env, c.file, settings{Classes: c.list})
		refused("opening", err)
		s := open(t, c.file, settings{})
		for _, err := range s.Samples(ctx, sampler.Request{N: 1, Classes: c.list}) {
			refused("samples", err)
		}
		for _, err := range s.Steps(ctx, sampler.Request{N: 1, Classes: c.list}) {
			refused("steps", err)
		}
		_, err = s.LogProbGivenClass(ctx, make([]uint16, len(c.list)*s.Signature().Height*s.Signature().Width), c.list)
		refused("scoring", err)
	}
	s := open(t, plain, settings{})
	if _, err := s.LogProbByClass(ctx, make([]uint16, 49)); !errors.Is(err, sampler.ErrConfig) {
		t.Errorf("error %v, want ErrConfig", err)
	}
	if s.Class(0) != -1 || samples(t, s, sampler.Request{N: 1})[0].Class != -1 {
		t.Error("an image of a model with no classes has one")
	}
	if _, err := s.Signature().Class("0"); !errors.Is(err, sampler.ErrConfig) {
		t.Errorf("error %v, want ErrConfig", err)
	}
	s = open(t, conditional, settings{})
	if _, err := s.LogProbGivenClass(ctx, make([]uint16, 50), []int{1}); !errors.Is(err, sampler.ErrConfig) || !strings.Contains(err.Error(), "1 classes for 2 images") {
		t.Errorf("error %v, want ErrConfig", err)
	}
}
