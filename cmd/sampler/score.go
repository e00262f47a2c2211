package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/dataset"
	"pixelcnn/sampler"
)

// scoreFlags are score's own.
type scoreFlags struct {
	open
	data, split string
	images      string
	limit, list int
	format      string
}

// newScore measures the likelihood of a data set, or of the user's pictures.
func newScore() *cobra.Command {
	var f scoreFlags
	cmd := &cobra.Command{
		Use:   "score",
		Short: "Measure how likely a model finds a data set or pictures, in nats and bits per dimension",
		Long: `Measure the mean negative log-likelihood (NLL) of a data set under a model, in
nats and bits per dimension (pixel), with its standard error over the images.
The pictures are cropped, resized and quantised to the model's size and levels.

With --images, the PNG and JPEG files of a folder are scored, and the most and
the least likely of them listed.

On a model that has classes the class is summed out, which takes a pass for each
class; where the images' classes are known, the NLL given the class is measured
as well. The pictures of a folder have the class that their folder in it names.`,
		Example: `  sampler score --model pixelcnn.onnx
  sampler score --model pixelcnn.onnx --data ~/fashion-mnist --split train
  sampler score --model pixelcnn.onnx --images ~/pictures --list 10
  sampler score --model pixelcnn.onnx --images ~/pictures --format json`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	under(flags, "Model", f.addModel)
	under(flags, "Data", func(flags *pflag.FlagSet) {
		flags.StringVar(&f.data, "data", "", "`FOLDER` with the data set's four IDX files (default where it is found)")
		flags.StringVar(&f.split, "split", "test", "`PART` of the data set: test or train")
		flags.StringVar(&f.images, "images", "", "score the PNG and JPEG files in this `FOLDER` and below instead")
		flags.IntVar(&f.limit, "limit", 0, "score the first images only; 0 means all")
	})
	under(flags, "Output", func(flags *pflag.FlagSet) {
		flags.IntVar(&f.list, "list", 5, "how many of the most and of the least likely pictures of --images to list")
		flags.StringVar(&f.format, "format", "text", "`FORMAT` of the result: text, or json, an object a line for each image")
	})
	under(flags, "Running", f.addRuntime)
	f.engine = string(sampler.Full) // scoring is one forward pass, whatever the engine
	groupHelp(cmd)
	completeModel(cmd)
	_ = cmd.MarkFlagDirname("images")
	_ = cmd.MarkFlagDirname("data")
	for flag, values := range map[string][]string{"split": {"test", "train"}, "format": {"text", "json"}, "runtime": runtimes} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	return cmd
}

func (f *scoreFlags) check(cmd *cobra.Command) error {
	switch {
	case f.limit < 0:
		return cli.Usagef("--limit is %d, must not be negative", f.limit)
	case f.list < 0:
		return cli.Usagef("--list is %d, must not be negative", f.list)
	case f.split != "test" && f.split != "train":
		return cli.Usagef("--split is %q, must be test or train", f.split)
	case f.format != "text" && f.format != "json":
		return cli.Usagef("--format is %q, must be text or json", f.format)
	case f.images != "" && (f.data != "" || cmd.Flags().Changed("split")):
		return cli.Usagef("--images excludes --data and --split")
	case f.images == "" && cmd.Flags().Changed("list"):
		return cli.Usagef("--list needs --images")
	}
	return nil
}

// scored is a set of images with their log-probabilities.
type scored struct {
	name    string
	files   []string // nil for a data set
	images  int
	parts   iter.Seq2[[]uint16, error] // their levels, of at most atOnce at a time
	classes []int                      // nil where they are not known, or the model has none
	logProb []float64
	given   []float64 // given the class; nil where classes is
}

func (f *scoreFlags) run(cmd *cobra.Command) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	cfg, err := f.config()
	if err != nil {
		return err
	}
	model, err := f.load(cfg)
	if err != nil {
		return err
	}
	s, closeAll, err := f.sampler(cmd.ErrOrStderr(), model)
	if err != nil {
		return err
	}
	defer closeAll()
	sig := model.Signature
	load := f.loadSet
	if f.images != "" {
		load = f.loadPictures
	}
	set, err := load(cmd.Context(), sig)
	if err != nil {
		return err
	}
	bar := newBar(cmd, set.images, false)
	err = set.score(cmd.Context(), s, bar)
	bar.clear()
	if err != nil {
		return err
	}
	w := bufio.NewWriter(cmd.OutOrStdout())
	dims := sig.Height * sig.Width
	if f.format == "json" {
		err = set.writeJSON(w, dims)
	} else {
		fmt.Fprintf(w, "%s: %s of %d×%d×%d, %s\n",
			cli.Name(set.name), countImages(len(set.logProb)), sig.Height, sig.Width, sig.Levels, nll(set.logProb, dims))
		if set.given != nil {
			fmt.Fprintf(w, "given the class: %s\n", nll(set.given, dims))
		}
		if set.files != nil {
			set.writeExtremes(w, f.list, dims)
		}
	}
	if err != nil {
		return err
	}
	return w.Flush()
}

