package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/dataset"
	"pixelcnn/internal/encoder"
	"pixelcnn/internal/npy"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/shard"
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
	flags.StringVar(&f.encoder, "encoder", "", "the encoder, an ONNX file")
	flags.Var(&f.within, "encoder-range", "the encoder's values of black and white, such as -1:1 or 0:1")
	flags.IntVar(&f.options.Height, "height", 0, "height of the pictures; 0 means the encoder's own, where its file fixes it")
	flags.IntVar(&f.options.Width, "width", 0, "width of the pictures; 0 means the encoder's own")
	flags.IntVar(&f.options.Levels, "levels", 0, "number of codes, up to 65536, uint8 is written for up to 256; 0 means as many as there are scores, or 65536 where the encoder gives codes")
	flags.StringVar(&f.images, "images", "", "folder of pictures, PNG, JPEG, GIF, BMP, WebP or TIFF; its sub-folders are classes")
	f.pictures.AddSkip(flags)
	f.pictures.AddLimit(flags)
	f.Shards.Add(flags, "encode")
	flags.StringVarP(&f.output, "output", "o", "", "the codes to write, an NPY file, \"-\" for standard output; with --shard, a folder")
	flags.StringVar(&f.labels, "labels", "", "file for the pictures' classes, NPY: int64 [n]; with a shard in a folder, the same folder")
	flags.StringVar(&f.runtime, "runtime", string(runtime.Auto), "what runs the encoder: go, ort (ONNX Runtime), or auto, the faster one that is there")
	flags.StringVar(&f.ortLib, "ort-lib", "", "libonnxruntime, or the folder that holds it")
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

// check finds what can be found wrong before anything is read.
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
		outputs = f.Files(f.output)
	}
	inputs := []cli.File{{Flag: "--images", Path: f.images}}
	for _, path := range f.read() {
		inputs = append(inputs, cli.File{Flag: "--encoder", Path: path})
	}
	return cli.Apart(cmd, outputs, inputs)
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
	if r.files, err = dataset.FindPictures(cmd.Context(), f.images); err != nil {
		return err
	}
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

// encoding is a run of encode.
type encoding struct {
	f       *encodeFlags
	cmd     *cobra.Command
	e       *encoder.Encoder
	files   *dataset.Pictures
	opt     dataset.PictureOptions
	workers []*encoder.Worker
}

// choose leaves out the pictures that cannot be used, where that is asked for.
func (r *encoding) choose() error {
	r.opt = dataset.PictureOptions{
		Height: r.e.Height, Width: r.e.Width, Channels: r.e.Channels, Levels: 256,
		Limits: r.f.pictures.Limits(), Opened: cli.Reads(r.cmd, "--images"),
	}
	if r.f.pictures.Skip {
		all := len(r.files.Names)
		if err := r.checkAll(func(err error) { r.f.pictures.Tell(r.cmd, err) }); err != nil {
			return err
		}
		r.f.pictures.Skipped(r.cmd, all-len(r.files.Names))
		if len(r.files.Names) == 0 {
			return &dataset.FolderError{Path: r.f.images, Problem: "no picture is left"}
		}
	}
	switch {
	case r.f.labels == "" || r.files.Classes != nil:
		return nil
	case r.files.Unlabelled != nil:
		return fmt.Errorf("--labels: %w", r.files.Unlabelled)
	}
	return fmt.Errorf("--labels: %s has no classes: put each class's pictures in a sub-folder of its own", r.f.images)
}

// checkAll finds the pictures that cannot be used, and leaves them out where there is somebody to tell.
func (r *encoding) checkAll(tell func(error)) error {
	bad, err := r.files.Check(r.cmd.Context(), r.opt)
	if err != nil {
		return err
	}
	return r.f.pictures.Explain(r.cmd, r.files.Drop(bad, tell))
}

// open makes the workers.
func (r *encoding) open() error {
	n := r.f.threads
	if n == 0 {
		n = goruntime.GOMAXPROCS(0)
	}
	for range n {
		w, err := r.e.Worker()
		if err != nil {
			return fmt.Errorf("--encoder %s: %w", r.f.encoder, err)
		}
		r.workers = append(r.workers, w)
	}
	return nil
}

func (r *encoding) close() (err error) {
	for _, w := range r.workers {
		err = errors.Join(err, w.Close())
	}
	return err
}

// atOnce is the number of batches that a worker has between two writes.
const atOnce = 4

