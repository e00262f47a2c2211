package parity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// job is what a process is to draw: N images of each file at each temperature.
type job struct {
	Library      library
	Files        []string
	Temperatures []float64
	N            int
	Seed         uint64
}

// drawn is what it draws of one file at one temperature.
type drawn struct {
	Levels   []byte // [N, H, W]
	Pixels   int    // H·W
	NearTies int64  // that were settled
}

// child reads a job and writes what is drawn, file by file.
func child(ctx context.Context, in io.Reader, out io.Writer) error {
	var j job
	if err := json.NewDecoder(in).Decode(&j); err != nil {
		return err
	}
	rt, closeRuntime, err := j.Library.open()
	if err != nil {
		return err
	}
	defer closeRuntime()
	encoder := json.NewEncoder(out)
	for _, file := range j.Files {
		model, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, t := range j.Temperatures {
			d, err := draw(ctx, rt, model, sampler.Parameters{Temperature: t, Seed: j.Seed}, j.N)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			if err := encoder.Encode(d); err != nil {
				return err
			}
		}
	}
	return nil
}

// open starts the runtime, and makes sure that it is the one that is meant.
func (l library) open() (onnx.Runtime, func(), error) {
	if l.Folder == "" {
		rt, err := runtime.Go()
		return rt, func() {}, err
	}
	env, err := runtime.Open(runtime.Config{Lib: l.Folder})
	if err != nil {
		return nil, nil, err
	}
	if env.Version() != l.Version {
		return nil, nil, errors.Join(fmt.Errorf("%s is version %s, should be %s", env.Lib(), env.Version(), l.Version), env.Close())
	}
	return env, func() { _ = env.Close() }, nil
}

func draw(ctx context.Context, rt onnx.Runtime, model []byte, p sampler.Parameters, n int) (d drawn, err error) {
	s, err := sampler.Open(rt, model, sampler.Config{})
	if err != nil {
		return drawn{}, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	d.Pixels = s.Signature().Pixels()
	for sample, err := range s.Samples(ctx, sampler.Request{N: n, Parameters: p, LevelsOnly: true}) {
		if err != nil {
			return drawn{}, err
		}
		for _, l := range sample.Levels {
			d.Levels = append(d.Levels, byte(l))
		}
	}
	d.NearTies = s.NearTies()
	return d, nil
}
