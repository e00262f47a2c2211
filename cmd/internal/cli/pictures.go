package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixelcnn/dataset"
)

// Pictures are the flags of commands that read pictures.
type Pictures struct {
	Skip bool
	most int
}

// AddLimit adds the flag for how large pictures may be.
func (p *Pictures) AddLimit(flags *pflag.FlagSet) {
	flags.IntVar(&p.most, "max-pixels", 0, fmt.Sprintf("the most pixels that a picture may have, up to %d; 0 means 33554432, which is a little more than an 8K frame", dataset.MaxPixels))
}

// AddSkip adds the flag to go on without those pictures of another flag that cannot be used.
func (p *Pictures) AddSkip(flags *pflag.FlagSet, of string) {
	flags.BoolVar(&p.Skip, "skip-bad", false, "go on without the pictures of "+of+" that cannot be used, and say which they are and how many")
}

// Check validates the flags.
func (p *Pictures) Check() error {
	if p.most < 0 || p.most > dataset.MaxPixels {
		return Usagef("--max-pixels is %d, must be from 0 (for the default) to %d", p.most, dataset.MaxPixels)
	}
	return nil
}

// Limits are the limits of pictures that the flags set.
func (p *Pictures) Limits() dataset.Limits { return dataset.Limits{Pixels: p.most} }

// Explain rewrites an error about pictures so that it names flags. Where many pictures are bad,
// each gets a line on standard error.
func (p *Pictures) Explain(cmd *cobra.Command, err error) error {
	var bad *dataset.BadPicturesError
	var large *dataset.LimitError
	switch {
	case errors.As(err, &bad):
		for _, err := range bad.Errors {
			p.Tell(cmd, err)
		}
		return fmt.Errorf("%d of %d pictures cannot be used: take them away, or go on without them with --skip-bad", len(bad.Errors), bad.Of)
	case errors.As(err, &large) && large.Limit == "Pixels":
		return fmt.Errorf("%s: %s: %d, at most %d is allowed: --max-pixels allows more", large.File, large.What, large.Have, large.Max)
	}
	return err
}

// Tell says why a picture cannot be used.
func (p *Pictures) Tell(cmd *cobra.Command, err error) {
	Log(cmd)("  %s", Reason(p.Explain(cmd, err)))
}

// Skipped says how many were left out.
func (p *Pictures) Skipped(cmd *cobra.Command, n int) {
	if n > 0 {
		Log(cmd)("--skip-bad: pictures left out: %d", n)
	}
}
