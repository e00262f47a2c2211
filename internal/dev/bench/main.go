// Command bench compares a training step with PyTorch's and with the matrix products
// alone, in turn, several times over, and prints medians as a Markdown table. It is
// run from the root of the repository, after make build:
//
//	go run ./internal/dev/bench --python /usr/bin/python3 --blas DIR
//
// PyTorch needs the packages python3-torch and python3-numpy (Debian's names). DIR is
// a folder with OpenBLAS's libblas.so.3, which Debian's PyTorch is much faster with
// than with the one that it brings; the peer runs with and without it.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// series is what was measured of one contestant.
type series struct {
	name  string
	ms    []float64 // the median step of each round
	mib   float64   // the largest peak of memory
	round func() (ms []float64, mib float64, err error)
}

func main() {
	python := flag.String("python", "python3", "a Python with PyTorch")
	blas := flag.String("blas", "", "folder with OpenBLAS's libblas.so.3")
	rounds := flag.Int("rounds", 7, "how often each has its turn")
	steps := flag.Int("steps", 40, "steps a turn")
	hidden := flag.Int("hidden", 64, "filters")
	arch := flag.String("arch", "pixelcnn", "architecture: pixelcnn or gated")
	flag.Parse()
	log.SetFlags(0)

	h, n := strconv.Itoa(*hidden), strconv.Itoa(*steps)
	peer := func(env ...string) func() ([]float64, float64, error) {
		return func() ([]float64, float64, error) {
			return run(lines, env, *python, "internal/dev/bench/peer_torch.py", n, h, *arch)
		}
	}
	all := []*series{
		{name: "this project", round: func() ([]float64, float64, error) {
			return run(metrics, nil, "bin/trainer", "--arch", *arch, "--hidden", h, "--steps", n, "--metrics", "-", "-o", os.DevNull)
		}},
		{name: "matrix products alone", round: func() ([]float64, float64, error) {
			return run(gemm, nil, "go", "test", "-run", "^$", "-bench", "Step/"+*arch+"="+h+"$", "-benchtime", "2s", "./train")
		}},
		{name: "PyTorch, stock", round: peer()},
	}
	if *blas != "" {
		// malloc is told to keep what is freed; otherwise each step pays for fresh pages.
		all = append(all, &series{name: "PyTorch, tuned", round: peer("LD_LIBRARY_PATH="+*blas,
			"MALLOC_TRIM_THRESHOLD_=4000000000", "MALLOC_MMAP_THRESHOLD_=4000000000", "MALLOC_TOP_PAD_=67108864")})
	}
	for round := range *rounds {
		for _, s := range all {
			ms, mib, err := s.round()
			if err != nil || len(ms) == 0 {
				log.Fatalf("bench: %s: %d steps, error %v", s.name, len(ms), err)
			}
			s.ms, s.mib = append(s.ms, median(ms)), max(s.mib, mib)
			log.Printf("round %d: %-22s %7.1f ms", round+1, s.name, median(ms))
		}
	}
	fmt.Printf("| %s, %d filters, batch 128 | step, ms | range of rounds | ours is | peak memory, MiB |\n|---|---|---|---|---|\n", *arch, *hidden)
	for _, s := range all {
		var ratio []float64
		for i, ms := range s.ms {
			ratio = append(ratio, all[0].ms[i]/ms)
		}
		fmt.Printf("| %s | %.1f | %.1f–%.1f | %.2f × | %.0f |\n", s.name, median(s.ms), slices.Min(s.ms), slices.Max(s.ms), median(ratio), s.mib)
	}
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
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
