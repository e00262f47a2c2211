package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/dataset"
	"pixelcnn/export"
	"pixelcnn/internal/atomicfile"
	"pixelcnn/models"
	"pixelcnn/runtime"
	"pixelcnn/train"
)

// trainFlags are the root command's.
type trainFlags struct {
	data, images string
	model        models.Config
	train        train.Config
	metrics      string
	plot         string
	profile      bool
	ortLib       string
	output       string
}

func newCommand() *cobra.Command {
	var f trainFlags
	cmd := &cobra.Command{
		Use:   "trainer -o FILE",
		Short: "Train a PixelCNN and write it as an ONNX file",
		Long: `Train a PixelCNN and write it as one portable ONNX file. ONNX Runtime runs the
training step. The data are Fashion-MNIST or another data set in its format
(--data), or a folder of PNG and JPEG pictures (--images).

The same settings give the same file, byte for byte, on one machine, for any
number of threads, and for a run that was stopped and resumed. Ctrl-C writes a
checkpoint, and the model as it is to the output, and exits with status 130.`,
		Example: `  trainer -o pixelcnn.onnx
  trainer --epochs 30 --checkpoint run1 --metrics run1.jsonl --plot run1.png -o pixelcnn.onnx
  trainer --epochs 30 --checkpoint run1 --resume -o pixelcnn.onnx
  trainer --images pictures --size 32 --levels 8 -o pictures.onnx`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.data, "data", "", "folder with a data set's four IDX files (default: Fashion-MNIST, where it is found)")
	flags.StringVar(&f.images, "images", "", "folder of PNG and JPEG pictures to learn instead; its sub-folders are classes")
	flags.StringVar(&f.model.Arch, "arch", "pixelcnn", "architecture")
	flags.IntVar(&f.model.Hidden, "hidden", 64, "channels of the residual stream")
	flags.IntVar(&f.model.Blocks, "blocks", 5, "residual blocks")
	flags.IntVar(&f.model.Kernel, "kernel", 7, "kernel size of the first layer")
	flags.IntVar(&f.model.Size, "size", 16, "height and width to which the pictures are resized")
	flags.IntVar(&f.model.Levels, "levels", 4, "grey levels")
	flags.IntVar(&f.train.Epochs, "epochs", 10, "passes over the data")
	flags.IntVar(&f.train.Steps, "steps", 0, "stop after that many steps, whatever the epochs; 0 means no such limit")
	flags.IntVar(&f.train.Batch, "batch", 128, "images a step")
	flags.Float64Var(&f.train.LearningRate, "lr", 1e-3, "learning rate of Adam")
	flags.StringVar((*string)(&f.train.Schedule), "schedule", string(train.Constant), "course of the learning rate: constant, or cosine, which falls to 0")
	flags.Uint64Var(&f.train.Seed, "seed", 1, "seed of the first weights and of the images' order")
	flags.IntVar(&f.train.Threads, "threads", 0, "processors to use; 0 means all")
	flags.StringVar(&f.train.Checkpoint, "checkpoint", "", "folder for checkpoints")
	flags.BoolVar(&f.train.Resume, "resume", false, "go on from the latest checkpoint")
	flags.StringVar(&f.metrics, "metrics", "", "file for a JSON object a line: each step and each evaluation")
	flags.StringVar(&f.plot, "plot", "", "file for a picture of the loss curve, a PNG")
	flags.BoolVar(&f.profile, "profile", false, "print how long each operator of the training step took")
	flags.StringVar(&f.ortLib, "ort-lib", "", "libonnxruntime, or the folder that holds it")
	flags.StringVarP(&f.output, "output", "o", "", "the model to write, an ONNX file")
	_ = cmd.MarkFlagDirname("data")
	_ = cmd.MarkFlagDirname("images")
	_ = cmd.MarkFlagDirname("checkpoint")
	_ = cmd.RegisterFlagCompletionFunc("arch", cobra.FixedCompletions(models.Architectures, cobra.ShellCompDirectiveNoFileComp))
	cli.Versions(cmd, func() string { return cli.Library(f.ortLib) })
	cmd.AddCommand(newFetch())
	return cmd
}

