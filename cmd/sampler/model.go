package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
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
	readingFlags
	loaded *sampler.Model
}

func (m *modelFlags) addModel(flags *pflag.FlagSet) {
	flags.StringVar(&m.model, "model", "@"+pretrained.DefaultName(),
		"the model: an ONNX `FILE`, or one of those inside the program, "+strings.Join(inside(), ", "))
	m.addReading(flags)
}

// addReading adds the flags that say how a model is read.
func (m *modelFlags) addReading(flags *pflag.FlagSet) {
	flags.IntVar(&m.height, "height", 0, "height of the images; 0 means the model's own. A network of convolutions draws in any size")
	flags.IntVar(&m.width, "width", 0, "width of the images; 0 means the model's own")
	m.readingFlags.add(flags)
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

// files are all files that the flags name.
func (m *modelFlags) files() []cli.File {
	files := append(m.readingFlags.files(), m.file())
	if m.loaded != nil {
		for _, name := range m.loaded.Beside { // files with weights
			files = append(files, cli.File{Flag: "--model", Path: filepath.Join(filepath.Dir(m.model), name)})
		}
	}
	return files
}

// sum is the SHA-256 of a model's file and of those beside it, one after the other.
func (m *modelFlags) sum() (string, error) {
	if name, ours := strings.CutPrefix(m.model, "@"); ours {
		file, err := pretrained.Read(name)
		if err != nil {
			return "", err
		}
		sum := sha256.Sum256(file)
		return hex.EncodeToString(sum[:]), nil
	}
	var files []string
	for _, f := range m.files() {
		if f.Flag == "--model" {
			files = append(files, f.Path)
		}
	}
	return cli.Sum(files...)
}

// config is what the flags say of how the file is read.
func (m *modelFlags) config() (sampler.Config, error) {
	cfg := sampler.Config{Height: m.height, Width: m.width}
	if err := m.readingFlags.config(&cfg); err != nil {
		return cfg, err
	}
	return cfg, cfg.Check()
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
	m.loaded = model
	return model, nil
}

// read reads the model as the flags say, for a command that writes one file. That must not be a
// file that is read.
func (m *modelFlags) read(cmd *cobra.Command, output cli.File) (cfg sampler.Config, model *sampler.Model, err error) {
	if cfg, err = m.config(); err != nil {
		return cfg, nil, err
	}
	if model, err = m.load(cfg); err != nil {
		return cfg, nil, err
	}
	return cfg, model, cli.Apart(cmd, []cli.File{output}, m.files())
}

// assumed tells what is assumed of the model that was read, and what is computed otherwise than it
// says.
func (m *modelFlags) assumed(notes io.Writer) {
	for _, f := range m.loaded.Assumed() {
		line := fmt.Sprintf("sampler: %s: %s %s, %s", cli.Name(m.model), f.Part, f.Value, f.Why)
		if f.Flag != "" {
			line += " (" + f.Flag + " changes it)"
		}
		fmt.Fprintln(notes, line)
	}
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
