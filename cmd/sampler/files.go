package main

import (
	"bytes"
	"fmt"
	"image/png"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/sampler"
)

// number is the place of an image's number in the name of its file, as in img-%04d.png.
var number = regexp.MustCompile(`%(0[1-9][0-9]?)?d`)

// isPattern tells whether an output names a file for each image.
func isPattern(path string) bool { return number.MatchString(path) }

// fileOf is the name of an image's file.
func fileOf(pattern string, index uint64) string {
	return number.ReplaceAllStringFunc(pattern, func(verb string) string { return fmt.Sprintf(verb, index) })
}

// outputs are the files that are written. Where each image has a file, only those are named whose
// number occurs in the name of an input or of the labels' file: others cannot be the same file.
func (f *drawFlags) outputs() []cli.File {
	out := []cli.File{{Flag: "--output", Path: f.output}}
	switch {
	case f.Pair(f.output):
		return f.Shards.Files(f.output)
	case isPattern(f.output):
		out = nil
		first, n := f.Shard.Range(f.n)
		for _, other := range append(f.inputs(), cli.File{Path: f.labels}) {
			for _, digits := range digits.FindAllString(other.Path, -1) {
				if i, err := strconv.ParseUint(digits, 10, 63); err == nil && int(i) >= first && int(i)-first < n {
					out = append(out, cli.File{Flag: "--output", Path: fileOf(f.output, i)})
				}
			}
		}
	}
	return append(out, cli.File{Flag: "--labels", Path: f.labels})
}

var digits = regexp.MustCompile(`[0-9]+`)

// inputs are the files that the flags have read.
func (f *drawFlags) inputs() []cli.File {
	in := f.modelFlags.files()
	for _, init := range f.init {
		in = append(in, cli.File{Flag: "--init", Path: init})
	}
	for _, keep := range f.keep {
		in = append(in, cli.File{Flag: "--keep", Path: keep})
	}
	return in
}

// files writes one PNG for each image, which is there whole or not at all.
type files struct {
	cmd *cobra.Command
	sig *sampler.Signature
	f   *drawFlags
}

func newFiles(cmd *cobra.Command, sig *sampler.Signature, f *drawFlags) (sink, error) {
	if len(number.FindAllString(f.output, -1)) > 1 {
		return nil, cli.Usagef("--output %q has more than one place for the number", f.output)
	}
	if f.format != "png" {
		return nil, cli.Usagef("--output %q names a file for each image, which only --format png can do", f.output)
	}
	if len(f.captions) > 0 {
		return nil, cli.Usagef("--captions are for a grid, not for a file for each image")
	}
	return &files{cmd, sig, f}, nil
}

func (o *files) add(s sampler.Sample) error {
	l, err := layOut(o.sig, o.f.geometry(1))
	if err != nil {
		return err
	}
	sheet := newSheet(l, o.f.inks(o.sig))
	sheet.add(0, s.Levels)
	var b bytes.Buffer
	if err := png.Encode(&b, sheet.picture()); err != nil {
		return err
	}
	return cli.Output(o.cmd, fileOf(o.f.output, s.Index), func(w io.Writer) error {
		_, err := b.WriteTo(w)
		return err
	})
}

func (o *files) close() error { return nil }

// verb is any text that looks like a place for a number.
var verb = regexp.MustCompile(`%[-+ #0-9.]*[a-zA-Z]`)

// formatOf is the format that the ending of a file's name stands for, png where it has
// none.
func formatOf(path string) (string, error) {
	end := strings.ToLower(strings.TrimPrefix(filepath.Ext(path), "."))
	switch {
	case path == "-" || end == "":
		return "png", nil
	case slices.Contains(formats, end):
		return end, nil
	}
	return "", cli.Usagef("--output %q: .%s is not one of the formats %q; choose one with --format", path, end, formats)
}
