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
	"pixelcnn/models"
	"pixelcnn/runtime"
	"pixelcnn/train"
)

func newCommand() *cobra.Command {
	var f trainFlags
	cmd := &cobra.Command{
		Use:   "trainer -o FILE",
		Short: "Train a PixelCNN and write it as an ONNX file",
		Long: `Train a PixelCNN and write it as one portable ONNX file. The training step is an
ONNX graph that a runtime in Go runs, or ONNX Runtime (--runtime). The data are
Fashion-MNIST or another data set in its format (--data), or a folder of pictures
(--images).

The same settings give the same file, byte for byte, on one machine, for any
number of threads, and for a run that was stopped and resumed, which goes on with
the runtime that it began with. Ctrl-C writes a checkpoint, and the model as it is
to the output, and exits with status 130.

With --validation, images are kept out of training. After each epoch the model is
evaluated on them, the weights that do best are written, and the test set is used
only once, at the end. Without it, the model is evaluated on the test set.`,
		Example: `  trainer -o pixelcnn.onnx
  trainer --epochs 30 --checkpoint run1 --metrics run1.jsonl --plot run1.png -o pixelcnn.onnx
  trainer --epochs 30 --checkpoint run1 --resume -o pixelcnn.onnx
  trainer --arch gated --classes --ema 0.999 --schedule cosine --warmup 500 --validation 5000 -o gated.onnx
  trainer --arch gated --classes --from gated.onnx --typical 0.5 --epochs 1 --lr 5e-4 -o tuned.onnx
  trainer --images pictures --size 32 --levels 8 -o pictures.onnx`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.register(cmd)
	cli.Versions(cmd, func() string { return cli.Library(f.ortLib) })
	cmd.AddCommand(newEncode(), newFetch(), cli.Man())
	return cmd
}

// load reads the data. No file of theirs may be one that the run writes.
func (f *trainFlags) load(cmd *cobra.Command) (set *dataset.Set, err error) {
	opt := dataset.Options{
		Size: f.model.Size, Levels: f.model.Levels, Resize: f.resize, Validation: f.validation, Limits: f.pictures.Limits(), Opened: cli.Reads(cmd, "--data"),
	}
	if f.images == "" {
		set, err = dataset.Load(cmd.Context(), f.data, opt)
	} else {
		opt.Opened = cli.Reads(cmd, "--images")
		skipped := 0
		if f.pictures.Skip {
			opt.Skip = func(err error) { f.pictures.Tell(cmd, err); skipped++ }
		}
		set, err = dataset.LoadImages(cmd.Context(), f.images, opt)
		f.pictures.Skipped(cmd, skipped)
	}
	if err != nil {
		return nil, f.pictures.Explain(cmd, err)
	}
	if set.Unlabelled != nil && !f.classes {
		cli.Log(cmd)("%s: no classes: %v", set.Name, set.Unlabelled)
	}
	return set, cli.Apart(cmd, f.outputs(), nil)
}

// openRuntime opens the runtime that trains. A resumed run keeps its runtime; if --runtime names
// another one, that is an error.
func (f *trainFlags) openRuntime() (*runtime.Any, error) {
	kind := runtime.Kind(f.runtime)
	if f.train.Resume && kind == runtime.Auto {
		if name, err := train.RuntimeOf(f.train.Checkpoint); err == nil { // otherwise train.New reports it
			kind = runtime.Kind(name)
		}
	}
	return runtime.OpenAny(kind, runtime.Config{Lib: f.ortLib})
}

func (f *trainFlags) run(cmd *cobra.Command) (err error) {
	ctx := cmd.Context()
	m, err := f.check(cmd)
	if err != nil {
		return err
	}
	if f.seed.Random {
		cli.Log(cmd)("--seed %d", f.train.Seed)
	}
	rt, err := f.openRuntime()
	if err != nil {
		return err
	}
	defer rt.Close()
	set, err := f.load(cmd)
	if err != nil {
		return err
	}
	meta := export.Meta{
		Dataset: set.Name, DatasetSHA256: set.SHA256, Preprocess: set.Preprocess, Classes: set.ClassNames,
		Command: f.command(cmd, rt), Seed: f.train.Seed,
	}
	if f.classes {
		if f.model.Classes = len(set.ClassNames); f.model.Classes == 0 {
			if set.Unlabelled != nil {
				return fmt.Errorf("--classes: %w", set.Unlabelled)
			}
			return fmt.Errorf("--classes: %s has no classes: put each class's pictures in a sub-folder of its own", set.Dir)
		}
		if m, err = models.New(f.model); err != nil {
			return err
		}
		if meta.ClassPrior, err = set.Train.ClassShares(f.model.Classes); err != nil {
			return err
		}
	}
	if err := f.start(ctx, cmd.ErrOrStderr(), rt, m, set, &meta); err != nil {
		return err
	}
	var report *report
	if f.validation > 0 {
		f.train.Validation = &set.Validation
		f.train.OnValidation = func(v train.Validation) error { return report.validation(v) }
	}
	if f.profile {
		dir, err := os.MkdirTemp("", "pixelcnn-profile-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		f.train.Profile = filepath.Join(dir, "step")
	}
	t, err := train.New(rt, m, &set.Train, f.train)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, t.Close())
		if err == nil && f.profile {
			err = writeProfile(cmd.ErrOrStderr(), f.train.Profile)
		}
	}()
	if report, err = newReport(cmd, f, set, t.Steps()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, report.close()) }()
	report.begin(m, t)

	cli.Finishes(ctx) // a checkpoint, and the model as it is then
	nll, err := f.epochs(ctx, t, set, report)
	interrupted := ctx.Err() != nil && errors.Is(err, context.Canceled)
	if err != nil && !interrupted {
		return err
	}
	m.Weights = t.Weights()
	meta.Epochs, meta.NatsPerDim = meta.Epochs+int(report.epochs(written(t))), nll
	if e := f.write(cmd, rt, m, meta); e != nil {
		return errors.Join(err, e)
	}
	report.written(f.output)
	return err
}

// epochs trains to the end and returns the test set's NLL in nats/dim under the weights
// that are to be written, 0 where that is not known.
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
		return report.evaluation(written(t), "test", l)
	}
	err = t.Run(ctx, func(s train.Step) error {
		if err := report.step(s); err != nil {
			return err
		}
		if s.EpochDone && f.validation == 0 {
			return evaluate()
		}
		return nil
	})
	if err == nil {
		err = evaluate()
	}
	if evaluated != t.Steps() {
		nll = 0
	}
	return nll, err
}

// written is the step whose weights are written.
func written(t *train.Trainer) int {
	if best, ok := t.Best(); ok {
		return best.Step
	}
	return t.Steps()
}

// writeProfile prints the profile that the runtime has written on closing.
func writeProfile(w io.Writer, prefix string) error {
	p, err := train.ReadProfile(prefix)
	if err != nil {
		return err
	}
	return p.WriteTable(w)
}
