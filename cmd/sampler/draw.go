package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/internal/format"
	"pixelcnn/sampler"
)

// drawFlags are the root command's own.
type drawFlags struct {
	open
	n, batch, bestOf int
	number           uint64   // the seed
	seed             cli.Seed // what sets it
	class            []string
	cli.Shards

	temperature temperatures
	greedy      bool
	topK        int
	topP, minP  float64
	filters     string

	init      []string
	levels    [][]uint16 // of the pictures of init that can be used
	pictures  cli.Pictures
	invert    bool
	keep      []string
	particles particles

	output, format string
	palette        palette
	scale, columns int
	captions       []string
	labels         string
	duration       time.Duration
	preview        string
	quiet          bool
}

func newCommand() *cobra.Command {
	f := drawFlags{temperature: temperatures{first: 1}}
	f.seed.To = &f.number
	cmd := &cobra.Command{
		Use:   "sampler",
		Short: "Draw images from a PixelCNN in an ONNX file",
		Long: `Draw images from a PixelCNN in an ONNX file, pixel by pixel.

The same model, seed and options give the same images, whatever the batch, the
threads and the engine: image i of a seed is always the same one.

With no --model, the model is one inside the program.`,
		Example: `  sampler -o samples.png
  sampler --model pixelcnn.onnx --temp 0.7
  sampler --model pixelcnn.onnx -n 1000 --seed 1 -o samples.npy
  sampler --model pixelcnn.onnx -n 4 --format json -o -
  sampler --model pixelcnn.onnx -n 9 --palette viridis -o wave.gif
  sampler --model pixelcnn.onnx --init photo.png --keep rows:8 -o inpainted.png`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	under(flags, "Model", f.open.addModel)
	under(flags, "Images", f.addImages)
	under(flags, "Sampling", f.addSampling)
	under(flags, "Inpainting", f.addInpainting)
	under(flags, "Output", f.addOutput)
	under(flags, "Running", func(flags *pflag.FlagSet) {
		f.open.addEngine(flags)
		f.open.addRuntime(flags)
		flags.IntVar(&f.batch, "batch", 0, "images computed together; 0 lets the engine choose")
	})
	cli.Alias(flags, "temperature", "temp")
	cli.Versions(cmd, func() string { return cli.Library(f.open.ortLib) })
	f.completions(cmd)
	cmd.AddCommand(newAnnotate(), newCompile(), newScore(), newGather(), newInspect(), newInstall(), cli.Man())
	cmd.AddCommand(listening()...)
	groupHelp(cmd)
	return cmd
}

func (f *drawFlags) addImages(flags *pflag.FlagSet) {
	flags.IntVarP(&f.n, "number", "n", 16, "number of images")
	flags.Var(&f.seed, "seed", "seed; image i of a seed is always the same one. random draws one and prints it")
	flags.StringArrayVar(&f.class, "class", nil, "`CLASS` of the images, of a model that has classes: its name or a part of it, its number, or all. With more than one, by all or by repeating the flag, each has a row of the grid, and -n is by default 8 for each. By default each image's class is drawn, as often as it was in training; with --init, by the pixels that are given before the first free one")
	flags.IntVar(&f.bestOf, "best-of", 1, "draw so many candidates for each image and keep the likeliest at temperature 1: image i is one of the images i·N to i·N+N-1 of a run without")
	f.Shards.Add(flags, "draw")
}

func (f *drawFlags) addSampling(flags *pflag.FlagSet) {
	flags.Var(&f.temperature, "temp", "temperature (or --temperature): below 1 makes likely levels likelier, above 1 less likely; 1.0:0.6 goes from the first row's to the last row's; 0 draws greedily, whatever the filters")
	flags.BoolVar(&f.greedy, "greedy", false, "take the likeliest level of each pixel; excludes the others here")
	flags.IntVar(&f.topK, "top-k", 0, "draw from the K likeliest levels only; 0 means all, as does a number over the model's levels")
	flags.Float64Var(&f.topP, "top-p", 0, "then from the fewest likeliest levels that have probability P together; 0 means all")
	flags.Float64Var(&f.minP, "min-p", 0, "then from levels with at least P times the probability of the likeliest; 0 means all")
	flags.StringVar(&f.filters, "filters", "", "`ORDER` of the temperature and these filters, each of which takes what those before it have left; what is not named cannot be set (default "+sampler.DefaultFilters+")")
}

func (f *drawFlags) addInpainting(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.init, "init", nil, "the `PICTURE` to inpaint, PNG, JPEG, GIF, BMP, WebP or TIFF, or a folder of them: --keep says what of it is given, the rest is drawn. It is turned upright, cropped to the model's shape, resized and quantised; what is transparent lies on white. An NPY file has the levels of one. May be repeated: of several pictures each is inpainted, by default once, with -n for all of them more often")
	f.pictures.AddSkip(flags, "--init")
	f.pictures.AddLimit(flags)
	flags.BoolVar(&f.invert, "invert", false, "swap its light and dark: for a picture on a light ground, where the pictures of the model have a dark one")
	flags.StringArrayVar(&f.keep, "keep", nil, "`WHAT` of it is given: rows:8 (the first 8), cols:4..12 (4 to 11), rows:8.. (from 8 on), or a picture that is white there; may be repeated")
	flags.Var(&f.particles, "complete", "plain: a given pixel affects only pixels after it, in its row to the right and in the rows below; those before it are drawn as if it were not given. particles=N: draw N candidates for each image, weigh them by the probability that they give to the given pixels, and choose one")
}