// each reads n pictures from first on, some at a time, and calls see with their bytes [m, H, W, C] and, where
// they are encoded, their codes [m, h, w].
func (r *encoding) each(ctx context.Context, first, n int, encode bool, see func(levels, codes []uint16) error) error {
	batch := r.e.Batch
	size, area := r.e.Height*r.e.Width*r.e.Channels, npy.Elements(r.e.Shape)
	step := atOnce * batch * len(r.workers)
	levels, codes := make([]uint16, min(n, step)*size), make([]uint16, min(n, step)*area)
	for at := 0; at < n; at += step {
		m := min(step, n-at)
		g, inner := errgroup.WithContext(ctx)
		for k, w := range r.workers {
			g.Go(func() error {
				for i := k * batch; i < m; i += batch * len(r.workers) {
					end := min(i+batch, m)
					for j := i; j < end; j++ {
						one, err := dataset.ReadPicture(r.files.Path(first+at+j), r.opt)
						if err != nil {
							return &pictureError{err}
						}
						copy(levels[j*size:], one)
					}
					err := inner.Err()
					if err == nil && encode {
						err = w.Encode(inner, levels[i*size:end*size], codes[i*area:end*area])
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
		err := g.Wait()
		if bad := (*pictureError)(nil); errors.As(err, &bad) && ctx.Err() == nil {
			// All that cannot be used is said at once.
			if all := r.checkAll(nil); all != nil {
				return all
			}
			return r.f.pictures.Explain(r.cmd, bad.error)
		}
		if errors.Is(err, encoder.ErrEncoder) {
			err = fmt.Errorf("--encoder %s: %w", r.f.encoder, err)
		}
		if err == nil {
			err = see(levels[:m*size], codes[:m*area])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pictureError is that of a picture which cannot be used.
type pictureError struct{ error }

// labels are the classes of n pictures from first on.
func (r *encoding) labels(first, n int) []int64 {
	labels := make([]int64, n)
	for i, l := range r.files.Labels[first : first+n] {
		labels[i] = int64(l)
	}
	return labels
}

// write writes the codes, and the classes, as files.
func (r *encoding) write() error {
	first, n := r.f.Shard.Range(len(r.files.Names))
	t := npy.LevelType(r.e.Levels)
	codes := func() error {
		return cli.Output(r.cmd, r.f.output, func(w io.Writer) error {
			if err := npy.WriteHeader(w, t, append([]int{n}, r.e.Shape...)...); err != nil {
				return err
			}
			return r.each(r.cmd.Context(), first, n, true, func(_, codes []uint16) error {
				_, err := w.Write(npy.AppendLevels(nil, codes, t))
				return err
			})
		})
	}
	if r.f.labels == "" {
		return codes()
	}
	return cli.Output(r.cmd, r.f.labels, func(w io.Writer) error {
		if err := npy.WriteHeader(w, npy.Int64, n); err != nil {
			return err
		}
		if err := binary.Write(w, binary.LittleEndian, r.labels(first, n)); err != nil {
			return err
		}
		return codes()
	})
}

// encoded is what codes are made of, beside the encoder and the bytes of the pictures. The runtime is among it,
// since scores that are nearly equal may be ordered otherwise by another.
type encoded struct {
	Data, Pictures, EncoderRange, Runtime string
	Height, Width                         int
}

// shard writes a shard into its folder, unless it is there.
func (r *encoding) shard(used runtime.Kind) (skipped bool, err error) {
	sum, err := cli.Sum(r.f.read()...)
	if err != nil {
		return false, err
	}
	names := sha256.Sum256([]byte(strings.Join(r.files.Names, "\x00")))
	job, err := r.f.Job(r.f.output, shard.Manifest{
		Work: shard.Encode, Images: len(r.files.Names), Shape: r.e.Shape, Levels: r.e.Levels, Model: sum,
		Output: &shard.Output{Type: npy.LevelType(r.e.Levels)},
	}, encoded{r.f.images, hex.EncodeToString(names[:]), r.f.within.String(), string(used), r.e.Height, r.e.Width})
	if err != nil {
		return false, err
	}
	if r.f.labels != "" {
		job.Manifest.Labels = &shard.Output{Type: npy.Int64}
	}
	input := func(in io.Writer, levels []uint16) error {
		_, err := in.Write(npy.AppendLevels(nil, levels, npy.Uint8))
		return err
	}
	job.Make = func(ctx context.Context, first, n int, to *shard.Piece) error {
		if r.f.labels != "" {
			to.Labels = r.labels(first, n)
		}
		return r.each(ctx, first, n, true, func(levels, codes []uint16) error {
			if _, err := to.Write(npy.AppendLevels(nil, codes, job.Manifest.Output.Type)); err != nil {
				return err
			}
			return input(to.Input, levels)
		})
	}
	job.Input = func(ctx context.Context, first, n int, in io.Writer) error {
		return r.each(ctx, first, n, false, func(levels, _ []uint16) error { return input(in, levels) })
	}
	return job.Run(r.cmd.Context())
}
