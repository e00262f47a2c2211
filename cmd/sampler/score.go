package main

import (
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/dataset"
	"pixelcnn/sampler"
)

// newScore measures the likelihood of a data set.
func newScore() *cobra.Command {
	var o open
	var data, split string
	var limit int
	cmd := &cobra.Command{
		Use:   "score --model FILE",
		Short: "Measure how likely a model finds a data set, in nats and bits per dimension",
		Long: `Measure the mean negative log-likelihood (NLL) of a data set under a model, in
nats and bits per dimension (pixel), with its standard error over the images.
The pictures are resized and quantised to the model's size and levels.`,
		Example: `  sampler score --model pixelcnn.onnx
  sampler score --model pixelcnn.onnx --data ~/fashion-mnist --split train`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return cli.Usagef("--limit is %d, must not be negative", limit)
			}
			if split != "test" && split != "train" {
				return cli.Usagef("--split is %q, must be test or train", split)
			}
			s, closeAll, err := o.sampler(sampler.Config{})
			if err != nil {
				return err
			}
			defer closeAll()
			spec := s.Spec()
			if spec.Height != spec.Width {
				return fmt.Errorf("the model's images are %d×%d; only square ones can be scored", spec.Height, spec.Width)
			}
			set, err := dataset.Load(cmd.Context(), data, dataset.Options{Size: spec.Height, Levels: spec.Levels})
			if err != nil {
				return err
			}
			part := set.Test
			if split == "train" {
				part = set.Train
			}
			levels := part.Pixels
			if limit > 0 {
				levels = levels[:min(len(levels), limit*spec.Height*spec.Width)]
			}
			logProb, err := s.LogProb(cmd.Context(), levels)
			if err != nil {
				return err
			}
			mean, stderr := summary(logProb, spec.Height*spec.Width)
			fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %d images of %d×%d×%d, NLL %.4f ± %.4f nats/dim = %.4f ± %.4f bits/dim\n",
				set.Name, split, len(logProb), spec.Height, spec.Width, spec.Levels,
				mean, stderr, mean/math.Ln2, stderr/math.Ln2)
			return nil
		},
	}
	flags := cmd.Flags()
	o.addModel(flags)
	o.addRuntime(flags)
	o.engine = string(sampler.Full) // scoring is one forward pass, whatever the engine
	flags.StringVar(&data, "data", "", "folder with the data set's four IDX files (default: where it is found)")
	flags.StringVar(&split, "split", "test", "test or train")
	flags.IntVar(&limit, "limit", 0, "score the first images only; 0 means all")
	return cmd
}

// summary turns log-probabilities per image, in nats, into the mean NLL per
// dimension and its standard error.
func summary(logProb []float64, dims int) (mean, stderr float64) {
	n := float64(len(logProb))
	for _, lp := range logProb {
		mean -= lp / float64(dims)
	}
	mean /= n
	for _, lp := range logProb {
		d := -lp/float64(dims) - mean
		stderr += d * d
	}
	return mean, math.Sqrt(stderr / max(1, n-1) / n)
}
