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
	var o modelFlags
	var plan bool
	var svg string
	cmd := &cobra.Command{
		Use:   "inspect",
		Short: "Show what a model file is: metadata, layers, sizes, parameters",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, model, err := o.read(cmd, cli.File{Flag: "--svg", Path: svg})
			if err != nil {
				return err
			}
			if err := inspect(cmd.OutOrStdout(), o.model, model); err != nil {
				return err
			}
			if !plan && svg == "" {
				return nil
			}
			p, err := model.Plan()
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
			return cli.Output(cmd, svg, func(w io.Writer) error { return writeWave(w, model.Height, model.Width, p.Wave) })
		},
	}
	o.addModel(cmd.Flags())
	cmd.Flags().BoolVar(&plan, "plan", false, "show how the incremental engine draws from it")
	cmd.Flags().StringVar(&svg, "svg", "", "`FILE` for a picture of the wave: which pixel in which step")
	completeModel(cmd)
	return cmd
}

// inspect says what a file is. Much of it are texts from the file.
func inspect(w io.Writer, name string, m *sampler.Model) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	d := m.Describe()
	fmt.Fprintf(t, "file\t%s, %d bytes, IR %d, opset %d, by %s\n", cli.Name(name), d.Bytes, d.IRVersion, d.Opset, cli.Name(d.Producer))
	if m.Signature.OneFile != nil {
		fmt.Fprintf(t, "holds\ta one-file sampler, for images of %s with %d levels\n", m.Shape(), m.Levels)
	} else {
		fmt.Fprintf(t, "input\t%s, the picture, %s\n", cli.Name(m.Input), m.Shape())
		if m.ClassInput != "" {
			fmt.Fprintf(t, "input\t%s, the class\n", cli.Name(m.ClassInput))
		}
		fmt.Fprintf(t, "output\t%s, %d levels\n", cli.Name(m.Output), m.Levels)
		for _, f := range m.Findings {
			if f.Flag != "" {
				f.Why += " (" + f.Flag + " changes it)"
			}
			fmt.Fprintf(t, "%s\t%s: %s\n", f.Part, cli.Name(f.Value), cli.Name(f.Why))
		}
		fmt.Fprintf(t, "parameters\t%d\n", d.Parameters)
	}
	for _, k := range slices.Sorted(maps.Keys(d.Metadata)) {
		fmt.Fprintf(t, "%s\t%s\n", cli.Name(k), strings.ReplaceAll(cli.Printable(d.Metadata[k]), "\n", "\n\t"))
	}
	if m.Classes != nil {
		fmt.Fprintf(t, "\nclass\tname\tprior\n")
		for class, name := range m.Classes {
			fmt.Fprintf(t, "%d\t%s\t%.4f\n", class, cli.Name(name), m.Prior[class])
		}
	}
	fmt.Fprintf(t, "\nnode\toperator\tkernel\tchannels\tlive taps\tparameters\n")
	for _, l := range d.Layers {
		if l.Parameters == 0 {
			fmt.Fprintf(t, "%s\t%s\t\t\t\t\n", cli.Name(l.Name), cli.Name(l.Op))
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\n", cli.Name(l.Name), cli.Name(l.Op), l.Kernel, l.Channels, l.Taps, l.Parameters)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if d.Doc == "" {
		return nil
	}
	_, err := fmt.Fprintf(w, "\n%s\n", cli.Printable(strings.TrimSpace(d.Doc)))
	return err
}
