package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// series is what was measured of one contestant.
type series struct {
	name  string
	ms    []float64 // the median step of each round
	all   []float64 // the steps of all rounds
	mib   float64   // the largest peak of memory
	round func() (ms []float64, mib float64, err error)
}

var (
	python = flag.String("python", "", "a Python with PyTorch; without one, nothing is measured")
	rounds = flag.Int("rounds", 7, "how often each has its turn")
	within = flag.Duration("within", 8*time.Minute, "no round begins after so long")
	steps  = flag.Int("steps", 40, "steps a turn")
	hidden = flag.Int("hidden", 64, "filters")
	arch   = flag.String("arch", "pixelcnn", "architecture: pixelcnn or gated")
)

// TestMeasure measures where it is asked to.
func TestMeasure(t *testing.T) {
	if *python == "" {
		t.Skip("it measures with -python only: make bench-train")
	}
	t.Chdir("../../..")
	h, n := strconv.Itoa(*hidden), strconv.Itoa(*steps)
	trainer := func(runtime string) func() ([]float64, float64, error) {
		return func() ([]float64, float64, error) {
			return run(metrics, nil, "bin/trainer", "--runtime", runtime, "--arch", *arch, "--hidden", h, "--steps", n, "--no-verify", "--metrics", "-", "-o", os.DevNull)
		}
	}
	benchmarks := filepath.Join(t.TempDir(), "train.test")
	if out, err := exec.Command("go", "test", "-c", "-o", benchmarks, "./train").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	products := func(runtime string) func() ([]float64, float64, error) {
		return func() ([]float64, float64, error) {
			return run(gemm, nil, benchmarks, "-test.run", "^$", "-test.bench", "Step/"+*arch+"="+h+"$/"+runtime, "-test.benchtime", n+"x")
		}
	}
	peer := func(how string) func() ([]float64, float64, error) {
		return func() ([]float64, float64, error) {
			env := []string{"MALLOC_TRIM_THRESHOLD_=4000000000", "MALLOC_MMAP_THRESHOLD_=4000000000", "MALLOC_TOP_PAD_=67108864"}
			return run(lines, env, *python, "internal/dev/bench/peer_torch.py", n, h, *arch, how)
		}
	}
	all := []*series{
		{name: "the runtime in Go", round: trainer("go")},
		{name: "ONNX Runtime", round: trainer("ort")},
		{name: "products alone, runtime in Go", round: products("go")},
		{name: "products alone, ONNX Runtime", round: products("ort")},
		{name: "PyTorch", round: peer("eager")},
		{name: "torch.compile", round: peer("compile")},
	}
	start := time.Now()
	for round := range *rounds {
		if round > 0 && time.Since(start) > *within {
			t.Logf("%d rounds of %d: %v are over (-within)", round, *rounds, *within)
			break
		}
		for _, s := range all {
			ms, mib, err := s.round()
			if err != nil || len(ms) == 0 {
				t.Fatalf("%s: %d steps, error %v", s.name, len(ms), err)
			}
			s.ms, s.all, s.mib = append(s.ms, median(ms)), append(s.all, ms...), max(s.mib, mib)
			t.Logf("round %d: %-30s %7.1f ms", round+1, s.name, median(ms))
		}
	}
	fmt.Printf("| %s, %d filters, batch 128 | step, ms | p10–p90 | the runtime in Go takes | ONNX Runtime takes | peak memory, MiB |\n|---|---|---|---|---|---|\n", *arch, *hidden)
	for _, s := range all {
		var ratios [2][]float64
		for i, ms := range s.ms {
			for k := range ratios {
				ratios[k] = append(ratios[k], all[k].ms[i]/ms)
			}
		}
		fmt.Printf("| %s | %.1f | %.1f–%.1f | %.2f × | %.2f × | %.0f |\n", s.name, median(s.ms),
			quantile(s.all, 0.1), quantile(s.all, 0.9), median(ratios[0]), median(ratios[1]), s.mib)
	}
}

func median(x []float64) float64 { return quantile(x, 0.5) }

func quantile(x []float64, q float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[int(q*float64(len(x)-1)+0.5)]
}

// run runs a command and reads times in ms from its output.
func run(read func([]byte) ([]float64, error), env []string, name string, args ...string) (ms []float64, mib float64, err error) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, 0, fmt.Errorf("%w: %s", err, errs.String())
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		mib = float64(usage.Maxrss) / 1024
	}
	ms, err = read(out.Bytes())
	return ms, mib, err
}

// lines reads a number a line.
func lines(out []byte) (ms []float64, err error) {
	for _, field := range strings.Fields(string(out)) {
		x, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return nil, err
		}
		ms = append(ms, x)
	}
	return ms, nil
}

// metrics reads step_ms of the trainer's metrics, without the first steps.
func metrics(out []byte) (ms []float64, err error) {
	const warmup = 5
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		var o struct {
			Step   int     `json:"step"`
			StepMS float64 `json:"step_ms"`
		}
		if err := json.Unmarshal(s.Bytes(), &o); err != nil {
			return nil, err
		}
		if o.Step > warmup {
			ms = append(ms, o.StepMS)
		}
	}
	return ms, nil
}

// gemm reads the benchmark's median.
func gemm(out []byte) ([]float64, error) {
	m := regexp.MustCompile(`([0-9.]+) ms/gemm\s`).FindSubmatch(out)
	if m == nil {
		return nil, fmt.Errorf("no ms/gemm in %s", out)
	}
	x, err := strconv.ParseFloat(string(m[1]), 64)
	return []float64{x}, err
}
