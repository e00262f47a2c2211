package train

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"pixelcnn/internal/atomicfile"
	"pixelcnn/models"
)

var (
	// ErrNoCheckpoint is wrapped by the error of a resume from a folder that holds none.
	ErrNoCheckpoint = errors.New("train: no checkpoint")
	// ErrCheckpointExists is wrapped by the error of a start, without resume, in a
	// folder that holds another run's checkpoints.
	ErrCheckpointExists = errors.New("train: there are checkpoints already")
	// ErrCheckpointFormat is wrapped by errors about a file that is no checkpoint or is damaged.
	ErrCheckpointFormat = errors.New("train: not a whole checkpoint")
)

// MismatchError tells that a checkpoint was made with another setting.
type MismatchError struct {
	File      string
	Setting   string // "batch", "seed", …
	Have, Got string // the checkpoint's and this run's
}

func (e *MismatchError) Error() string {
	if e.Setting == trainingData || e.Setting == validationData {
		return fmt.Sprintf("train: checkpoint %s was made with other %s (SHA-256 %.12s, now %.12s): the pictures, or which of them are left out or validated on, have changed; give the same, or use another folder",
			e.File, e.Setting, e.Have, e.Got)
	}
	return fmt.Sprintf("train: checkpoint %s was made with %s %s, not %s: resume with the same setting, or use another folder",
		e.File, e.Setting, e.Have, e.Got)
}

// Settings of a MismatchError that are checksums of levels.
const (
	trainingData   = "training data"
	validationData = "validation data"
)

// A checkpoint file is magic, the length of the header as a little-endian uint32, the
// header in JSON, vectors of little-endian float32, and the SHA-256 of all that. The
// vectors are the packed parameters, both moments, where it is on the moving average,
// and where there have been validations the best parameters.
const magic = "pixelcnn checkpoint 1\n"

// header is what a checkpoint says about its run: what must be the same to go on, and
// where it was.
type header struct {
	Model        models.Config
	Batch        int
	LearningRate float64
	Schedule     Schedule
	Init         Init
	Steps        int // of the whole run, where the schedule depends on it
	Seed         uint64
	Data         string  // SHA-256 of the training images' levels, in hex
	Warmup       int     `json:",omitzero"`
	WeightDecay  float64 `json:",omitzero"`
	ClipNorm     float64 `json:",omitzero"`
	EMA          float64 `json:",omitzero"`
	Flip         bool    `json:",omitzero"`
	Validation   string  `json:",omitzero"` // as Data, of the validation images; empty for none
	Start        string  `json:",omitzero"` // SHA-256 of the weights that it began with, in hex; empty for drawn ones
	Runtime      string  `json:",omitzero"` // name of what runs the steps; empty for ONNX Runtime

	Step      int
	EpochNLL  float64    // of the current epoch's steps, in nats
	Elements  int        // of each vector
	Validated int        `json:",omitzero"` // step of the latest validation
	Stale     int        `json:",omitzero"` // validations since the best
	Best      Validation `json:",omitzero"`
}

// vectors is the number of vectors that follow the header.
func (h header) vectors() int {
	n := 3
	if h.EMA > 0 {
		n++
	}
	if h.Best.Step > 0 {
		n++
	}
	return n
}

func (t *Trainer) header() header {
	h := header{
		Model: t.model.Config, Batch: t.cfg.Batch, LearningRate: t.cfg.LearningRate, Schedule: t.cfg.Schedule, Init: t.cfg.Init, Seed: t.cfg.Seed, Data: t.digest,
		Warmup: t.cfg.Warmup, WeightDecay: t.cfg.WeightDecay, ClipNorm: t.cfg.ClipNorm, EMA: t.cfg.EMA, Flip: t.cfg.Flip,
		Start: t.start, Runtime: t.runtime,
		Step: t.step, EpochNLL: t.epochNLL, Elements: t.engine.packing.len,
		Validated: t.validated, Stale: t.stale, Best: t.best,
	}
	if t.cfg.Validation != nil {
		h.Validation = digest(t.model, t.cfg.Validation)
	}
	if h.Schedule != Constant {
		h.Steps = t.last()
	}
	return h
}

// settings lists what has to agree between a checkpoint and the run that goes on from it.
func (h header) settings() [][2]string {
	p := func(name string, v any) [2]string { return [2]string{name, fmt.Sprint(v)} }
	validation, start := cmp.Or(h.Validation, "none"), cmp.Or(h.Start, "drawn by the seed")
	runtime := cmp.Or(h.Runtime, "ort")
	return [][2]string{
		p("arch", h.Model.Arch), p("hidden", h.Model.Hidden), p("blocks", h.Model.Blocks), p("kernel", h.Model.Kernel),
		p("size", h.Model.Size), p("levels", h.Model.Levels),
		p("classes", h.Model.Classes), p("input", h.Model.Input), p("input scale", h.Model.InputScale), p("model", h.Model),
		p("batch", h.Batch), p("learning rate", h.LearningRate), p("schedule", h.Schedule), p("steps", h.Steps), p("seed", h.Seed), p("init", h.Init),
		p("warm-up", h.Warmup), p("weight decay", h.WeightDecay), p("clip norm", h.ClipNorm), p("EMA", h.EMA), p("flip", h.Flip),
		p("initial weights", start), p(validationData, validation), p(trainingData, h.Data),
		p("parameters", h.Elements), p("runtime", runtime),
	}
}

