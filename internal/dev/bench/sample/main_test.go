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
	largeModels  []string
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
	flag.Func("large", "time draws of a large model's `FILE` instead, such as pixelcnnpp.py writes; may be repeated", func(name string) error {
		asked.largeModels = append(asked.largeModels, name)
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
	t.Chdir("../../../..")
	s := asked
	if s.rounds < 0 || s.threads < 0 || s.exact < 0 || s.turn < time.Millisecond {
		t.Fatal("wrong flags; see -help")
	}
	if s.threads == 0 {
		s.threads = goruntime.GOMAXPROCS(0)
	}
	if err := s.run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (s *settings) run(ctx context.Context) error {
	model, err := os.ReadFile(s.model)
	if err != nil {
		return err
	}
	env, err := runtime.Open(runtime.Config{})
	if err != nil {
		return err
	}
	inGo, err := runtime.Go()
	if err != nil {
		return errors.Join(err, env.Close())
	}
	m := &machine{settings: s, ctx: ctx, model: model, ort: env, inGo: inGo}
	if s.largeModels != nil {
		for _, name := range s.largeModels {
			err = errors.Join(err, m.large(name))
		}
		return errors.Join(err, env.Close())
	}
	err = m.measure()
	if err == nil && s.exact > 0 {
		err = m.compare()
	}
	return errors.Join(err, m.close(), env.Close())
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
