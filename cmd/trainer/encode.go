package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/internal/encoder"
	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
)

// encodeFlags are encode's.
type encodeFlags struct {
	cli.Shards
	encoder, images string
	within          span
	options         encoder.Options
	pictures        cli.Pictures
	runtime, ortLib string
	threads         int
	output, labels  string
	beside          []string // files with weights
}

// newEncode makes codes of pictures.
func newEncode() *cobra.Command {
	f := encodeFlags{within: span{-1, 1}}
	cmd := &cobra.Command{
		Use:   "encode",
		Short: "Make codes of a folder of pictures with an encoder, such as a VQ-VAE's",
		Long: `Make codes of the pictures of a folder with an encoder, such as a VQ-VAE's, and
write them as NPY: uint8 or uint16 [n, h, w], in the order of the pictures' names.

The encoder is an ONNX file. It takes pictures, float32 [N, C, H, W] with 1, 3 or
4 channels, which are cropped and resized to its height and width, and gives

  - codes: int64 or int32 [N, h, w], [N, 1, h, w] or [N, h·w]; or
  - scores, logits or one-hot, [N, K, h, w]: the code is the number of the largest
    of K, the first one of equals.

Codes do not depend on --threads, nor on what other pictures there are.`,
		Example: `  trainer encode --encoder encoder.onnx --images pictures -o codes.npy
  trainer encode --encoder encoder.onnx --images pictures --shard auto/100 -o out/
  sampler gather out -o codes.npy`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.encoder, "encoder", "", "`FILE` with the encoder, ONNX")
	flags.Var(&f.within, "encoder-range", "the encoder's values of black and white, such as -1:1 or 0:1")
	flags.IntVar(&f.options.Height, "height", 0, "height of the pictures; 0 means the encoder's own, where its file fixes it")
	flags.IntVar(&f.options.Width, "width", 0, "width of the pictures; 0 means the encoder's own")
	flags.IntVar(&f.options.Levels, "levels", 0, "number of codes, up to 65536, uint8 is written for up to 256; 0 means as many as there are scores, or 65536 where the encoder gives codes")
	flags.StringVar(&f.images, "images", "", "`FOLDER` of pictures, PNG, JPEG, GIF, BMP, WebP or TIFF; its sub-folders are classes")
	f.pictures.AddSkip(flags, "--images")
	f.pictures.AddLimit(flags)
	f.Shards.Add(flags, "encode")
	flags.StringVarP(&f.output, "output", "o", "", "`FILE` for the codes, NPY, \"-\" for standard output; with --shard, a folder")
	flags.StringVar(&f.labels, "labels", "", "`FILE` for the pictures' classes, NPY: int64 [n]; with a shard in a folder, the same folder")
	flags.StringVar(&f.runtime, "runtime", string(runtime.Auto), "`NAME` of what runs the encoder: go, ort (ONNX Runtime), or auto, the faster one that is there")
	flags.StringVar(&f.ortLib, "ort-lib", "", "`PATH` of libonnxruntime or of its folder")
	flags.IntVar(&f.threads, "threads", 0, "processors to use; 0 means all")
	_ = cmd.MarkFlagDirname("images")
	_ = cmd.MarkFlagFilename("encoder", "onnx")
	_ = cmd.RegisterFlagCompletionFunc("runtime", cobra.FixedCompletions(text(runtime.Kinds), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// span is the value of --encoder-range.
type span struct{ low, high float64 }

func (s *span) Set(text string) error {
	low, high, ok := strings.Cut(text, ":")
	var next span
	var err1, err2 error
	next.low, err1 = strconv.ParseFloat(low, 32)
	next.high, err2 = strconv.ParseFloat(high, 32)
	if !ok || err1 != nil || err2 != nil || next.low == next.high || math.IsInf(next.low-next.high, 0) || math.IsNaN(next.low-next.high) {
		return errors.New("must be A:B, two numbers, as -1:1 or 0:1")
	}
	*s = next
	return nil
}

func (s *span) String() string { return fmt.Sprintf("%v:%v", s.low, s.high) }
func (s *span) Type() string   { return "A:B" }

// check refuses whatever can be seen to be wrong before anything is read.
func (f *encodeFlags) check(cmd *cobra.Command) error {
	switch {
	case f.encoder == "":
		return cli.Usagef("--encoder is missing: name an ONNX file")
	case f.images == "":
		return cli.Usagef("--images is missing: name a folder of pictures")
	case f.output == "":
		return cli.Usagef("-o is missing: name the NPY file to write, or with --shard a folder")
	case f.options.Levels < 0 || f.options.Levels == 1 || f.options.Levels > 1<<16:
		return cli.Usagef("--levels is %d, must be from 2 to 65536, or 0", f.options.Levels)
	case f.options.Height < 0 || f.options.Width < 0:
		return cli.Usagef("--height %d, --width %d: must not be negative", f.options.Height, f.options.Width)
	case f.threads < 0:
		return cli.Usagef("--threads is %d, must not be negative", f.threads)
	case !slices.Contains(runtime.Kinds, runtime.Kind(f.runtime)):
		return cli.Usagef("--runtime is %q, must be one of %q", f.runtime, runtime.Kinds)
	case f.Pair(f.output) && f.labels != "" && filepath.Clean(f.labels) != filepath.Clean(f.output):
		return cli.Usagef("--labels %s: with a shard in a folder it is the same folder, %s", f.labels, f.output)
	}
	if err := f.pictures.Check(); err != nil {
		return err
	}
	return f.Shards.Check(cmd, f.output)
}

// apart refuses outputs that are inputs.
func (f *encodeFlags) apart(cmd *cobra.Command) error {
	outputs := []cli.File{{Flag: "--output", Path: f.output}, {Flag: "--labels", Path: f.labels}}
	if f.Pair(f.output) {
		if info, err := os.Stat(f.encoder); err == nil && !info.Mode().IsRegular() {
			return cli.Usagef("--encoder %s: a shard in a folder needs a file that can be read twice", f.encoder)
		}
		outputs = f.Files(f.output)
	}
	inputs := []cli.File{{Flag: "--images", Path: f.images}}
	for _, path := range f.read() {
		inputs = append(inputs, cli.File{Flag: "--encoder", Path: path})
	}
	if err := cli.Apart(cmd, outputs, inputs); err != nil {
		return err
	}
	return cli.Outside(cli.File{Flag: "--images", Path: f.images}, outputs)
}

// read are the encoder's files.
func (f *encodeFlags) read() []string { return append([]string{f.encoder}, f.beside...) }

func (f *encodeFlags) run(cmd *cobra.Command) (err error) {
	if err := f.check(cmd); err != nil {
		return err
	}
	f.options.Low, f.options.High = f.within.low, f.within.high
	rt, err := runtime.OpenAny(runtime.Kind(f.runtime), runtime.Config{Lib: f.ortLib})
	if err != nil {
		return err
	}
	defer rt.Close()
	model, err := onnx.ReadFile(f.encoder, rt.Limits())
	if err != nil {
		return fmt.Errorf("--encoder %s: %w", f.encoder, err)
	}
	for _, name := range model.Beside() {
		f.beside = append(f.beside, filepath.Join(filepath.Dir(f.encoder), name))
	}
	if err := f.apart(cmd); err != nil {
		return err
	}
	e, err := encoder.Open(rt, model, f.options)
	if err != nil {
		return fmt.Errorf("--encoder %s: %w", f.encoder, err)
	}
	defer e.Close()
	r := &encoding{f: f, cmd: cmd, e: e}
	if err := r.choose(); err != nil {
		return err
	}
	if err := f.Divides(len(r.files.Names)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.open(); err != nil {
		return err
	}
	if f.Pair(f.output) {
		used, _ := rt.Kind()
		skipped, err := r.shard(used)
		if err == nil && skipped {
			cli.Log(cmd)("%s: there already", f.output)
		}
		return err
	}
	return r.write()
}
