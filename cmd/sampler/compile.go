package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixelcnn/cmd/internal/cli"
)

// newCompile writes a model and the loop that draws from it as one ONNX file.
func newCompile() *cobra.Command {
	var m modelFlags
	var inpainting bool
	var output string
	cmd := &cobra.Command{
		Use:   "compile",
		Short: "Write a one-file sampler, from which any ONNX runtime draws",
		Long: `Write a one-file sampler, an ONNX file with the model, the loop over its pixels and
the draws. Any ONNX runtime, in any language, then draws images with one call:
random numbers and a temperature go in, images come out. With the random numbers
that sampler uses they are its images.

sampler itself takes such a file as --model, too.`,
		Example: `  sampler compile --model pixelcnn.onnx
  sampler compile --model pixelcnn.onnx --completion -o pixelcnn.sampler.onnx
  sampler --model pixelcnn.sampler.onnx --temp 0.7`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output == "" {
				output = strings.TrimSuffix(strings.TrimPrefix(m.model, "@"), ".onnx") + ".sampler.onnx"
			}
			_, model, err := m.read(cmd, cli.File{Flag: "--output", Path: output})
			if err != nil {
				return err
			}
			m.assumed(cmd.ErrOrStderr())
			file, err := model.OneFile(inpainting)
			if err != nil {
				return fmt.Errorf("%s: %w", m.model, err)
			}
			if err := cli.Output(cmd, output, func(w io.Writer) error {
				_, err := w.Write(file)
				return err
			}); err != nil {
				return err
			}
			if output != "-" {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d bytes, draws images of %s with %d levels\n", cli.Name(output), len(file), model.Shape(), model.Levels)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	under(flags, "Model", m.addModel)
	under(flags, "Output", func(flags *pflag.FlagSet) {
		flags.StringVarP(&output, "output", "o", "", "output `FILE`, \"-\" for standard output (default the model's name with .sampler.onnx)")
		flags.BoolVar(&inpainting, "completion", false, "inpainting: add the inputs init and keep, a picture and a mask of what of it is given; they must then always be there")
	})
	completeModel(cmd)
	groupHelp(cmd)
	return cmd
}
