package sampler

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"

	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature"
	"pixelcnn/internal/signature/encoding"
	"pixelcnn/sampler/internal/draw"
	"pixelcnn/sampler/internal/engine"
)

var (
	// ErrConfig is wrapped by every error about a setting, of a [Config] or a [Request].
	ErrConfig = signature.ErrConfig
	// ErrModel is wrapped by every error about a file that is no model to draw from.
	ErrModel = signature.ErrModel
	// ErrLogits is wrapped where a model gives outputs from which nothing can be drawn:
	// a NaN, an infinity, or no level with a probability over zero.
	ErrLogits = draw.ErrLogits
	// ErrClosed is wrapped by the error of any use of a [Sampler] after its Close.
	ErrClosed = onnx.ErrClosed
)

// Layout is the order of a tensor's dimensions; see [Config].
type Layout = signature.Layout

// Tensor is a dense array, row-major, that a model is given.
type Tensor = onnx.Tensor

// Engine chooses how pixels are computed. All engines draw the same images.
type Engine = engine.Name

const (
	Auto = engine.Auto // the fastest that the model allows
	// Incremental compiles the model, computes each activation once, and many pixels
	// of an image at once; see docs/sampling.md. Not every graph allows it.
	Incremental = engine.NameIncremental
	Full        = engine.NameFull // the whole network once per pixel
	// OneFile is the engine of a file that holds a one-file sampler; see [Model.OneFile]. It
	// cannot be asked for.
	OneFile = engine.NameOneFile
)

// Config says how a model is read and opened: all that is decided once, before anything is
// asked for. What to draw is in a [Request]. The zero value opens the model as it is.
type Config struct {
	// Height and Width are those of the images where not 0; they need not be what the
	// model was trained on. Not every model can draw in another size.
	Height, Width int
	// Channels, Levels and Head are the pictures' and the likelihood's, for files from elsewhere
	// that leave them open: "categorical", "bernoulli" or "logistic-mixture".
	Channels, Levels int
	Head             string
	// Input and Output name the picture's input and the output to draw from, where there are
	// several.
	Input, Output string
	// InputLayout and OutputLayout are the orders of dimensions, where they cannot be told by
	// trial: a letter for each dimension, N images, C channels, H rows, W columns, L levels, K
	// outputs of a pixel, those of one dimension in parentheses: "NCHW", "N(HW)L".
	InputLayout, OutputLayout Layout
	// Label names the input for the class.
	Label string
	// StartToken are the integers before the symbols of a network that is given all symbols but
	// the last, and says at each place what comes next.
	StartToken []int64
	// Conditions are the shapes of further inputs, by name, with the images or without, where the
	// file leaves them open or where an input would be taken for something else. An empty name
	// stands for the only one.
	Conditions map[string][]int
	// PixelScale and PixelOffset turn a level into the model's input:
	// level·scale + offset. A scale of 0 means 1/(levels-1), the scale of this
	// project's own files.
	PixelScale, PixelOffset float64
	// PixelRange are the input's values for the first and the last level, in place of both,
	// where they are not 0 and 0: [2]float64{-1, 1} is usual.
	PixelRange [2]float64
	// Engine is Auto where empty.
	Engine Engine
	// Raster has the incremental engine draw pixel by pixel, row by row, instead of in waves. It is
	// slower, and there to be compared with.
	Raster bool
	// Batch is the number of images computed together; 0 lets the engine choose. Their
	// pixels must not be more than 2³⁰.
	Batch int
	// Threads is the number of batches that a draw computes at once, up to 1,024; 0 means one per
	// processor. All draws of a sampler together compute at most Threads batches at once, or as
	// many as there are processors if those are more. Others wait, except [Sampler.Steps], which
	// may itself be waiting for its caller. Between draws the sampler keeps the memory of that many
	// batches of the size used last, and of other sizes at most Idle.
	Threads int
	// Idle is how many bytes are kept between draws for batches of other sizes than that used last,
	// since making room for a batch takes as long as drawing some images. 0 means 64 MiB. More is
	// worth it where sizes alternate, as in a server. Where it is set and Batch is not, room is
	// made in few sizes, for [Room] images; at first, room that there is for more is used, too.
	Idle int64
}

// Room is the number of images for which room is made where so many are drawn together and
// Config.Idle is set. A caller that is free to choose how many to draw does well to choose a number
// that Room leaves as it is.
func Room(images int) int { return engine.Room(images) }

// Check validates the settings, as [Read] does.
func (c Config) Check() error {
	if err := c.reading().Check(); err != nil {
		return err
	}
	switch {
	case c.Batch < 0:
		return fmt.Errorf("%w: batch is %d, must not be negative", ErrConfig, c.Batch)
	case c.Idle < 0:
		return fmt.Errorf("%w: idle is %d bytes, must not be negative", ErrConfig, c.Idle)
	case c.Threads < 0 || c.Threads > maxThreads:
		return fmt.Errorf("%w: threads is %d, must be from 0 (for one per processor) to %d", ErrConfig, c.Threads, maxThreads)
	}
	switch c.Engine {
	case "", Auto, Full, Incremental:
		return nil
	}
	return fmt.Errorf("%w: engine is %q, must be one of %q", ErrConfig, c.Engine, []Engine{Auto, Incremental, Full})
}

