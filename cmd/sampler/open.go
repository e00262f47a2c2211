package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/pflag"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// open are the flags that name a model and how to run it.
type open struct {
	modelFlags
	ortLib          string
	runtime, engine string
	threads         int
	used            runtime.Kind // the runtime that method sampler has opened
}

var (
	engines  = []string{"auto", "full", "incremental"}
	runtimes = names(runtime.Kinds)
)

func names[T ~string](list []T) (out []string) {
	for _, x := range list {
		out = append(out, string(x))
	}
	return out
}

func (o *open) addRuntime(flags *pflag.FlagSet) {
	flags.StringVar(&o.runtime, "runtime", "auto", "runtime `NAME`: auto, ort (ONNX Runtime) or go")
	flags.StringVar(&o.ortLib, "ort-lib", "", "`PATH` of libonnxruntime or of its folder")
	flags.IntVar(&o.threads, "threads", 0, "processors to use; 0 means all")
}

func (o *open) addEngine(flags *pflag.FlagSet) {
	flags.StringVar(&o.engine, "engine", "auto", "engine `NAME`: auto, incremental (computes each activation once), or full (the whole network once per pixel)")
}

// config is what the flags say of how the model is opened.
func (o *open) config() (sampler.Config, error) {
	cfg, err := o.modelFlags.config()
	if err != nil {
		return cfg, err
	}
	if !slices.Contains(runtimes, o.runtime) {
		return cfg, cli.Usagef("--runtime is %q, must be one of %q", o.runtime, runtimes)
	}
	cfg.Engine, cfg.Threads = sampler.Engine(o.engine), o.threads
	return cfg, cfg.Check()
}

// sampler opens the model on the runtime. closeAll frees both. Notes for the user go to notes:
// another runtime than asked for, what is assumed of the file, a slow engine.
func (o *open) sampler(notes io.Writer, model *sampler.Model) (s *sampler.Sampler, closeAll func(), err error) {
	rt, err := runtime.OpenAny(runtime.Kind(o.runtime), runtime.Config{Lib: o.ortLib})
	if err != nil {
		return nil, nil, err
	}
	used, why := rt.Kind()
	o.used = used
	if why != nil {
		fmt.Fprintln(notes, "sampler: ONNX Runtime is not installed (sampler install-runtime), so the runtime in Go is used")
	}
	s, err = model.Open(rt)
	if err != nil {
		_ = rt.Close()
		return nil, nil, fmt.Errorf("%s: %w", o.model, err)
	}
	o.assumed(notes)
	if _, why := s.Engine(); why != nil && o.engine == string(sampler.Auto) {
		fmt.Fprintf(notes, "sampler: %s: drawn by the full loop, which is slow: %s\n", cli.Name(o.model), cli.Name(cli.Reason(why)))
	}
	return s, func() { _, _ = s.Close(), rt.Close() }, nil
}
