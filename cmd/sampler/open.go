package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/pflag"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// open are the flags that name a model and how to run it.
type open struct {
	model           string
	ortLib          string
	runtime, engine string
	threads         int
	scale, offset   float64
}

var (
	engines  = []string{"auto", "full", "incremental"}
	runtimes = []string{"auto", "ort", "go"}
)

func (o *open) addModel(flags *pflag.FlagSet) {
	flags.StringVar(&o.model, "model", "", "the model, an ONNX `FILE`")
	flags.Float64Var(&o.scale, "pixel-scale", 0, "for files from elsewhere: input value = level·scale + offset; 0 means 1/(levels-1)")
	flags.Float64Var(&o.offset, "pixel-offset", 0, "see --pixel-scale")
}

func (o *open) addRuntime(flags *pflag.FlagSet) {
	flags.StringVar(&o.runtime, "runtime", "auto", "runtime `NAME`: auto, ort (ONNX Runtime) or go")
	flags.StringVar(&o.ortLib, "ort-lib", "", "`PATH` of libonnxruntime or of its folder")
	flags.IntVar(&o.threads, "threads", 0, "processors to use; 0 means all")
}

func (o *open) addEngine(flags *pflag.FlagSet) {
	flags.StringVar(&o.engine, "engine", "auto", "engine `NAME`: auto, incremental (computes each activation once), or full (the whole network once per pixel)")
}

// read returns the bytes of the model file.
func (o *open) read() ([]byte, error) {
	if o.model == "" {
		return nil, cli.Usagef("--model is missing: name an ONNX file")
	}
	b, err := os.ReadFile(o.model)
	if err != nil {
		return nil, fmt.Errorf("cannot read the model: %w", err)
	}
	return b, nil
}

// sampler opens the model on the runtime. closeAll frees both. notes is where to say
// what is other than it might be.
func (o *open) sampler(notes io.Writer, cfg sampler.Config) (s *sampler.Sampler, closeAll func(), err error) {
	if !slices.Contains(runtimes, o.runtime) {
		return nil, nil, cli.Usagef("--runtime is %q, must be one of %q", o.runtime, runtimes)
	}
	cfg.Engine, cfg.Threads = sampler.Engine(o.engine), o.threads
	cfg.PixelScale, cfg.PixelOffset = o.scale, o.offset
	if err := cfg.Check(); err != nil {
		return nil, nil, err
	}
	model, err := o.read()
	if err != nil {
		return nil, nil, err
	}
	if _, err := sampler.ReadSpec(model); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", o.model, err)
	}
	rt, closeRuntime, err := o.start(notes)
	if err != nil {
		return nil, nil, err
	}
	s, err = sampler.Open(rt, model, cfg)
	if err != nil {
		closeRuntime()
		return nil, nil, fmt.Errorf("%s: %w", o.model, err)
	}
	if _, why := s.Engine(); why != nil && cfg.Engine == sampler.Auto {
		fmt.Fprintf(notes, "sampler: %s: drawn by the full loop, which is slow: %v\n", o.model, why)
	}
	return s, func() { _ = s.Close(); closeRuntime() }, nil
}

// start opens the runtime that is asked for. Where none is, and ONNX Runtime is not
// to be found, it is the one in Go.
func (o *open) start(notes io.Writer) (rt onnx.Runtime, closeRuntime func(), err error) {
	if o.runtime != "go" {
		env, err := runtime.Open(runtime.Config{Lib: o.ortLib})
		if err == nil {
			return env, func() { _ = env.Close() }, nil
		}
		if o.runtime == "ort" || !errors.Is(err, runtime.ErrNoRuntime) {
			return nil, nil, err
		}
		fmt.Fprintln(notes, "sampler: ONNX Runtime is not installed (sampler install-runtime), so the runtime in Go is used")
	}
	rt, err = runtime.Go()
	return rt, func() {}, err
}
