package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/dataset"
	"pixelcnn/internal/atomicfile"
	"pixelcnn/models"
	"pixelcnn/runtime"
	"pixelcnn/train"
)

// trainFlags are the root command's.
type trainFlags struct {
	data, images string
	pictures     cli.Pictures
	preset       string
	from         string
	typical      float64
	model        models.Config
	classes      bool
	resize       dataset.Resize
	train        train.Config
	validation   int
	seed         cli.Seed
	metrics      string
	plot         string
	profile      bool
	runtime      string
	ortLib       string
	noVerify     bool
	output       string
}

func (f *trainFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.data, "data", "", "`FOLDER` with a data set's four IDX files (default: Fashion-MNIST, where it is found)")
	flags.StringVar(&f.images, "images", "", "`FOLDER` of pictures to learn instead, PNG, JPEG, GIF, BMP, WebP or TIFF; its sub-folders are classes")
	f.pictures.AddSkip(flags, "--images")
	f.pictures.AddLimit(flags)
	flags.StringVar(&f.preset, "preset", "", "`NAME` of settings to start from; other flags override it: "+presetList())
	flags.StringVar(&f.model.Arch, "arch", "pixelcnn", "`NAME` of the architecture: pixelcnn or gated")
	flags.IntVar(&f.model.Hidden, "hidden", 64, "channels of the residual stream")
	flags.IntVar(&f.model.Blocks, "blocks", 5, "residual blocks")
	flags.IntVar(&f.model.Kernel, "kernel", 7, "kernel size of the first layer")
	flags.IntVar(&f.model.Size, "size", 16, "height and width to which the pictures are resized")
	flags.IntVar(&f.model.Levels, "levels", 4, "grey levels")
	flags.StringVar((*string)(&f.resize), "resize", string(dataset.Antialias), "`FILTER` to resize with: antialias, or bilinear-noantialias, as tf.image.resize does it")
	flags.StringVar(&f.model.Input, "input", models.Level, "`WHAT` the first layer sees of a pixel: level, or onehot, a channel per level")
	flags.Float64Var(&f.model.InputScale, "input-scale", 0, "what a level is multiplied by for the first layer in training (default 1/(levels-1)); the file's input is in [0,1] whatever it is")
	flags.BoolVar(&f.classes, "classes", false, "learn the data set's classes too, so that samples of one can be asked for")
	flags.IntVar(&f.train.Epochs, "epochs", 10, "passes over the data")
	flags.IntVar(&f.train.Steps, "steps", 0, "stop after that many steps, whatever the epochs; 0 means no such limit")
	flags.IntVar(&f.train.Batch, "batch", 128, "images a step")
	flags.Float64Var(&f.train.LearningRate, "lr", 1e-3, "learning rate of Adam")
	flags.StringVar((*string)(&f.train.Schedule), "schedule", string(train.Constant), "`COURSE` of the learning rate: constant, or cosine, which falls to 0")
	flags.StringVar((*string)(&f.train.Init), "init", string(train.FanIn), "`RANGE` of the initial weights: fan-in, PyTorch's, or glorot, Keras'")
	flags.StringVar(&f.from, "from", "", "`FILE` with a model of this trainer to start from, in place of drawn weights; its architecture and sizes must be these")
	flags.Float64Var(&f.typical, "typical", 0, "leave out the training images of whose class --from is less sure than that, such as 0.5; 0 means none")
	flags.IntVar(&f.train.Warmup, "warmup", 0, "steps over which the learning rate rises from 0, before its schedule")
	flags.Float64Var(&f.train.WeightDecay, "weight-decay", 0, "weight decay (AdamW), times the learning rate, of weights but not of biases and class embeddings; 0 means none")
	flags.Float64Var(&f.train.ClipNorm, "clip-norm", 0, "greatest norm of the gradient, a longer one is scaled down to it; 0 means any")
	flags.Float64Var(&f.train.EMA, "ema", 0, "decay of a moving average of the weights, which is tried and written in their place, such as 0.999; 0 means none")
	flags.BoolVar(&f.train.Flip, "flip", false, "mirror images left to right at random")
	flags.IntVar(&f.validation, "validation", 0, "training images to hold out, on which the weights to be written are chosen")
	flags.IntVar(&f.train.Patience, "patience", 0, "stop after that many epochs that are no better on the validation images; 0 means never")
	f.train.Seed, f.seed.To = 1, &f.train.Seed
	flags.Var(&f.seed, "seed", "seed of the first weights, of the images' order and of flips. random draws one and prints it")
	flags.IntVar(&f.train.Threads, "threads", 0, "processors to use; 0 means all")
	flags.StringVar(&f.train.Checkpoint, "checkpoint", "", "`FOLDER` for checkpoints")
	flags.BoolVar(&f.train.Resume, "resume", false, "go on from the latest checkpoint")
	flags.StringVar(&f.metrics, "metrics", "", "`FILE` for a JSON object a line: each step, each epoch's mean and each evaluation")
	flags.StringVar(&f.plot, "plot", "", "`FILE` for a picture of the loss curve, a PNG")
	flags.BoolVar(&f.profile, "profile", false, "print how long each operator of the training step took")
	flags.StringVar(&f.runtime, "runtime", string(runtime.Auto), "`NAME` of what runs the training: go, ort (ONNX Runtime), or auto, the faster one that is there; a resumed run goes on with its own")
	flags.StringVar(&f.ortLib, "ort-lib", "", "`PATH` of libonnxruntime or of its folder")
	flags.BoolVar(&f.noVerify, "no-verify", false, "write the model without having a second, independent reader of ONNX evaluate it and compare")
	flags.StringVarP(&f.output, "output", "o", "", "`FILE` for the model, ONNX")
	for _, name := range []string{"data", "images", "checkpoint"} {
		_ = cmd.MarkFlagDirname(name)
	}
	for name, values := range map[string][]string{
		"preset": presetNames(), "arch": models.Architectures, "input": models.Inputs,
		"runtime": text(runtime.Kinds), "resize": text(dataset.Resizes), "schedule": text(train.Schedules), "init": text(train.Inits),
	} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
}

