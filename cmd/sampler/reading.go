package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/internal/npy"
	"pixelcnn/sampler"
)

// readingFlags say what a file from elsewhere leaves open.
type readingFlags struct {
	head                      string
	levels, channels          int
	scale, offset             float64
	span                      string
	conditions                []string
	startToken                []int64
	label                     string
	inputName, outputName     string
	inputLayout, outputLayout string

	given map[string]*sampler.Tensor // the conditions, once they are read
}

func (r *readingFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&r.head, "head", "", "what the outputs are: `HEAD` is categorical, bernoulli or logistic-mixture")
	flags.IntVar(&r.levels, "levels", 0, "levels of a channel; 0 means as the file says")
	flags.IntVar(&r.channels, "channels", 0, "channels of the images; 0 means as the file says")
	flags.StringVar(&r.span, "pixel-range", "", "input values of the first and the last level, `A:B`, as -1:1 (default 0:1)")
	flags.Float64Var(&r.scale, "pixel-scale", 0, "in place of --pixel-range: input value = level·scale + offset; 0 means 1/(levels-1)")
	flags.Float64Var(&r.offset, "pixel-offset", 0, "see --pixel-scale")
	flags.StringArrayVar(&r.conditions, "condition", nil, "`[NAME=]FILE.npy` for a further input: one row for all images, or one for each (repeatable)")
	flags.Int64SliceVar(&r.startToken, "start-token", nil, "`INTS` before the levels, with commas, for a network that says at each place what comes next")
	flags.Lookup("start-token").DefValue = "" // not []
	flags.StringVar(&r.label, "label", "", "`NAME` of the input for the class")
	flags.StringVar(&r.inputName, "input-name", "", "`NAME` of the input for the picture")
	flags.StringVar(&r.outputName, "output-name", "", "`NAME` of the output to draw from")
	flags.StringVar(&r.inputLayout, "input-layout", "", "`ORDER` of the picture's dimensions: N images, C channels, H rows, W columns, L levels, those of one dimension in parentheses, as NCHW or \"N(HW)\"")
	flags.StringVar(&r.outputLayout, "output-layout", "", "`ORDER` of the outputs' dimensions, as NLHW or \"N(CL)HW\"; K is outputs of a pixel")
}

// files are the conditions' files.
func (r *readingFlags) files() (files []cli.File) {
	for _, c := range r.conditions {
		_, path := splitCondition(c)
		files = append(files, cli.File{Flag: "--condition", Path: path})
	}
	return files
}

// splitCondition separates the input's name from the file's.
func splitCondition(text string) (name, path string) {
	if name, path, ok := strings.Cut(text, "="); ok {
		if _, err := os.Stat(text); err != nil { // a file may have that name
			return name, path
		}
	}
	return "", text
}

// config adds what the flags say to a config.
func (r *readingFlags) config(cfg *sampler.Config) error {
	cfg.Head, cfg.Levels, cfg.Channels = r.head, r.levels, r.channels
	cfg.PixelScale, cfg.PixelOffset = r.scale, r.offset
	cfg.Input, cfg.Output, cfg.Label = r.inputName, r.outputName, r.label
	cfg.InputLayout, cfg.OutputLayout = sampler.Layout(r.inputLayout), sampler.Layout(r.outputLayout)
	cfg.StartToken = r.startToken
	if r.span != "" {
		from, to, ok := strings.Cut(r.span, ":")
		var err [2]error
		cfg.PixelRange[0], err[0] = strconv.ParseFloat(from, 64)
		cfg.PixelRange[1], err[1] = strconv.ParseFloat(to, 64)
		if !ok || err[0] != nil || err[1] != nil {
			return cli.Usagef("--pixel-range is %q, must be two numbers, as -1:1", r.span)
		}
	}
	if len(r.conditions) == 0 {
		return nil
	}
	r.given, cfg.Conditions = map[string]*sampler.Tensor{}, map[string][]int{}
	for _, c := range r.conditions {
		name, path := splitCondition(c)
		if r.given[name] != nil {
			return cli.Usagef("--condition is given twice for one input: name each, as NAME=%s", path)
		}
		t, err := readNumbers(path)
		if err != nil {
			return fmt.Errorf("--condition: %w", err)
		}
		r.given[name], cfg.Conditions[name] = t, t.Shape
	}
	return nil
}

// conditionValues is what a manifest says of conditions: their hash.
type conditionValues struct{ ConditionValues string }

func (r *readingFlags) values() conditionValues {
	if r.given == nil {
		return conditionValues{}
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(r.given)) {
		fmt.Fprintln(h, name, r.given[name].Shape, r.given[name].Data)
	}
	return conditionValues{hex.EncodeToString(h.Sum(nil))}
}

// openArray opens an NPY file and reads its header.
func openArray(path string) (file *os.File, h npy.Header, err error) {
	if file, err = os.Open(path); err != nil {
		return nil, h, err
	}
	if h, err = npy.ReadHeader(file); err != nil {
		_ = file.Close()
		return nil, h, fmt.Errorf("%s: %w", path, err)
	}
	return file, h, nil
}

// maxNumbers bounds the elements of a condition's file.
const maxNumbers = 1 << 28

// readNumbers reads an NPY file of numbers.
func readNumbers(path string) (*sampler.Tensor, error) {
	file, h, err := openArray(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if n := npy.Elements(h.Shape); n > maxNumbers {
		return nil, fmt.Errorf("%s: %d numbers; %d are the most", path, n, maxNumbers)
	}
	numbers, err := h.Numbers(bufio.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &sampler.Tensor{Shape: h.Shape, Data: numbers}, nil
}
