package main

import (
	"fmt"
	"image/color"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/sampler"
)

// newAnnotate writes what flags say of a file into a copy of it.
func newAnnotate() *cobra.Command {
	var m modelFlags
	var output string
	var add sampler.Annotation
	var colours palette
	cmd := &cobra.Command{
		Use:   "annotate",
		Short: "Write what flags say of a model from elsewhere into a copy, which needs none",
		Long: `Write a copy of a model file with what the flags say of it in its metadata, and all
weights inside. The copy is read, by this program and the library, with no flag.
For any other program it is the same model.`,
		Example: `  sampler annotate --model foreign.onnx --pixel-range -1:1 -o own.onnx
  sampler annotate --model prior.onnx --class-names cat,dog -o own.onnx`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output == "" {
				return cli.Usagef("-o is missing: the file to write")
			}
			if strings.HasPrefix(m.model, "@") {
				return cli.Usagef("--model is %q, which needs no annotation: name an ONNX file", m.model)
			}
			cfg, model, err := m.read(cmd, cli.File{Flag: "--output", Path: output})
			if err != nil {
				return err
			}
			m.assumed(cmd.ErrOrStderr())
			if colours.text != "" {
				for _, c := range colours.colours(model.Levels) {
					add.Palette = append(add.Palette, color.NRGBAModel.Convert(c).(color.NRGBA))
				}
			}
			file, err := sampler.AnnotateFile(m.model, cfg, add)
			if err != nil {
				return fmt.Errorf("%s: %w", m.model, err)
			}
			return cli.Output(cmd, output, func(w io.Writer) error {
				_, err := w.Write(file)
				return err
			})
		},
	}
	flags := cmd.Flags()
	under(flags, "Model", m.addModel)
	under(flags, "Output", func(flags *pflag.FlagSet) {
		flags.StringSliceVar(&add.ClassNames, "class-names", nil, "`NAMES` of the classes, in their order, with commas")
		flags.Var(&colours, "palette", "colours of the levels: "+strings.Join(paletteNames(), ", ")+", or your own, as 000000,ff8800,ffffff")
		flags.StringVarP(&output, "output", "o", "", "output `FILE`, \"-\" for standard output")
	})
	completeModel(cmd)
	groupHelp(cmd)
	return cmd
}