// check finds what can be found wrong before the data are read.
func (f *trainFlags) check(cmd *cobra.Command) (*models.Model, error) {
	var zero string
	for _, name := range []string{"hidden", "blocks", "kernel", "size", "levels", "epochs", "batch", "lr"} {
		if flag := cmd.Flag(name); flag.Value.String() == "0" { // the libraries' sign for a default
			zero = name
		}
	}
	switch {
	case zero != "":
		return nil, cli.Usagef("--%s is 0, must be positive", zero)
	case f.output == "":
		return nil, cli.Usagef("-o is missing: name the ONNX file to write")
	case f.data != "" && f.images != "":
		return nil, cli.Usagef("--data and --images exclude each other")
	}
	m, err := models.New(f.model)
	if err != nil {
		return nil, err
	}
	for _, path := range []string{f.output, f.plot, f.metrics} {
		if path == "" || path == "-" {
			continue
		}
		if err := atomicfile.Check(path); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (f *trainFlags) load(ctx context.Context) (*dataset.Set, error) {
	opt := dataset.Options{Size: f.model.Size, Levels: f.model.Levels}
	if f.images != "" {
		return dataset.LoadImages(ctx, f.images, opt)
	}
	return dataset.Load(ctx, f.data, opt)
}

func (f *trainFlags) run(cmd *cobra.Command) (err error) {
	ctx := cmd.Context()
	m, err := f.check(cmd)
	if err != nil {
		return err
	}
	env, err := runtime.Open(runtime.Config{Lib: f.ortLib})
	if err != nil {
		return err
	}
	defer env.Close()
	set, err := f.load(ctx)
	if err != nil {
		return err
	}
	if f.profile {
		dir, err := os.MkdirTemp("", "pixelcnn-profile-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		f.train.Profile = filepath.Join(dir, "step")
	}
	t, err := train.New(env, m, &set.Train, f.train)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, t.Close())
		if err == nil && f.profile {
			err = writeProfile(cmd.ErrOrStderr(), f.train.Profile)
		}
	}()
	report, err := newReport(cmd, f, set)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, report.close()) }()
	report.begin(m, t)

	nll, err := f.epochs(ctx, t, set, report)
	interrupted := ctx.Err() != nil && errors.Is(err, context.Canceled)
	if err != nil && !interrupted {
		return err
	}
	m.Weights = t.Weights()
	meta := export.Meta{
		Dataset: set.Name, DatasetSHA256: set.SHA256, Preprocess: set.Preprocess, Classes: set.ClassNames,
		Command: f.command(cmd), Seed: f.train.Seed, Epochs: report.epochs(t), NatsPerDim: nll,
	}
	if e := cli.Output(cmd, f.output, func(w io.Writer) error { return export.Write(w, m, meta) }); e != nil {
		return errors.Join(err, e)
	}
	report.written(f.output)
	return err
}

// epochs trains to the end and returns the test set's NLL in nats/dim, 0 where it
// was not reached.
func (f *trainFlags) epochs(ctx context.Context, t *train.Trainer, set *dataset.Set, report *report) (nll float64, err error) {
	evaluated := -1
	evaluate := func() error {
		if set.Test.N() == 0 || evaluated == t.Steps() {
			return nil
		}
		l, err := t.Evaluate(ctx, &set.Test)
		if err != nil {
			return err
		}
		evaluated, nll = t.Steps(), l.NatsPerDim
		return report.evaluation(t, "test", l)
	}
	err = t.Run(ctx, func(s train.Step) error {
		if err := report.step(s); err != nil {
			return err
		}
		if s.EpochDone {
			return evaluate()
		}
		return nil
	})
	if err == nil {
		err = evaluate()
	}
	return nll, err
}

// writeProfile prints the profile that the runtime has written on closing.
func writeProfile(w io.Writer, prefix string) error {
	p, err := train.ReadProfile(prefix)
	if err != nil {
		return err
	}
	return p.WriteTable(w)
}

// command is the training command without what does not matter to the result:
// where files are, threads, checkpoints.
func (f *trainFlags) command(cmd *cobra.Command) string {
	s := "trainer"
	for _, name := range []string{"arch", "hidden", "blocks", "kernel", "size", "levels", "epochs", "steps", "batch", "lr", "schedule", "seed"} {
		if flag := cmd.Flag(name); flag.Changed || name == "epochs" || name == "seed" {
			s += fmt.Sprintf(" --%s %s", name, flag.Value)
		}
	}
	return s
}