// atOnce is the number of images that are in memory and scored between two looks at the
// bar. A data set's are in memory anyway.
const atOnce = 256

// score fills in the log-probabilities.
func (set *scored) score(ctx context.Context, s *sampler.Sampler, bar *bar) error {
	sig := s.Signature()
	for part, err := range set.parts {
		if err != nil {
			return err
		}
		done := len(set.logProb)
		if sig.ClassInput == "" {
			logProb, err := s.LogProb(ctx, part)
			if err != nil {
				return err
			}
			set.logProb = append(set.logProb, logProb...)
		} else {
			byClass, err := s.LogProbByClass(ctx, part)
			if err != nil {
				return err
			}
			set.logProb = append(set.logProb, sig.SumOut(byClass)...)
			for i := done; i < len(set.logProb) && set.classes != nil; i++ {
				set.given = append(set.given, byClass[(i-done)*len(sig.Classes)+set.classes[i]])
			}
		}
		bar.update(len(set.logProb), set.images)
	}
	return nil
}

// nll is the mean negative log-likelihood in words.
func nll(logProb []float64, dims int) string {
	mean, stderr := summary(logProb, dims)
	return fmt.Sprintf("NLL %.4f ± %.4f nats/dim = %.4f ± %.4f bits/dim", mean, stderr, mean/math.Ln2, stderr/math.Ln2)
}

func (f *scoreFlags) loadSet(ctx context.Context, sig *sampler.Signature) (*scored, error) {
	if sig.Height != sig.Width {
		return nil, fmt.Errorf("the model's images are %d×%d; of data sets only square ones can be scored", sig.Height, sig.Width)
	}
	set, err := dataset.Load(ctx, f.data, dataset.Options{
		Size: sig.Height, Levels: sig.Levels, Resize: dataset.ResizeOf(sig.Meta.Preprocess),
	})
	if err != nil {
		return nil, err
	}
	part := set.Test
	if f.split == "train" {
		part = set.Train
	}
	n := part.N()
	if f.limit > 0 {
		n = min(n, f.limit)
	}
	area := sig.Height * sig.Width
	return &scored{
		name: set.Name + " " + f.split, images: n, parts: inParts(part.Pixels[:n*area], atOnce*area),
		classes: classesOf(sig, set.ClassNames, part.Labels[:min(n, len(part.Labels))]),
	}, nil
}

// inParts is what is in memory already, so many levels at a time.
func inParts(levels []uint16, size int) iter.Seq2[[]uint16, error] {
	return func(yield func([]uint16, error) bool) {
		for part := range slices.Chunk(levels, size) {
			if !yield(part, nil) {
				return
			}
		}
	}
}

// classesOf translates a data set's labels into the model's classes: by name where both
// have names, else by number. It is nil where there is a label with no class.
func classesOf(sig *sampler.Signature, names []string, labels []uint8) []int {
	if sig.ClassInput == "" {
		return nil
	}
	var classes []int
	for _, l := range labels {
		class, ok := int(l), int(l) < len(sig.Classes)
		if len(sig.Meta.Classes) > 0 && int(l) < len(names) {
			class, ok = sig.ClassNamed(names[l])
		}
		if !ok {
			return nil
		}
		classes = append(classes, class)
	}
	return classes
}

// writeExtremes lists the n most and the n least likely files.
func (s *scored) writeExtremes(w io.Writer, n, dims int) {
	order := make([]int, len(s.logProb))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.logProb[b], s.logProb[a]) })
	list := func(title string, of []int) {
		fmt.Fprintf(w, "\n%s\n%12s %12s  file\n", title, "nats", "nats/dim")
		for _, i := range of {
			fmt.Fprintf(w, "%12.2f %12.4f  %s\n", s.logProb[i], -s.logProb[i]/float64(dims), cli.Name(s.files[i]))
		}
	}
	if n = min(n, len(order)); n == 0 {
		return
	}
	list("most likely", order[:n])
	slices.Reverse(order)
	list("least likely", order[:n])
}

func (s *scored) writeJSON(w io.Writer, dims int) error {
	encoder := cli.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for i, lp := range s.logProb {
		line := struct {
			Index      int      `json:"index"`
			File       string   `json:"file,omitempty"`
			Class      *int     `json:"class,omitempty"`
			LogProb    *float64 `json:"logprob"`
			Given      *float64 `json:"logprob_given_class,omitempty"`
			NatsPerDim *float64 `json:"nll_nats_per_dim"`
		}{Index: i, LogProb: rounded(lp, 100), NatsPerDim: rounded(-lp/float64(dims), 1e4)}
		if s.files != nil {
			line.File = s.files[i]
		}
		if s.given != nil {
			line.Class, line.Given = &s.classes[i], rounded(s.given[i], 100)
		}
		if err := encoder.Encode(line); err != nil {
			return err
		}
	}
	return nil
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
