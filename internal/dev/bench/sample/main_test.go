package sample

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	goruntime "runtime"
	"testing"
	"time"

	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// settings are what the flags say.
type settings struct {
	model        string
	rounds       int
	turn         time.Duration
	threads      int
	exact        int
	exactModels  []string
	python, blas string
}

var (
	measure = flag.Bool("measure", false, "measure: it takes minutes, and wants a quiet machine")
	asked   settings
)

func init() {
	flag.StringVar(&asked.model, "model", "sampler/testdata/foreign/pixelcnn_torch.onnx", "the model to draw from")
	flag.IntVar(&asked.rounds, "rounds", 9, "how often each has its turn; 0 measures no times")
	flag.DurationVar(&asked.turn, "turn", 200*time.Millisecond, "a turn is at least so long")
	flag.IntVar(&asked.threads, "threads", 0, "threads; 0 means one for each processor")
	flag.IntVar(&asked.exact, "exact", 1000, "images of each model and temperature to compare between engines; 0 compares none")
	flag.Func("exact-model", "another `FILE` to compare engines with; may be repeated", func(name string) error {
		asked.exactModels = append(asked.exactModels, name)
		return nil
	})
	flag.StringVar(&asked.python, "python", "", "a Python with PyTorch, whose loops are then measured too")
	flag.StringVar(&asked.blas, "blas", "", "folder with OpenBLAS's libblas.so.3, for PyTorch")
}

// TestMeasure measures where it is asked to. Names of files are from the root of the
// repository.
func TestMeasure(t *testing.T) {
	if !*measure {
		t.Skip("it measures with -measure only: make bench")
	}
	m := newMachine(t)
	var err error
	if m.model, err = os.ReadFile(m.settings.model); err != nil {
		t.Fatal(err)
	}
	if err = m.measure(); err == nil && m.exact > 0 {
		err = m.compare()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// newMachine opens the runtimes for a test, and goes to the root of the repository.
func newMachine(t *testing.T) *machine {
	t.Chdir("../../../..")
	s := asked
	if s.rounds < 0 || s.threads < 0 || s.exact < 0 || s.turn < time.Millisecond {
		t.Fatal("wrong flags; see -help")
	}
	if s.threads == 0 {
		s.threads = goruntime.GOMAXPROCS(0)
	}
	env, err := runtime.Open(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{settings: &s, ctx: t.Context(), ort: env}
	t.Cleanup(func() {
		if err := errors.Join(m.close(), env.Close()); err != nil {
			t.Error(err)
		}
	})
	if m.inGo, err = runtime.Go(); err != nil {
		t.Fatal(err)
	}
	return m
}

// machine is what contestants run on.
type machine struct {
	*settings
	ctx     context.Context
	model   []byte
	ort     *runtime.Env
	inGo    onnx.Runtime
	closers []func() error
}

func (m *machine) close() error {
	var errs []error
	for _, c := range m.closers {
		errs = append(errs, c())
	}
	m.closers = nil
	return errors.Join(errs...)
}

// open makes a sampler of the model that lasts as long as the machine.
func (m *machine) open(rt onnx.Runtime, cfg sampler.Config) (*sampler.Sampler, error) {
	cfg.Threads = m.threads
	s, err := sampler.Open(rt, m.model, cfg)
	if err == nil {
		m.closers = append(m.closers, s.Close)
	}
	return s, err
}

// measure times everything and prints the tables.
func (m *machine) measure() error {
	if m.rounds == 0 {
		return nil
	}
	c := &contest{turn: m.turn}
	draws, err := m.draws(c)
	if err != nil {
		return err
	}
	limits, err := m.products(c)
	if err != nil {
		return err
	}
	sizes, err := m.sizes(c)
	if err != nil {
		return err
	}
	peers, err := m.peers(c)
	if err != nil {
		return err
	}
	if err := c.run(m.ctx, m.rounds); err != nil {
		return err
	}
	fmt.Printf("ONNX Runtime %s, %s, %d threads, %d rounds.\n", m.ort.Version(), goruntime.Version(), m.threads, m.rounds)
	draws.print(peers)
	limits.print(draws)
	sizes.print()
	return draws.printAllocations(m.ctx)
}
