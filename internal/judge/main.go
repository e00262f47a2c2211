// Command judge tells whether the pictures that class-conditional models draw are
// recognised: by convolutional classifiers that it trains on the real training images and
// that know nothing of the models. It is run from the root of the repository:
//
//	go run ./internal/judge -temp 0.8,1 @gated
//
// The log-probabilities of the networks, -judges of them with a seed each, are averaged. It
// prints Markdown: what share of the real test images and of each model's samples are found
// in their class, and what the others are taken for. With -bayes, a model judges as well, by
// p(class | image) ∝ p(image | class).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"pixelcnn/dataset"
	"pixelcnn/internal/onnx"
	"pixelcnn/models/pretrained"
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

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, os.Stdout, o)
	}
	if err != nil {
		log.Fatal("judge: ", err)
	}
}

func parse(args []string) (options, error) {
	var o options
	var temps string
	flags := flag.NewFlagSet("judge", flag.ContinueOnError)
	flags.StringVar(&temps, "temp", "0.8", "temperatures, with commas between")
	flags.IntVar(&o.n, "n", 1000, "samples of each model at each temperature, as many of each class")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of the samples")
	flags.IntVar(&o.judges, "judges", 3, "networks to train")
	flags.IntVar(&o.epochs, "epochs", 4, "epochs of training")
	flags.StringVar(&o.bayes, "bayes", "", "a model to judge by Bayes' rule as well")
	flags.IntVar(&o.real, "real", 2000, "test images that -bayes judges")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	for _, s := range strings.Split(temps, ",") {
		t, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return o, fmt.Errorf("-temp %s: want numbers with commas between", temps)
		}
		o.temperatures = append(o.temperatures, t)
	}
	for name, n := range map[string]int{"n": o.n, "judges": o.judges, "epochs": o.epochs, "real": o.real} {
		if n < 1 {
			return o, fmt.Errorf("-%s is %d, must be 1 or more", name, n)
		}
	}
	if o.models = flags.Args(); len(o.models) == 0 {
		o.models = []string{"@" + pretrained.DefaultName()}
	}
	return o, nil
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
				log.Printf("judge %d, epoch %d of %d: cross-entropy %.3f, after %v", i+1, epoch, epochs, loss, time.Since(start).Round(time.Second))
			})
			return err
		})
	}
	return out, group.Wait()
}