// A store is a folder of checkpoints.
type store struct {
	dir    string
	last   string // the latest good file; empty for none
	before string // the one before that
}

const (
	filePrefix = "step-"
	fileSuffix = ".checkpoint"
)

func (s *store) path(step int) string {
	return filepath.Join(s.dir, fmt.Sprintf("%s%09d%s", filePrefix, step, fileSuffix))
}

// Checkpoints lists the files of a folder that have the names of checkpoints, latest first. The
// error is an [*fs.PathError].
func Checkpoints(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	steps := map[string]int{}
	var files []string
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), filePrefix)
		number, ok2 := strings.CutSuffix(number, fileSuffix)
		if step, err := strconv.Atoi(number); ok && ok2 && err == nil {
			path := filepath.Join(dir, e.Name())
			steps[path] = step
			files = append(files, path)
		}
	}
	slices.SortFunc(files, func(a, b string) int { return steps[b] - steps[a] })
	return files, nil
}

// write stores a checkpoint and removes all but it and the one before.
func (s *store) write(h header, vectors ...[]float32) error {
	meta, err := json.Marshal(h)
	if err != nil {
		return err
	}
	path := s.path(h.Step)
	err = atomicfile.Write(path, func(w io.Writer) error {
		sum := sha256.New()
		out := io.MultiWriter(w, sum)
		b := binary.LittleEndian.AppendUint32([]byte(magic), uint32(len(meta)))
		b = append(b, meta...)
		for _, v := range vectors {
			for _, x := range v {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
			}
		}
		if _, err := out.Write(b); err != nil {
			return err
		}
		_, err := w.Write(sum.Sum(nil))
		return err
	})
	if err != nil {
		return err
	}
	if path != s.last { // not the same step again
		s.last, s.before = path, s.last
	}
	files, err := Checkpoints(s.dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f != s.last && f != s.before {
			if err := os.Remove(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// openStore makes or opens the checkpoint folder and, to resume, goes to the latest
// checkpoint that is whole.
func (t *Trainer) openStore() error {
	t.store = &store{dir: t.cfg.Checkpoint}
	if !t.cfg.Resume {
		if err := os.MkdirAll(t.store.dir, 0o777); err != nil {
			return fmt.Errorf("train: checkpoint folder: %w", err)
		}
	}
	files, err := Checkpoints(t.store.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is no folder %s", ErrNoCheckpoint, t.store.dir)
	}
	if err != nil {
		return fmt.Errorf("train: checkpoint folder: %w", err)
	}
	if !t.cfg.Resume {
		if len(files) > 0 {
			return fmt.Errorf("%w: %s: resume, or use another folder", ErrCheckpointExists, files[0])
		}
		return nil
	}
	if len(files) == 0 {
		return fmt.Errorf("%w in %s to resume from", ErrNoCheckpoint, t.store.dir)
	}
	var damaged error
	for _, path := range files {
		h, vectors, err := read(path, t.engine.packing.len)
		switch {
		case err == nil:
			return t.resume(path, h, vectors)
		case damaged == nil:
			damaged = err
		default:
			damaged = fmt.Errorf("%w; %w", damaged, err)
		}
	}
	return damaged
}

// resume takes over a checkpoint's state.
func (t *Trainer) resume(path string, h header, vectors [][]float32) error {
	if m, err := models.New(h.Model); err == nil {
		h.Model = m.Config // with the defaults of settings that the file is older than
	}
	if h.Init == "" {
		h.Init = FanIn // likewise
	}
	have, got := h.settings(), t.header().settings()
	for i := range have {
		if have[i] != got[i] {
			return &MismatchError{File: path, Setting: have[i][0], Have: have[i][1], Got: got[i][1]}
		}
	}
	t.engine.restore(vectors[0], vectors[1], vectors[2])
	vectors = vectors[3:]
	if h.EMA > 0 {
		copy(t.engine.average, vectors[0])
		vectors = vectors[1:]
	}
	if h.Best.Step > 0 {
		t.bestParams = vectors[0]
	}
	t.step, t.epochNLL = h.Step, h.EpochNLL
	t.validated, t.stale, t.best = h.Validated, h.Stale, h.Best
	t.store.last, t.savedStep, t.savedAt = path, h.Step, time.Now()
	return nil
}

// save writes a checkpoint, unless there is one of this step or checkpoints are not
// wanted. Weights that are not finite are a [*DivergedError] and are not saved.
func (t *Trainer) save() error {
	e := t.engine
	for _, x := range e.params {
		if !finite(float64(x)) {
			return &DivergedError{Step: t.step, Loss: math.NaN()}
		}
	}
	if t.store == nil || t.savedStep == t.step {
		return nil
	}
	vectors := [][]float32{e.params, e.moment1, e.moment2}
	if e.average != nil {
		vectors = append(vectors, e.average)
	}
	if t.best.Step > 0 {
		vectors = append(vectors, t.bestParams)
	}
	if err := t.store.write(t.header(), vectors...); err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	t.savedStep, t.savedAt = t.step, time.Now()
	return nil
}
