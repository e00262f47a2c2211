package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/models/pretrained"
	"pixelcnn/sampler"
)

// modelFlags are the flags that name a model and say how to read it.
type modelFlags struct {
	model         string
	height, width int
	scale, offset float64
}

func (m *modelFlags) addModel(flags *pflag.FlagSet) {
	m.addFile(flags)
	flags.Float64Var(&m.scale, "pixel-scale", 0, "for files from elsewhere: input value = level·scale + offset; 0 means 1/(levels-1)")
	flags.Float64Var(&m.offset, "pixel-offset", 0, "see --pixel-scale")
}

// addFile adds the flags for those who do not run the model.
func (m *modelFlags) addFile(flags *pflag.FlagSet) {
	flags.StringVar(&m.model, "model", "@"+pretrained.DefaultName(),
		"the model: an ONNX `FILE`, or one of those inside the program, "+strings.Join(inside(), ", "))
	flags.IntVar(&m.height, "height", 0, "height of the images; 0 means the model's own. A network of convolutions draws in any size")
	flags.IntVar(&m.width, "width", 0, "width of the images; 0 means the model's own")
}

// inside are the names of the models inside the program.
func inside() []string {
	var names []string
	for _, name := range pretrained.Names() {
		names = append(names, "@"+name)
	}
	return names
}

// file is the model's file, if it is one.
func (m *modelFlags) file() cli.File {
	if strings.HasPrefix(m.model, "@") {
		return cli.File{}
	}
	return cli.File{Flag: "--model", Path: m.model}
}

// config is what the flags say of how the file is read.
func (m *modelFlags) config() sampler.Config {
	return sampler.Config{Height: m.height, Width: m.width, PixelScale: m.scale, PixelOffset: m.offset}
}

// load reads the model file.
func (m *modelFlags) load(cfg sampler.Config) (model *sampler.Model, err error) {
	switch name, ours := strings.CutPrefix(m.model, "@"); {
	case m.model == "":
		return nil, cli.Usagef("--model is empty: name an ONNX file or one of %q", inside())
	case ours && !slices.Contains(pretrained.Names(), name):
		return nil, cli.Usagef("--model is %q; the models inside the program are %q", m.model, inside())
	case ours:
		var file []byte
		if file, err = pretrained.Read(name); err == nil {
			model, err = sampler.Read(file, cfg)
		}
	default:
		model, err = sampler.ReadFile(m.model, cfg)
	}
	switch unreadable := (*fs.PathError)(nil); {
	case errors.As(err, &unreadable):
		return nil, fmt.Errorf("cannot read the model: %w", err)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", m.model, err)
	}
	return model, nil
}

// completeModel tells the shell what --model takes.
func completeModel(cmd *cobra.Command) {
	_ = cmd.RegisterFlagCompletionFunc("model", func(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		if strings.HasPrefix(begun, "@") {
			return inside(), cobra.ShellCompDirectiveNoFileComp
		}
		return []string{"onnx"}, cobra.ShellCompDirectiveFilterFileExt
	})
}