func text[S ~string](names []S) (out []string) {
	for _, s := range names {
		out = append(out, string(s))
	}
	return out
}

// check refuses whatever can be seen to be wrong before the data are read.
func (f *trainFlags) check(cmd *cobra.Command) (*models.Model, error) {
	if f.from != "" && cmd.Flag("init").Changed {
		return nil, cli.Usagef("--from and --init exclude each other")
	}
	if err := f.apply(cmd); err != nil {
		return nil, err
	}
	var zero string
	for _, name := range []string{"hidden", "blocks", "kernel", "size", "levels", "input-scale", "epochs", "batch", "lr"} {
		if flag := cmd.Flag(name); flag.Changed && flag.Value.String() == "0" { // for the libraries 0 means the default
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
	case f.images == "" && f.pictures.Skip:
		return nil, cli.Usagef("--skip-bad needs --images")
	case !slices.Contains(runtime.Kinds, runtime.Kind(f.runtime)):
		return nil, cli.Usagef("--runtime is %q, must be one of %q", f.runtime, runtime.Kinds)
	case !slices.Contains(dataset.Resizes, f.resize):
		return nil, cli.Usagef("--resize is %q, must be one of %q", f.resize, dataset.Resizes)
	case !(f.typical >= 0 && f.typical < 1):
		return nil, cli.Usagef("--typical is %v, must be 0 or more and less than 1", f.typical)
	case f.typical > 0 && (f.from == "" || !f.classes):
		return nil, cli.Usagef("--typical needs --from, the model that tells, and --classes")
	case f.seed.Random && f.train.Resume:
		return nil, cli.Usagef("--seed random: a run that is resumed goes on with its own seed: name it")
	case f.validation < 0:
		return nil, cli.Usagef("--validation is %d, must be 0 or more", f.validation)
	case f.train.Patience > 0 && f.validation == 0:
		return nil, cli.Usagef("--patience needs --validation, the images on which it judges")
	}
	if err := f.pictures.Check(); err != nil {
		return nil, err
	}
	m, err := models.New(f.model)
	if err != nil {
		return nil, err
	}
	inputs := []cli.File{{Flag: "--from", Path: f.from}, {Flag: "--data", Path: f.data}, {Flag: "--images", Path: f.images}}
	if err := cli.Apart(cmd, f.outputs(), inputs); err != nil {
		return nil, err
	}
	if cli.NewIn(f.images, f.train.Checkpoint) {
		return nil, cli.Usagef("--checkpoint %s would be taken for a class of --images, %s: name a folder elsewhere", f.train.Checkpoint, f.images)
	}
	if err := cli.Outside(cli.File{Flag: "--images", Path: f.images}, f.outputs()); err != nil {
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

// outputs are the files that the run writes, and those that are named like its checkpoints.
func (f *trainFlags) outputs() []cli.File {
	out := []cli.File{
		{Flag: "--output", Path: f.output},
		{Flag: "--plot", Path: f.plot},
		{Flag: "--metrics", Path: f.metrics},
		{Flag: "--checkpoint", Path: f.train.Checkpoint},
	}
	files, _ := train.Checkpoints(f.train.Checkpoint) // train.New will refuse a folder that cannot be read
	for _, path := range files {
		out = append(out, cli.File{Flag: "--checkpoint", Path: path})
	}
	return out
}

// inCommand are the flags, in order, of the command in a model's metadata.
var inCommand = []string{
	"data", "images", "skip-bad", "max-pixels",
	"arch", "hidden", "blocks", "kernel", "size", "levels", "resize", "input", "input-scale", "classes",
	"epochs", "steps", "batch", "lr", "schedule", "init", "from", "typical", "warmup", "weight-decay", "clip-norm", "ema", "flip",
	"validation", "patience", "seed", "runtime",
}

// leftOut are the flags that are not in the command in a model's metadata, since they do not change
// what is trained: where files are written, what is reported, how it is run. A preset is written
// out.
var leftOut = []string{
	"preset", "threads", "checkpoint", "resume", "metrics", "plot", "profile", "ort-lib", "no-verify", "output", "help", "version",
}

// command is the training command, with all flags that change the result. Files and folders are
// named without their place. The runtime is named unless it is ONNX Runtime, which ran all
// trainings before there was a choice.
func (f *trainFlags) command(cmd *cobra.Command, rt *runtime.Any) string {
	s := "trainer"
	for _, name := range inCommand {
		flag := cmd.Flag(name)
		value := flag.Value.String()
		switch name {
		case "runtime":
			if kind, _ := rt.Kind(); kind != runtime.ORT {
				s += fmt.Sprintf(" --runtime %s", kind)
			}
			continue
		case "data", "images", "from":
			if value != "" {
				if abs, err := filepath.Abs(value); err == nil {
					value = abs // a folder is not called "."
				}
				value = filepath.Base(value)
			}
		}
		switch {
		case flag.Value.Type() == "bool":
			if value == "true" {
				s += " --" + name
			}
		case flag.Changed || name == "epochs" || name == "seed":
			s += fmt.Sprintf(" --%s %s", name, word(value))
		}
	}
	return s
}

// word is a word of a command line, quoted where a shell would split or change it.
func word(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.,:/+@%", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
