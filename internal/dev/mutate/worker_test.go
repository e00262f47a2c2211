package mutate

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// ready is what a child says first.
const ready = "ready"

// limits are far below the defaults, so that a case that keeps them is a short one.
var limits = runtime.Limits{FileBytes: 8 << 20, TensorBytes: 16 << 20, Memory: 64 << 20, Operations: 1e8}

const (
	maxSeconds   = 2.0
	maxAllocated = 512 << 20 // bytes on Go's heap over a case, freed ones included
	maxResident  = 1 << 30   // bytes of the process
)

// work is the child: it reads numbers of cases and writes verdicts.
func work(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("a worker takes one argument")
	}
	var j job
	if err := json.Unmarshal([]byte(args[0]), &j); err != nil {
		return err
	}
	m, err := newMaterial(j)
	if err != nil {
		return err
	}
	t, err := newTrial()
	if err != nil {
		return err
	}
	defer t.close()
	fmt.Fprintln(out, ready)
	encode := json.NewEncoder(out)
	for s := bufio.NewScanner(in); s.Scan(); {
		number, err := strconv.Atoi(s.Text())
		if err != nil {
			return err
		}
		file, _ := m.mutant(number)
		v := t.try(file)
		v.Case = number
		if err := encode.Encode(v); err != nil {
			return err
		}
	}
	return nil
}

// trial shows files to all that reads them.
type trial struct {
	inGo onnx.Runtime
	ort  *runtime.Any
}

func newTrial() (*trial, error) {
	inGo, err := runtime.GoWithin(limits)
	if err != nil {
		return nil, err
	}
	ort, err := runtime.OpenAny(runtime.ORT, runtime.Config{Limits: limits})
	return &trial{inGo, ort}, err
}

func (t *trial) close() { _ = t.ort.Close() } // the process ends

// try tries a file.
func (t *trial) try(file []byte) (v verdict) {
	start, before := spent(), allocated()
	defer func() {
		if p := recover(); p != nil {
			v.Finding = fmt.Sprintf("panic: %v\n%s", p, debug.Stack())
		}
		v.Seconds, v.Allocated = (spent() - start).Seconds(), allocated()-before
		switch size := resident(); {
		case v.Finding != "":
		case v.Allocated > maxAllocated:
			v.Finding = fmt.Sprintf("it allocates %d MiB, may %d", v.Allocated>>20, maxAllocated>>20)
		case size > maxResident:
			v.Finding = fmt.Sprintf("the process takes %d MiB, may %d", size>>20, maxResident>>20)
		}
	}()
	if m, err := onnx.UnmarshalWithin(file, limits); err == nil {
		// A caller who compiles has checked before.
		if _, _, err := onnx.Check(m, limits); err == nil {
			v.Passed = true
			_, _ = compile.Compile(m, compile.Options{Height: 5, Width: 5}) // refused or not
		}
	}
	v.Drew = draws(t.inGo, file)
	if v.Passed {
		v.Loaded, v.Ran = runs(t.ort, file)
		// A whole sampler has a loop, which the runtime in Go does not know.
		v.Drew = draws(t.ort, file) || v.Drew
	}
	return v
}

// draws opens a file and draws an image of it, and tells whether it could.
func draws(rt onnx.Runtime, file []byte) bool {
	s, err := sampler.Open(rt, file, sampler.Config{Batch: 1, Threads: 1})
	if err != nil {
		return false
	}
	defer s.Close()
	ctx, stop := context.WithTimeout(context.Background(), time.Second/4)
	defer stop()
	for _, err := range s.Samples(ctx, sampler.Request{N: 1}) {
		if err != nil {
			return false
		}
	}
	return true
}

// runs loads a file and runs it once, on zeros.
func runs(rt onnx.Runtime, file []byte) (loaded, ran bool) {
	s, err := onnx.LoadFile(rt, file, onnx.SessionOptions{})
	if err != nil {
		return false, false
	}
	defer s.Close()
	for _, free := range []int{1, 2, 5} {
		in, err1 := zeros(s.Inputs(), free)
		out, err2 := zeros(s.Outputs(), free)
		if err1 != nil || err2 != nil {
			return true, ran
		}
		b, err := s.Bind(in, out)
		if err != nil {
			continue
		}
		ran = b.Run(context.Background()) == nil || ran
		b.Close()
	}
	return true, ran
}

// zeros makes tensors, with free for the dimensions that are.
func zeros(infos []onnx.ValueInfo, free int) ([]*onnx.Tensor, error) {
	out := make([]*onnx.Tensor, len(infos))
	for i, info := range infos {
		t := &onnx.Tensor{Shape: make([]int, len(info.Shape))}
		for k, d := range info.Shape {
			if t.Shape[k] = d; d < 0 {
				t.Shape[k] = free
			}
		}
		n, err := onnx.Size(t.Shape)
		if err != nil || n > 1<<22 {
			return nil, fmt.Errorf("shape %v is too large for a trial", t.Shape)
		}
		switch info.DType {
		case onnx.Float32:
			t.Data = make([]float32, n)
		case onnx.Float64:
			t.Data = make([]float64, n)
		case onnx.Int64:
			t.Data = make([]int64, n)
		case onnx.Int32:
			t.Data = make([]int32, n)
		case onnx.Int8:
			t.Data = make([]int8, n)
		case onnx.Uint8:
			t.Data = make([]uint8, n)
		case onnx.Bool:
			t.Data = make([]bool, n)
		}
		out[i] = t
	}
	return out, nil
}

// began is when the process did.
var began = time.Now()

// spent is the processor's time that the process has taken, so that a busy machine makes no
// findings; the clock's where the system does not tell.
func spent() time.Duration {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return time.Since(began)
	}
	// After the name, in brackets, come the state and ten numbers, then hundredths of
	// seconds in the program and in the system.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return time.Since(began)
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		return time.Since(began)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// allocated is what Go's heap has given out since the process began.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// resident is the most memory that the process has had, 0 where the system does not tell.
func resident() uint64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if kib, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kib), "kB")), 10, 64)
			return n << 10
		}
	}
	return 0
}