func (f *drawFlags) addOutput(flags *pflag.FlagSet) {
	flags.StringVarP(&f.output, "output", "o", "", "output `FILE`, \"-\" for standard output; img-%04d.png makes a file for each image (default \"samples.FORMAT\")")
	flags.StringVar(&f.format, "format", "", "file `FORMAT`: png, a grid; gif, the grid as it is drawn; npy, levels [n, height, width], with channels [n, height, width, channels], uint8 up to 256 levels, else uint16; raw, the same with no header; json, an object a line (default the output's ending, or png)")
	flags.Var(&f.palette, "palette", "colours of pictures of one channel: "+strings.Join(paletteNames(), ", ")+", or your own, as 000000,ff8800,ffffff (default the model's, or grey)")
	flags.IntVar(&f.scale, "scale", 4, "size of a pixel; a single picture has no frame, so with 1 it is the model's own")
	flags.IntVar(&f.columns, "columns", 0, "images side by side in a grid; 0 makes it near to a square")
	flags.StringSliceVar(&f.captions, "captions", nil, "`WHAT` to write below each image of a grid: index, class, logprob, or several with commas")
	flags.StringVar(&f.labels, "labels", "", "`FILE` for the images' classes, NPY: int64 [n]; with a shard in a folder, the same folder")
	flags.DurationVar(&f.duration, "duration", 5*time.Second, "how long a GIF takes to draw")
	flags.StringVar(&f.preview, "preview", "none", "show the images in the terminal, too, as it can; `HOW` can be blocks, kitty or sixel")
	flags.Lookup("preview").NoOptDefVal = "auto"
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "write nothing to the terminal but errors")
}

// completions tell the shell what some flags take.
func (f *drawFlags) completions(cmd *cobra.Command) {
	for flag, values := range map[string][]string{
		"format": formats, "engine": engines, "runtime": runtimes, "palette": paletteNames(),
		"captions": captionKinds, "preview": previews, "complete": {"plain", "particles="}, "keep": {"rows:", "cols:"},
	} {
		directive := cobra.ShellCompDirectiveNoFileComp
		switch flag {
		case "keep":
			directive = cobra.ShellCompDirectiveDefault
		case "complete":
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, directive))
	}
	_ = cmd.RegisterFlagCompletionFunc("class", f.completeClass)
	completeModel(cmd)
	_ = cmd.MarkFlagFilename("init", "png", "jpg", "jpeg", "gif", "bmp", "webp", "tif", "tiff", "npy")
}