// reading is the part that says how the file is read.
func (c Config) reading() signature.Options {
	return signature.Options{
		Height: c.Height, Width: c.Width, Channels: c.Channels, Levels: c.Levels, Head: c.Head,
		Scale: encoding.Scale{Factor: c.PixelScale, Offset: c.PixelOffset},
		Input: c.Input, Output: c.Output, InputLayout: c.InputLayout, OutputLayout: c.OutputLayout,
		Label: c.Label, StartToken: c.StartToken, Conditions: c.Conditions, Range: c.PixelRange,
	}
}

// maxThreads bounds the threads, each of which has memory of its own. More threads than processors
// are of no use.
const maxThreads = 1024

func (c Config) withDefaults() Config {
	if c.Engine == "" {
		c.Engine = Auto
	}
	if c.Threads == 0 {
		c.Threads = min(runtime.GOMAXPROCS(0), maxThreads)
	}
	return c
}

// Sampler draws images from one model. It is safe for concurrent use.
type Sampler struct {
	sig     *Signature
	cfg     Config
	engines *engine.Engines
	closed  atomic.Bool
}

// Open reads an ONNX model and prepares it on a runtime, such as the one that
// [pixelcnn/runtime.OpenAny] returns. The runtime must outlive the sampler. It is [Read]
// and [Model.Open].
//
// Errors wrap [ErrConfig] for a bad setting and [ErrModel] for a file that is no
// model to draw from.
func Open(rt onnx.Runtime, file []byte, cfg Config) (*Sampler, error) {
	if rt == nil {
		return nil, errNoRuntime
	}
	m, err := read(rt, ofBytes(file), cfg)
	if err != nil {
		return nil, err
	}
	return m.Open(rt)
}

// OpenFile opens a model by the path of its file, as [Open] does its bytes, with the weights
// that it keeps in other files of the same folder. It is [ReadFile] and [Model.Open].
func OpenFile(rt onnx.Runtime, path string, cfg Config) (*Sampler, error) {
	if rt == nil {
		return nil, errNoRuntime
	}
	m, err := read(rt, ofPath(path), cfg)
	if err != nil {
		return nil, err
	}
	return m.Open(rt)
}

var errNoRuntime = fmt.Errorf("%w: there is no runtime: open one, as runtime.OpenAny does", ErrConfig)

// Open prepares a model on a runtime, as [Open] does.
func (m *Model) Open(rt onnx.Runtime) (*Sampler, error) {
	if rt == nil {
		return nil, errNoRuntime
	}
	if m.Signature == nil {
		return nil, errNoFile
	}
	e, err := engine.Open(rt, m.Signature, engine.Options{Engine: m.cfg.Engine, Raster: m.cfg.Raster, Threads: m.cfg.Threads, Idle: m.cfg.Idle})
	if err != nil {
		return nil, err
	}
	return &Sampler{sig: m.Signature, cfg: m.cfg, engines: e}, nil
}

// Signature describes the model.
func (s *Sampler) Signature() *Signature { return s.sig }

// Engine is the engine in use. Where Auto had to take Full, why is the reason.
func (s *Sampler) Engine() (used Engine, why error) { return s.engines.Used, s.engines.Why }

// NearTies is the number of draws so far whose uniform fell so close to the boundary
// between two levels that float32 could not decide, and that were settled in float64. How
// close that is depends on what those before showed of the network's accuracy.
func (s *Sampler) NearTies() int64 {
	if s.engines.Settler == nil {
		return 0
	}
	return s.engines.Settler.Accuracy().Settled()
}

// Close frees what Open made. It must not be called while a draw is running. Closing
// again does nothing.
func (s *Sampler) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	return s.engines.Close()
}

// open returns an error once the sampler is closed.
func (s *Sampler) open() error {
	if s.closed.Load() {
		return fmt.Errorf("sampler: %w", ErrClosed)
	}
	return nil
}

// draw has the engine draw rows. Those who watch it are not told of two steps at once.
func (s *Sampler) draw(ctx context.Context, rows []draw.Row, after func(symbols int) error, watched bool) error {
	run := engine.Run{Batch: s.cfg.Batch, Threads: s.cfg.Threads, After: after}
	if watched {
		run.Threads = 1
	}
	return s.engines.Draw(ctx, rows, run)
}

func (s *Sampler) symbols() int { return s.sig.Symbols() }

// errNoFile is returned where a model's file is needed and the model was not read from one.
var errNoFile = fmt.Errorf("%w: it is of no file: read one with Read", ErrModel)
