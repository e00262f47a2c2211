package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/dataset"
	"pixelcnn/internal/picture"
	"pixelcnn/internal/signature/encoding"
	"pixelcnn/sampler"
)

// particles is the value of --complete: the number of particles, 0 for a plain one.
type particles struct{ n int }

func (c *particles) Set(text string) error {
	if text == "plain" {
		c.n = 0
		return nil
	}
	n, err := strconv.Atoi(strings.TrimPrefix(text, "particles="))
	if !strings.HasPrefix(text, "particles=") || err != nil || n < 2 || n > 1<<16 {
		return fmt.Errorf("must be plain or particles=N with N from 2 to %d", 1<<16)
	}
	c.n = n
	return nil
}

func (c *particles) String() string {
	if c.n == 0 {
		return "plain"
	}
	return fmt.Sprintf("particles=%d", c.n)
}

func (c *particles) Type() string { return "HOW" }

// listPictures replaces the folders of --init by the pictures in them.
func (f *drawFlags) listPictures(ctx context.Context) error {
	var all []string
	for _, path := range f.init {
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			all = append(all, path)
			continue
		}
		folder, err := dataset.FindPictures(ctx, path)
		if err != nil {
			return fmt.Errorf("--init: %w", err)
		}
		for i := range folder.Names {
			all = append(all, folder.Path(i))
		}
	}
	f.init = all
	return nil
}

// readPictures reads the levels of the pictures of --init. Where some cannot be used, all of those are told.
func (f *drawFlags) readPictures(cmd *cobra.Command, sig *sampler.Signature) error {
	var bad []error
	for _, path := range f.init {
		one, err := f.readPicture(cmd, path, sig)
		if err = cmp.Or(cmd.Context().Err(), err); err != nil {
			bad = append(bad, err)
			continue
		}
		f.levels = append(f.levels, one)
	}
	switch {
	case cmd.Context().Err() != nil:
		return cmd.Context().Err()
	case len(bad) == 0:
		return nil
	case !f.pictures.Skip && len(f.init) == 1:
		return f.pictures.Explain(cmd, bad[0])
	case !f.pictures.Skip:
		return f.pictures.Explain(cmd, &dataset.BadPicturesError{Errors: bad, Of: len(f.init)})
	}
	if !f.quiet {
		for _, err := range bad {
			f.pictures.Tell(cmd, err)
		}
		f.pictures.Skipped(cmd, len(bad))
	}
	if len(f.levels) == 0 {
		return errors.New("--init: no picture is left")
	}
	return nil
}

func (f *drawFlags) readPicture(cmd *cobra.Command, path string, sig *sampler.Signature) ([]uint16, error) {
	if strings.EqualFold(filepath.Ext(path), ".npy") {
		return readLevels(path, sig)
	}
	return picture.Read(path, sig, dataset.PictureOptions{Limits: f.pictures.Limits()})
}

// inpainting is the pictures and what of them is given. Each is for so many images in a row.
func (f *drawFlags) inpainting(cmd *cobra.Command, sig *sampler.Signature, run int) (sampler.Inpainting, error) {
	in := sampler.Inpainting{Particles: f.particles.n, Run: run}
	mask := make([]bool, sig.Pixels())
	for _, keep := range f.keep {
		if err := addGiven(mask, keep, sig.Height, sig.Width, f.pictures.Limits()); err != nil {
			return in, f.pictures.Explain(cmd, err)
		}
	}
	for _, given := range mask {
		in.Mask = append(in.Mask, slices.Repeat([]bool{given}, sig.Channels)...)
	}
	in.Picture = slices.Concat(f.levels...)
	if f.invert {
		for k, level := range in.Picture {
			if sig.Channels < 4 || k%sig.Channels < 3 { // not of alpha
				in.Picture[k] = uint16(encoding.Invert(int(level), sig.Levels))
			}
		}
	}
	return in, nil
}

// addGiven adds what a value of --keep says to mask, [height, width].
func addGiven(mask []bool, keep string, height, width int, limits dataset.Limits) error {
	kind, span, _ := strings.Cut(keep, ":")
	var limit int
	var at func(k int) int
	switch kind {
	case "rows":
		limit, at = height, func(k int) int { return k / width }
	case "cols":
		limit, at = width, func(k int) int { return k % width }
	default:
		white, err := dataset.ReadPicture(keep, dataset.PictureOptions{Height: height, Width: width, Levels: 2, OnBlack: true, Limits: limits})
		if err != nil {
			return fmt.Errorf("--keep: %w (it can be rows:8, cols:4..12 or a picture)", err)
		}
		for k, level := range white {
			mask[k] = mask[k] || level == 1
		}
		return nil
	}
	from, to, err := parseSpan(span, limit)
	if err != nil {
		return cli.Usagef("--keep %s: %w", keep, err)
	}
	for k := range mask {
		mask[k] = mask[k] || at(k) >= from && at(k) < to
	}
	return nil
}

// parseSpan reads "8" (0 to 7), "4..12" (4 to 11), "4.." and "..12".
func parseSpan(text string, limit int) (from, to int, err error) {
	first, last, isRange := strings.Cut(text, "..")
	from, to = 0, limit
	number := func(s string, into *int) {
		if s != "" && err == nil {
			*into, err = strconv.Atoi(s)
		}
	}
	switch {
	case !isRange && text == "", isRange && first == "" && last == "":
		return 0, 0, fmt.Errorf("must be like rows:8, rows:8.. or cols:4..12")
	case isRange:
		number(first, &from)
		number(last, &to)
	default:
		number(text, &to)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("must be like rows:8, rows:8.. or cols:4..12")
	}
	if from < 0 || to > limit || from >= to {
		return 0, 0, fmt.Errorf("is from %d up to %d, must be a part of 0 to %d, the model's size", from, to, limit)
	}
	return from, to, nil
}
