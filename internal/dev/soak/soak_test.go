//go:build cgo

package soak

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	goruntime "runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ort "github.com/yalue/onnxruntime_go"
	"go.uber.org/goleak"

	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

var duration = flag.Duration("soak", 10*time.Second, "how long to draw")

const drawers = 8

// TestSoak draws with random options on both runtimes, from goroutines that share some
// samplers and open others of their own, and often end a draw early. A draw that comes to
// its end must give what a quiet one gave. Afterwards everything must be gone, and the
// process must not have grown.
func TestSoak(t *testing.T) {
	lasting := *duration
	if testing.Short() {
		lasting = min(lasting, 3*time.Second)
	}
	before := goleak.IgnoreCurrent()
	env, err := runtime.Open(runtime.Config{})
	if err != nil {
		t.Fatalf("the tests need ONNX Runtime (go run ./cmd/sampler install-runtime): %v", err)
	}
	inGo, err := runtime.Go()
	if err != nil {
		t.Fatal(err)
	}
	tasks := quiet(t, env)
	s := &soak{t: t, tasks: tasks, runtimes: []onnx.Runtime{env, inGo}}
	for range 4 * len(tasks) / 3 {
		s.shared = append(s.shared, s.open(rand.New(rand.NewPCG(9, uint64(len(s.shared)))), tasks[len(s.shared)%len(tasks)]))
	}

	ctx, stop := context.WithTimeout(context.Background(), lasting)
	defer stop()
	var group sync.WaitGroup
	for i := range drawers {
		group.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			for ctx.Err() == nil && !t.Failed() {
				s.round(rng)
			}
		})
	}
	resident, own := watch(ctx, lasting/200)
	group.Wait()

	for _, o := range s.shared {
		closed(t, o)
	}
	closed(t, env)
	t.Logf("%d draws compared, %d ended early, %d samplers opened; MiB resident %v, of which Go has %v",
		s.compared.Load(), s.ended.Load(), s.opened.Load(), thin(resident, 12), thin(own, 12))
	if s.compared.Load() < drawers || s.ended.Load() < drawers {
		t.Errorf("%d draws compared and %d ended early are no load", s.compared.Load(), s.ended.Load())
	}
	if ort.IsInitialized() {
		t.Error("ONNX Runtime's environment is still up")
	}
	goleak.VerifyNone(t, before)
	if err := flat(own, slack(lasting)); err != nil {
		t.Error("Go's memory:", err)
	}
	if err := flat(resident, slack(lasting)); err != nil && !underRace {
		t.Error(err)
	}
}

// soak is what the goroutines share.
type soak struct {
	t                       *testing.T
	tasks                   []*task
	runtimes                []onnx.Runtime
	shared                  []*opened
	compared, ended, opened atomic.Int64
}

// opened is a sampler for a task.
type opened struct {
	*sampler.Sampler
	task *task
}

// open opens a sampler in any way that must draw a task's images.
func (s *soak) open(rng *rand.Rand, k *task) *opened {
	cfg := sampler.Config{Batch: rng.IntN(5), Threads: 1 + rng.IntN(3)}
	rt := s.runtimes[rng.IntN(len(s.runtimes))]
	if k.oneFile {
		rt = s.runtimes[0] // a one-file sampler has a loop, which the runtime in Go does not know
	} else {
		cfg.Engine = []sampler.Engine{sampler.Auto, sampler.Incremental, sampler.Full}[rng.IntN(3)]
		cfg.Raster = rng.IntN(4) == 0
	}
	o, err := sampler.Open(rt, k.model, cfg)
	if err != nil {
		s.t.Errorf("%s: %v", k.name, err)
		return nil
	}
	s.opened.Add(1)
	return &opened{o, k}
}

// round is a draw.
func (s *soak) round(rng *rand.Rand) {
	o := s.shared[rng.IntN(len(s.shared))]
	if rng.IntN(3) == 0 {
		if o = s.open(rng, s.tasks[rng.IntN(len(s.tasks))]); o == nil {
			return
		}
		defer closed(s.t, o)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	switch rng.IntN(5) {
	case 0: // before it begins, or early on
		ctx, stop = context.WithTimeout(ctx, time.Duration(rng.IntN(2000))*time.Microsecond)
		defer stop()
	case 1: // some time
		timer := time.AfterFunc(time.Duration(rng.IntN(20_000))*time.Microsecond, stop)
		defer timer.Stop()
	}
	left, err := o.task.draw(ctx, rng, o.Sampler)
	switch {
	case err == nil && left:
		s.ended.Add(1)
	case err == nil:
		s.compared.Add(1)
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		s.ended.Add(1)
	default:
		s.t.Errorf("%s: %v", o.task.name, err)
	}
}

func closed(t *testing.T, c interface{ Close() error }) {
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// watch measures until the context ends, at most so often, the memory in MiB of the
// process, nil where the system does not tell, and what Go has of it.
func watch(ctx context.Context, every time.Duration) (resident, own []int) {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	for {
		select {
		case <-ctx.Done():
			return resident, own
		case <-time.After(max(every, 20*time.Millisecond)):
			if n, ok := process(); ok {
				resident = append(resident, n)
			}
			metrics.Read(sample)
			own = append(own, int((sample[0].Value.Uint64()-sample[1].Value.Uint64())>>20))
		}
	}
}

// process is the memory that the process has now, in MiB.
func process() (int, bool) {
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	pages, err := strconv.Atoi(strings.Fields(string(status))[1])
	return pages * os.Getpagesize() >> 20, err == nil
}

// flat compares the least memory in the last third of a run with that in the middle third;
// in the first one caches fill. The least, since garbage comes and goes.
func flat(mib []int, slack int) error {
	if len(mib) < 9 {
		if goruntime.GOOS == "linux" {
			return errors.New("the process was measured too seldom")
		}
		return nil
	}
	third := len(mib) / 3
	middle, last := slices.Min(mib[third:2*third]), slices.Min(mib[2*third:])
	if last > middle+slack+middle/20 {
		return errors.New("the process grows from " + strconv.Itoa(middle) + " to " + strconv.Itoa(last) + " MiB")
	}
	return nil
}

// slack is by how many MiB, beside a twentieth, a process may seem to grow. What the shared
// samplers, runtimes and malloc keep for later takes some minutes to settle.
func slack(lasting time.Duration) int {
	if lasting < 5*time.Minute {
		return 256
	}
	return 16
}

// thin leaves about n of a list.
func thin(list []int, n int) (out []int) {
	for i := 0; i < len(list); i += max(1, len(list)/n) {
		out = append(out, list[i])
	}
	return out
}

func TestFlat(t *testing.T) {
	series := func(at func(i int) int) (out []int) {
		for i := range 300 {
			out = append(out, at(i))
		}
		return out
	}
	for name, c := range map[string]struct {
		sizes []int
		flat  bool
	}{
		"flat":               {series(func(int) int { return 200 }), true},
		"warming up":         {series(func(i int) int { return min(100+2*i, 250) }), true},
		"garbage":            {series(func(i int) int { return 200 + i%50*4 }), true},
		"a leak":             {series(func(i int) int { return 200 + i/2 }), false},
		"a leak and garbage": {series(func(i int) int { return 200 + i/2 + i%50*4 }), false},
	} {
		if err := flat(c.sizes, 16); (err == nil) != c.flat {
			t.Errorf("%s: %v", name, err)
		}
	}
}