// check validates what the library does not check.
func (f *drawFlags) check(cmd *cobra.Command) error {
	switch {
	case f.temperature.rows && (f.temperature.first == 0 || f.temperature.last == 0):
		return cli.Usagef("--temp is %s, must be positive; --temp 0 is greedy in all rows", &f.temperature)
	case f.seed.Random && f.Shard.Of > 0:
		return cli.Usagef("--seed random: the parts of --shard are of one seed: name it")
	case f.n < 1:
		return cli.Usagef("-n is %d, must be at least 1", f.n)
	case f.bestOf < 1:
		return cli.Usagef("--best-of is %d, must be at least 1", f.bestOf)
	case f.scale < 1 || f.scale > 64:
		return cli.Usagef("--scale is %d, must be from 1 to 64", f.scale)
	case f.columns < 0:
		return cli.Usagef("--columns is %d, must not be negative", f.columns)
	case f.duration < 100*time.Millisecond || f.duration > time.Minute:
		return cli.Usagef("--duration is %v, must be from 100ms to 1m", f.duration)
	case len(f.init) == 0 && (len(f.keep) > 0 || f.particles.n > 0 || f.invert):
		return cli.Usagef("--keep, --invert and --complete need --init, the picture to inpaint")
	case len(f.init) == 0 && f.pictures.Skip:
		return cli.Usagef("--skip-bad needs --init")
	case len(f.init) > 0 && len(f.keep) == 0:
		return cli.Usagef("--init needs --keep, which says what of the picture is given, as --keep rows:8")
	case !slices.Contains(previews, f.preview):
		return cli.Usagef("--preview is %q, must be one of %q", f.preview, previews)
	}
	for _, kind := range f.captions {
		if !slices.Contains(captionKinds, kind) {
			return cli.Usagef("--captions is %q, must be of %q", kind, captionKinds)
		}
	}
	if err := f.pictures.Check(); err != nil {
		return err
	}
	return f.checkFormat(cmd)
}

func (f *drawFlags) checkFormat(cmd *cobra.Command) error {
	if err := f.Shards.Check(cmd, f.output); err != nil {
		return err
	}
	if f.Pair(f.output) {
		f.format = cmp.Or(f.format, "npy")
		switch {
		case f.format != "npy":
			return cli.Usagef("--format %s: a shard in a folder is NPY; sampler gather makes PNG of it, or name a file after -o", f.format)
		case f.labels != "" && filepath.Clean(f.labels) != filepath.Clean(f.output):
			return cli.Usagef("--labels %s: with a shard in a folder it is the same folder, %s", f.labels, f.output)
		}
	}
	if v := verb.FindString(f.output); v != "" && !isPattern(f.output) {
		return cli.Usagef("--output %q: %s is not a place for an image's number: write %%d, or %%04d", f.output, v)
	}
	if f.format == "" {
		var err error
		if f.format, err = formatOf(f.output); err != nil {
			return err
		}
	}
	if !slices.Contains(formats, f.format) {
		return cli.Usagef("--format is %q, must be one of %q", f.format, formats)
	}
	if len(f.captions) > 0 && f.format != "png" {
		return cli.Usagef("--captions are for --format png")
	}
	if f.output == "" {
		f.output = "samples." + f.format
	}
	return nil
}

// checkColour checks that the model's pictures can be shown as the flags ask.
func (f *drawFlags) checkColour(sig *sampler.Signature) error {
	shown := f.format == "png" || f.format == "gif" || f.preview != "none"
	switch colour := sig.Colour(); {
	case shown && colour == "":
		return cli.Usagef("pictures of %d channels cannot be shown: use --format npy, raw or json, and no --preview", sig.Channels)
	case sig.Channels > 1 && !f.palette.own():
		return cli.Usagef("--palette is for pictures of one channel, the model's have %d", sig.Channels)
	case f.invert && colour == format.PaletteIndex:
		return cli.Usagef("--invert is for light and dark; the model's levels are the colours of a palette")
	}
	return nil
}

