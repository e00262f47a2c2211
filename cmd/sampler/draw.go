package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/sampler"
)

// drawFlags are the root command's own.
type drawFlags struct {
	open
	temperature float64
	n           int
	seed        uint64
	output      string
	format      string
	scale       int
	batch       int
}

func newCommand() *cobra.Command {
	var f drawFlags
	cmd := &cobra.Command{
		Use:   "sampler --model FILE",
		Short: "Draw images from a PixelCNN in an ONNX file",
		Long: `Draw images from a PixelCNN in an ONNX file, pixel by pixel.

The same model, seed and temperature give the same images, whatever the batch,
the threads and the engine: image i of a seed is always the same one.`,
		Example: `  sampler --model pixelcnn.onnx --temp 0.7
  sampler --model pixelcnn.onnx -n 1000 --seed 1 -o samples.npy
  sampler --model pixelcnn.onnx -n 4 --format json -o -`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	f.open.addModel(flags)
	f.open.addRuntime(flags)
	f.open.addEngine(flags)
	flags.Float64Var(&f.temperature, "temp", 1, "temperature (or --temperature): below 1 keeps to the likely, above 1 strays")
	flags.IntVarP(&f.n, "number", "n", 16, "number of images")
	flags.Uint64Var(&f.seed, "seed", 0, "seed; image i of a seed is always the same one")
	flags.StringVarP(&f.output, "output", "o", "", `output file, "-" for standard output (default "samples.FORMAT")`)
	flags.StringVar(&f.format, "format", "", "png: one grid; npy: uint8 levels [n, height, width]; json: an object a line (default: the output's ending, or png)")
	flags.IntVar(&f.scale, "scale", 4, "size of a pixel in the PNG")
	flags.IntVar(&f.batch, "batch", 0, "images computed together; 0 lets the engine choose")
	cli.Alias(flags, "temperature", "temp")
	cli.Versions(cmd, func() string { return cli.Library(f.open.ortLib) })
	f.complete(cmd)
	cmd.AddCommand(newScore(), newInspect(), newInstall())
	return cmd
}

// complete tells the shell what some flags take.
func (f *drawFlags) complete(cmd *cobra.Command) {
	for flag, values := range map[string][]string{
		"format": formats, "engine": engines, "runtime": runtimes,
	} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	_ = cmd.MarkFlagFilename("model", "onnx")
}

// check validates what the library does not see.
func (f *drawFlags) check() error {
	switch {
	case f.temperature == 0:
		return cli.Usagef("--temp is 0, must be positive")
	case f.n < 1:
		return cli.Usagef("-n is %d, must be at least 1", f.n)
	case f.scale < 1 || f.scale > 64:
		return cli.Usagef("--scale is %d, must be from 1 to 64", f.scale)
	}
	if f.format == "" {
		f.format = "png"
		if end := strings.TrimPrefix(filepath.Ext(f.output), "."); writers[end] != nil {
			f.format = end
		}
	}
	if writers[f.format] == nil {
		return cli.Usagef("--format is %q, must be one of %q", f.format, formats)
	}
	if f.output == "" {
		f.output = "samples." + f.format
	}
	return nil
}

func (f *drawFlags) run(cmd *cobra.Command) error {
	if err := f.check(); err != nil {
		return err
	}
	s, closeAll, err := f.open.sampler(sampler.Config{Temperature: f.temperature, Seed: f.seed, Batch: f.batch})
	if err != nil {
		return err
	}
	defer closeAll()
	err = cli.Output(cmd, f.output, func(w io.Writer) error {
		return f.draw(cmd.Context(), s, w)
	})
	if err == nil && f.output != "-" {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d images of %d×%d\n", f.output, f.n, s.Spec().Height, s.Spec().Width)
	}
	return err
}

// portion is the number of images between two looks at the context, and the most
// that are in memory at once.
const portion = 1024

// draw draws the images in portions and writes each as it is done.
func (f *drawFlags) draw(ctx context.Context, s *sampler.Sampler, w io.Writer) error {
	spec := s.Spec()
	out, err := writers[f.format](w, spec, f)
	if err != nil {
		return err
	}
	pixels := spec.Height * spec.Width
	levels := make([]uint8, min(portion, f.n)*pixels)
	for first := 0; first < f.n; first += portion {
		levels := levels[:min(portion, f.n-first)*pixels]
		if err := s.Draw(ctx, uint64(first), levels); err != nil {
			return err
		}
		for i := range len(levels) / pixels {
			if err := out.image(first+i, levels[i*pixels:(i+1)*pixels]); err != nil {
				return err
			}
		}
	}
	return out.close()
}
