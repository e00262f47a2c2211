package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/sampler"
)

// scoreFlags are score's own.
type scoreFlags struct {
	open
	cli.Shards
	data, split      string
	images           string
	class, labels    string
	pictures         cli.Pictures
	limit, list      int
	format           string
	output, perPixel string
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

With --images, the pictures of a folder are scored, PNG, JPEG, GIF, BMP, WebP or
TIFF, and the most and the least likely of them listed. With --data FILE.npy, an
array of levels is scored, of any type of integers, [n, height, width], or with
channels [n, height, width, channels], as --format npy of a draw writes it.

On a model that has classes the class is summed out, which takes a pass for each
class; where the images' classes are known, the NLL given the class is measured
as well. The class of a picture of a folder is the name of the sub-folder that it is in.`,
		Example: `  sampler score --model pixelcnn.onnx
  sampler score --model pixelcnn.onnx --data ~/fashion-mnist --split train
  sampler score --model pixelcnn.onnx --data samples.npy --per-pixel nats.npy
  sampler score --model pixelcnn.onnx --images ~/pictures --list 10
  sampler score --model pixelcnn.onnx --images ~/pictures --format json`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	under(flags, "Model", f.addModel)
	under(flags, "Data", func(flags *pflag.FlagSet) {
		flags.StringVar(&f.data, "data", "", "`DATA`: a folder with the IDX files of the data set's part, or an NPY file of levels (default where the data set is found)")
		flags.StringVar(&f.split, "split", "test", "`PART` of the data set: test or train")
		flags.StringVar(&f.images, "images", "", "score the pictures in this `FOLDER` and below instead")
		f.pictures.AddSkip(flags, "--images")
		f.pictures.AddLimit(flags)
		flags.StringVar(&f.class, "class", "", "`CLASS` of all pictures, of a model that has classes: its name, a part of it, or its number")
		flags.StringVar(&f.labels, "labels", "", "`FILE` with the class of each image of --data FILE.npy, by number, NPY: integers [n]")
		flags.IntVar(&f.limit, "limit", 0, "score the first images only; 0 means all")
		f.Shards.Add(flags, "score")
	})
	under(flags, "Output", func(flags *pflag.FlagSet) {
		flags.IntVar(&f.list, "list", 5, "how many of the most and of the least likely pictures of --images to list")
		flags.StringVar(&f.format, "format", "text", "`FORMAT` of the result: text, or json, an object a line for each image")
		flags.StringVarP(&f.output, "output", "o", "-", "output `FILE`, \"-\" for standard output; with --shard, a folder for the shard's sums")
		flags.StringVar(&f.perPixel, "per-pixel", "", "`FILE` for the log-probability of each pixel given those before it, in nats, NPY: float32 of the shape of the levels; with a shard in a folder, the same folder")
	})
	under(flags, "Running", f.addRuntime)
	f.engine = string(sampler.Full) // scoring is one forward pass, whatever the engine
	groupHelp(cmd)
	completeModel(cmd)
	_ = cmd.MarkFlagDirname("images")
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
	case f.images == "" && f.pictures.Skip:
		return cli.Usagef("--skip-bad needs --images")
	case f.isArray() && cmd.Flags().Changed("split"):
		return cli.Usagef("--split is for a data set; %s is an array", f.data)
	case f.labels != "" && !f.isArray():
		return cli.Usagef("--labels is for an array: --data FILE.npy")
	case f.labels != "" && f.class != "":
		return cli.Usagef("--labels excludes --class")
	case f.Pair(f.output) && f.format != "text":
		return cli.Usagef("--format json: a shard in a folder has sums, which sampler gather prints; name a file after -o for a line each")
	case f.Pair(f.output) && f.perPixel != "" && filepath.Clean(f.perPixel) != filepath.Clean(f.output):
		return cli.Usagef("--per-pixel %s: with a shard in a folder it is the same folder, %s", f.perPixel, f.output)
	}
	if err := f.pictures.Check(); err != nil {
		return err
	}
	return f.Shards.Check(cmd, f.output)
}

// files are the outputs and the inputs.
func (f *scoreFlags) files() (outputs, inputs []cli.File) {
	inputs = append(f.modelFlags.files(), cli.File{Flag: "--data", Path: f.data}, cli.File{Flag: "--labels", Path: f.labels})
	if f.Pair(f.output) {
		return f.Shards.Files(f.output), inputs
	}
	return []cli.File{{Flag: "--output", Path: f.output}, {Flag: "--per-pixel", Path: f.perPixel}}, inputs
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
	outputs, inputs := f.files()
	if err := cli.Apart(cmd, outputs, inputs); err != nil {
		return err
	}
	if err := cli.Outside(cli.File{Flag: "--images", Path: f.images}, outputs); err != nil {
		return err
	}
	s, closeAll, err := f.sampler(cmd.ErrOrStderr(), model)
	if err != nil {
		return err
	}
	defer closeAll()
	load := f.loadSet
	switch {
	case f.images != "":
		load = f.loadPictures
	case f.isArray():
		load = f.loadArray
	}
	set, err := load(cmd, model.Signature)
	if err != nil {
		return err
	}
	if f.class != "" {
		set.classes = nil // one is given for all
	}
	if err := f.Divides(set.images); err != nil {
		return err
	}
	first, n := f.Shard.Range(set.images)
	r := &scoring{f: f, s: s, set: set, first: first, bar: newBar(cmd, n, false), n: n}
	if f.Pair(f.output) {
		skipped, err := r.shard(cmd.Context(), cfg)
		r.bar.clear()
		if err == nil && skipped {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: there already\n", cli.Name(f.output))
		}
		return err
	}
	return cli.Output(cmd, f.output, func(w io.Writer) error {
		if f.perPixel == "" {
			return r.write(cmd.Context(), w, nil)
		}
		return cli.Output(cmd, f.perPixel, func(each io.Writer) error { return r.write(cmd.Context(), w, each) })
	})
}
