package judge

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"pixelcnn/dataset"
	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// options are the command's.
type options struct {
	models       []string // files, or names with an @ before them
	temperatures []float64
	n            int    // samples of each model at each temperature
	seed         uint64 // of the samples
	judges       int
	epochs       int
	bayes        string // a model, or empty
	real         int    // test images that it judges
}

var (
	judged = flag.String("models", "", "models to judge, with commas between: files, or names with an @ before them")
	temps  = flag.String("temp", "0.8", "temperatures, with commas between")
	asked  options
)

func init() {
	flag.IntVar(&asked.n, "n", 1000, "samples of each model at each temperature, as many of each class")
	flag.Uint64Var(&asked.seed, "seed", 1, "seed of the samples")
	flag.IntVar(&asked.judges, "judges", 3, "networks to train")
	flag.IntVar(&asked.epochs, "epochs", 4, "epochs of training")
	flag.StringVar(&asked.bayes, "bayes", "", "a model to judge by Bayes' rule as well")
	flag.IntVar(&asked.real, "real", 2000, "test images that -bayes judges")
}

// TestJudge judges where models are named. Names of files are from the root of the
// repository.
func TestJudge(t *testing.T) {
	if *judged == "" {
		t.Skip("-models names none to judge")
	}
	t.Chdir("../../..")
	o := asked
	o.models = strings.Split(*judged, ",")
	for _, s := range strings.Split(*temps, ",") {
		temperature, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatalf("-temp %s: want numbers with commas between", *temps)
		}
		o.temperatures = append(o.temperatures, temperature)
	}
	for name, n := range map[string]int{"n": o.n, "judges": o.judges, "epochs": o.epochs, "real": o.real} {
		if n < 1 {
			t.Fatalf("-%s is %d, must be 1 or more", name, n)
		}
	}
	if err := run(t.Context(), os.Stdout, o); err != nil {
		t.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer, o options) (err error) {
	env, err := runtime.Open(runtime.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, env.Close()) }()
	set, err := dataset.Load(ctx, "", dataset.Options{})
	if err != nil {
		return err
	}
	trials := []trial{{name: "real test images", images: set.Test.Pixels, asked: set.Test.Labels}}
	for _, model := range o.models {
		for _, t := range o.temperatures {
			p := sampler.Parameters{Temperature: t, Seed: o.seed}
			drawn := trial{name: fmt.Sprintf("%s at T = %g", model, t)}
			if drawn.images, drawn.asked, err = draw(ctx, env, model, p, o.n); err != nil {
				return err
			}
			trials = append(trials, drawn)
		}
	}
	jury, err := learnAll(ctx, env, set, o.judges, o.epochs)
	if err != nil {
		return err
	}
	for _, t := range trials {
		if t.told, err = jury.tell(ctx, env, t.images); err != nil {
			return err
		}
		t.print(w, set.ClassNames)
	}
	if o.bayes == "" {
		return nil
	}
	fmt.Fprintf(w, "\n## By %s and Bayes' rule\n", o.bayes)
	for i, t := range trials {
		if i == 0 {
			t = t.first(o.real)
		}
		if t.told, err = bayes(ctx, env, o.bayes, t.images); err != nil {
			return err
		}
		t.print(w, set.ClassNames)
	}
	return nil
}

// learnAll trains judges side by side.
func learnAll(ctx context.Context, rt onnx.Runtime, set *dataset.Set, judges, epochs int) (jury, error) {
	out := make(jury, judges)
	group, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for i := range out {
		group.Go(func() (err error) {
			s := schooling{epochs: epochs, seed: uint64(i + 1), levels: set.Levels, classes: len(set.ClassNames)}
			out[i], err = learn(ctx, rt, &set.Train, s, func(epoch int, loss float64) {
				fmt.Fprintf(os.Stderr, "judge %d, epoch %d of %d: cross-entropy %.3f, after %v\n", i+1, epoch, epochs, loss, time.Since(start).Round(time.Second))
			})
			return err
		})
	}
	return out, group.Wait()
}
