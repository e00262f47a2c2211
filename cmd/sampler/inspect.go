package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/sampler"
)

// newInspect prints what a file is.
func newInspect() *cobra.Command {
	var o open
	var plan bool
	var svg string
	cmd := &cobra.Command{
		Use:   "inspect --model FILE",
		Short: "Show what a model file is: metadata, layers, sizes, parameters",
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := o.read()
			if err != nil {
				return err
			}
			spec, err := sampler.ReadSpec(file)
			if err != nil {
				return fmt.Errorf("%s: %w", o.model, err)
			}
			if err := inspect(cmd.OutOrStdout(), o.model, len(file), spec); err != nil || !plan && svg == "" {
				return err
			}
			p, err := spec.Plan()
			if err != nil {
				return fmt.Errorf("%s: %w", o.model, err)
			}
			if plan {
				if err := writePlan(cmd.OutOrStdout(), p); err != nil {
					return err
				}
			}
			if svg == "" {
				return nil
			}
			return cli.Output(cmd, svg, func(w io.Writer) error { return writeWave(w, spec.Height, spec.Width, p.Wave) })
		},
	}
	cmd.Flags().StringVar(&o.model, "model", "", "the model, an ONNX `FILE`")
	cmd.Flags().BoolVar(&plan, "plan", false, "show how the incremental engine draws from it")
	cmd.Flags().StringVar(&svg, "svg", "", "`FILE` for a picture of the wave: which pixel in which step")
	_ = cmd.MarkFlagFilename("model", "onnx")
	return cmd
}

func inspect(w io.Writer, name string, size int, spec *sampler.Spec) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	d := spec.Describe()
	fmt.Fprintf(t, "file\t%s, %d bytes, IR %d, opset %d, by %s\n", name, size, d.IRVersion, d.Opset, d.Producer)
	fmt.Fprintf(t, "input\t%s float32 [batch, 1, %d, %d]\n", spec.Input, spec.Height, spec.Width)
	fmt.Fprintf(t, "output\t%s float32, %d levels\n", spec.Output, spec.Levels)
	fmt.Fprintf(t, "parameters\t%d\n", d.Parameters)
	for _, k := range slices.Sorted(maps.Keys(d.Metadata)) {
		fmt.Fprintf(t, "%s\t%s\n", k, d.Metadata[k])
	}
	fmt.Fprintf(t, "\nnode\toperator\tkernel\tchannels\tlive taps\tparameters\n")
	for _, l := range d.Layers {
		if l.Parameters == 0 {
			fmt.Fprintf(t, "%s\t%s\t\t\t\t\n", l.Name, l.Op)
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\n", l.Name, l.Op, l.Kernel, l.Channels, l.Taps, l.Parameters)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if d.Doc != "" {
		fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(d.Doc))
	}
	return nil
}