// parameters are the sampling parameters. With a temperature of 0 the draw is greedy, and the
// filters do not matter.
func (f *drawFlags) parameters(cmd *cobra.Command) (sampler.Parameters, error) {
	p := sampler.Parameters{Seed: f.number, Greedy: f.greedy, TopK: f.topK, TopP: f.topP, MinP: f.minP, Filters: f.filters}
	if !f.greedy || cmd.Flags().Changed("temp") {
		p.Temperature, p.TemperatureEnd = f.temperature.first, f.temperature.last
	}
	err := p.Check()
	if f.temperature.first == 0 {
		f.greedy = true
		p = sampler.Parameters{Seed: f.number, Greedy: true}
	}
	return p, err
}

// geometry is that of a grid of n images. A single image without a caption has no frame.
func (f *drawFlags) geometry(n int) geometry {
	g := geometry{images: n, scale: f.scale, gap: gap, columns: f.columns, lines: len(f.captions)}
	if n == 1 && g.lines == 0 {
		g.gap = 0
	}
	return g
}

// run draws what the flags ask for.
func (f *drawFlags) run(cmd *cobra.Command) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	notes := cmd.ErrOrStderr()
	if f.quiet {
		notes = io.Discard
	}
	cfg, err := f.open.config()
	if err != nil {
		return err
	}
	cfg.Batch = f.batch
	req := sampler.Request{BestOf: f.bestOf, Conditions: f.given}
	if req.Parameters, err = f.parameters(cmd); err != nil {
		return err
	}
	if f.seed.Random {
		fmt.Fprintf(notes, "--seed %d\n", f.number)
	}
	if err := f.listPictures(cmd.Context()); err != nil {
		return err
	}
	model, err := f.load(cfg)
	if err != nil {
		return err
	}
	if err := f.checkColour(model.Signature); err != nil {
		return err
	}
	if err := f.readPictures(cmd, model.Signature); err != nil {
		return err
	}
	if err := f.arrange(cmd, model.Signature, &req); err != nil {
		return err
	}
	if err := cli.Apart(cmd, f.outputs(), f.inputs()); err != nil {
		return err
	}
	s, closeAll, err := f.open.sampler(notes, model)
	if err != nil {
		return err
	}
	defer closeAll()
	first, n := f.Shard.Range(f.n)
	req.First, req.N = uint64(first), n
	if len(f.init) > 0 {
		if req.Inpainting, err = f.inpainting(cmd, model.Signature, req.Inpainting.Run); err != nil {
			return err
		}
	}
	bar := newBar(cmd, n, f.quiet)
	if bar != nil {
		req.Progress = bar.update
	}
	req.LevelsOnly = f.format != "json" && len(f.captions) == 0
	req.Rounded = !req.LevelsOnly
	r := &run{f: f, cmd: cmd, s: s, req: req}
	skipped := false
	if f.Pair(f.output) {
		skipped, err = r.shard(cfg)
	} else {
		err = r.writeAll()
	}
	bar.clear()
	if err != nil {
		return err
	}
	if skipped {
		fmt.Fprintf(notes, "%s: there already\n", cli.Name(f.output))
		return nil
	}
	if !f.quiet {
		r.report()
	}
	return r.show()
}

// report says what was done, on standard error.
func (r *run) report() {
	w, sig := r.cmd.ErrOrStderr(), r.s.Signature()
	if r.f.output != "-" {
		fmt.Fprintf(w, "%s: %s of %s\n", cli.Name(r.f.output), countImages(r.req.N), sig.Shape())
	}
	if n := r.req.Inpainting.Particles; n > 1 {
		images := float64(r.req.N)
		fmt.Fprintf(w, "mean effective sample size %.1f of %d particles, resampled %.1f times an image\n",
			r.effective/images, n, r.resampled/images)
	}
}

func countImages(n int) string {
	if n == 1 {
		return "1 image"
	}
	return fmt.Sprintf("%d images", n)
}
