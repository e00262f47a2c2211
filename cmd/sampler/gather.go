package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/internal/npy"
	"pixelcnn/internal/shard"
	"pixelcnn/sampler"
)

// gather are the flags of the command gather.
type gather struct{ output, format, labels string }

var gathered = []string{"npy", "tar", "json", "text"}

// newGather joins the shards of a folder.
func newGather() *cobra.Command {
	var f gather
	cmd := &cobra.Command{
		Use:   "gather DIR",
		Short: "Put together what the tasks of --shard have left in a folder",
		Long: `Put together the shards of a folder, which --shard I/N with -o DIR/ has made.

Every manifest is compared with the others, and every output with its manifest.
Then drawn images become one NPY file, the same bytes as those of one run, or a tar
of PNG. Codes of trainer encode become one NPY file. Scores become the means over
all images, the same to the last bit however the images were divided, and the maps
of --per-pixel one NPY file.

Where shards are missing or do not fit, nothing is written. Their indexes are
printed, for Slurm and as a list, and the exit status is 1.`,
		Example: `  sampler gather out -o samples.npy
  sampler gather out -o samples.tar
  sampler gather scores --format json
  sbatch "$(sampler gather out | head -1)" draw.sh`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "output `FILE`, \"-\" for standard output (default samples.npy for images, codes.npy for codes, \"-\" for scores)")
	flags.StringVar(&f.format, "format", "", "`FORMAT`: npy, one array; tar, a PNG for each image; of scores json and text (default the output's ending, or npy for images and text for scores)")
	flags.StringVar(&f.labels, "labels", "", "`FILE` for the images' classes, where the shards have them, NPY: int64 [n]")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(gathered, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (f *gather) run(cmd *cobra.Command, dir string) error {
	set, err := shard.Open(dir)
	if err != nil {
		return err
	}
	if !set.Whole() {
		return f.incomplete(cmd, set)
	}
	if err := f.choose(set); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var inputs []cli.File
	for _, e := range entries {
		inputs = append(inputs, cli.File{Flag: "DIR", Path: filepath.Join(dir, e.Name())})
	}
	if err := cli.Apart(cmd, []cli.File{{Flag: "--output", Path: f.output}, {Flag: "--labels", Path: f.labels}}, inputs); err != nil {
		return err
	}
	ctx := cmd.Context()
	if f.output == "-" && set.Shards[0].Output != nil && f.isArray() {
		// What has been written to standard output cannot be taken back, so all is checked before.
		err := set.Each(ctx, func(*shard.Manifest, io.Reader) error { return nil })
		if err != nil {
			return err
		}
		if !set.Whole() {
			return f.incomplete(cmd, set)
		}
	}
	err = cli.Output(cmd, f.output, func(w io.Writer) error {
		if f.labels == "" {
			return f.write(ctx, w, set)
		}
		return cli.Output(cmd, f.labels, func(labels io.Writer) error {
			if err := whole(set, set.JoinLabels(ctx, labels)); err != nil {
				return err
			}
			return f.write(ctx, w, set)
		})
	})
	if err == errIncomplete {
		return f.incomplete(cmd, set)
	}
	if err == nil && f.output != "-" {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s of %s\n", cli.Name(f.output), countShards(set.Of), countImages(set.Shards[0].Images))
	}
	return err
}

// write writes what the format says.
func (f *gather) write(ctx context.Context, w io.Writer, set *shard.Set) error {
	switch f.format {
	case "npy":
		return whole(set, set.Join(ctx, w))
	case "tar":
		return whole(set, writeTar(ctx, w, set))
	}
	return f.writeScores(w, set)
}

// whole is err, or errIncomplete for a set that has turned out to be incomplete.
func whole(set *shard.Set, err error) error {
	if err == nil && !set.Whole() {
		return errIncomplete
	}
	return err
}

var errIncomplete = fmt.Errorf("shards do not fit")

func (f *gather) isArray() bool { return f.format == "npy" || f.format == "tar" }

// choose decides the format and the output.
func (f *gather) choose(set *shard.Set) error {
	first := set.Shards[0]
	if f.format == "" {
		end := strings.TrimPrefix(filepath.Ext(f.output), ".")
		switch {
		case f.output != "-" && slices.Contains(gathered, end):
			f.format = end
		case f.output != "" && f.output != "-" && end != "" && end != "txt":
			return cli.Usagef("--output %q: .%s is not one of the formats %q; choose one with --format", f.output, end, gathered)
		case first.Work == shard.Score:
			f.format = "text"
		default:
			f.format = "npy"
		}
	}
	switch {
	case !slices.Contains(gathered, f.format):
		return cli.Usagef("--format is %q, must be one of %q", f.format, gathered)
	case f.isArray() && first.Output == nil:
		return cli.Usagef("--format %s: %s has scores only; with sampler score --per-pixel it has arrays", f.format, set.Dir)
	case !f.isArray() && first.Scores == nil:
		return cli.Usagef("--format %s: %s has no scores; use --format npy", f.format, set.Dir)
	case f.format == "tar" && first.Work != shard.Draw:
		what := map[string]string{shard.Score: "log-probabilities", shard.Encode: "codes"}[first.Work]
		return cli.Usagef("--format tar: %s has %s, which are not pictures; use --format npy", set.Dir, what)
	case f.labels != "" && first.Labels == nil:
		return cli.Usagef("--labels: %s has none; the shards are to be made with --labels %s", set.Dir, set.Dir)
	case f.output == "" && !f.isArray():
		f.output = "-"
	case f.output == "":
		f.output = map[string]string{shard.Draw: "samples.", shard.Score: "nats.", shard.Encode: "codes."}[first.Work] + f.format
	}
	if shard.IsName(filepath.Base(f.output)) {
		return cli.Usagef("--output %s has the name of a shard", f.output)
	}
	return nil
}

// most is the number of problems that are listed.
const most = 10

// incomplete says which shards are to be made again.
func (f *gather) incomplete(cmd *cobra.Command, set *shard.Set) error {
	w := cmd.ErrOrStderr()
	again := slices.Clone(set.Missing)
	for i, p := range set.Bad {
		again = append(again, p.Shard)
		if i < most {
			fmt.Fprintln(w, cli.Name(p.Err.Error()))
		}
	}
	if more := len(set.Bad) - most; more > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
	slices.Sort(again)
	fmt.Fprintf(cmd.OutOrStdout(), "--array=%s\n%s\n", shard.Array(again), strings.Trim(strings.ReplaceAll(fmt.Sprint(again), " ", ","), "[]"))
	var what []string
	if n := len(set.Missing); n > 0 {
		what = append(what, countShards(n)+" missing")
	}
	if n := len(set.Bad); n > 0 {
		what = append(what, countShards(n)+" to be made again with --overwrite")
	}
	return fmt.Errorf("%s: of %d, %s: --array=%s; nothing was gathered", set.Dir, set.Of, strings.Join(what, ", "), shard.Array(again))
}

func countShards(n int) string {
	if n == 1 {
		return "1 shard"
	}
	return fmt.Sprintf("%d shards", n)
}

// writeScores writes the means over all shards.
func (f *gather) writeScores(w io.Writer, set *shard.Set) error {
	first, scores := set.Shards[0], set.Scores()
	var name string
	if err := json.Unmarshal(first.Parameters["data"], &name); err != nil {
		return fmt.Errorf("%s: the manifests do not name the data: %w", set.Dir, err)
	}
	if f.format == "text" {
		writeScores(w, name, scores, first.Shape, first.Levels)
		return nil
	}
	encoder := cli.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	line := struct {
		Data   string `json:"data"`
		Shape  []int  `json:"shape"`
		Levels int    `json:"levels"`
		*means
		Given *means `json:"given_class,omitempty"`
	}{name, first.Shape, first.Levels, newMeans(&scores.All, first.Shape), nil}
	if scores.Given != nil {
		line.Given = newMeans(scores.Given, first.Shape)
	}
	return encoder.Encode(line)
}

// means are the means of images' scores, with their standard errors.
type means struct {
	Images     int      `json:"images"`
	Impossible int      `json:"impossible,omitempty"` // those of them that have probability 0
	NatsPerDim *float64 `json:"nll_nats_per_dim"`
	NatsError  *float64 `json:"nll_nats_per_dim_stderr"`
	BitsPerDim *float64 `json:"nll_bits_per_dim"`
	BitsError  *float64 `json:"nll_bits_per_dim_stderr"`
}

func newMeans(s *shard.Sums, shape []int) *means {
	mean, stderr := s.NLL(npy.Elements(shape))
	finite := func(x float64) *float64 {
		if math.IsInf(x, 0) || math.IsNaN(x) {
			return nil
		}
		return &x
	}
	return &means{
		s.Images + s.Impossible, s.Impossible,
		finite(mean), finite(stderr), finite(mean / math.Ln2), finite(stderr / math.Ln2),
	}
}

// writeTar writes a PNG for each image. The archive's bytes depend on the images alone, not on
// when, where or by whom it is made.
func writeTar(ctx context.Context, w io.Writer, set *shard.Set) error {
	out := tar.NewWriter(w)
	first := set.Shards[0]
	digits := len(fmt.Sprint(first.Images - 1))
	sig := &sampler.Signature{Height: first.Shape[0], Width: first.Shape[1], Channels: 1, Levels: first.Levels}
	if len(first.Shape) == 3 {
		sig.Channels = first.Shape[2]
	}
	sig.Meta.Palette = first.Palette
	if sig.Colour() == "" {
		return fmt.Errorf("pictures of %d channels cannot be shown; use --format npy", sig.Channels)
	}
	levels := make([]uint16, npy.Elements(first.Shape))
	var b bytes.Buffer
	err := set.Each(ctx, func(m *shard.Manifest, r io.Reader) error {
		h := npy.Header{Type: m.Output.Type}
		r = bufio.NewReaderSize(r, 1<<20)
		for i := range m.Count {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := h.Levels(r, levels, 0); err != nil {
				return err
			}
			image := sig.Image(levels)
			if image == nil {
				return fmt.Errorf("%s: image %d has a level that is not one of the model's %d", m.Part().Name(), i, m.Levels)
			}
			b.Reset()
			if err := png.Encode(&b, image); err != nil {
				return err
			}
			err := out.WriteHeader(&tar.Header{Name: fmt.Sprintf("img-%0*d.png", digits, m.First+i), Mode: 0o644, Size: int64(b.Len())})
			if err == nil {
				_, err = b.WriteTo(out)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return out.Close()
}
