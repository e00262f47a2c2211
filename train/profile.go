package train

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Profile tells where the time of training passes went, by the runtime's own profiler. A
// pass is some images forward and back; a step is many, and an update. ONNX Runtime's
// counts whole microseconds and adds about one to each call; the one in Go counts the
// live taps of a product only, and what is fused to a product as part of it.
type Profile struct {
	Passes    int
	Operators []OperatorTime // the longest first
}

// OperatorTime sums up the calls of one operator.
type OperatorTime struct {
	Op    string // of ONNX, or as ONNX Runtime has fused it
	Calls int
	Time  time.Duration
	Bytes int64 // read and written
	FLOPs int64 // of matrix products, two for a multiply-add; 0 for others
}

// ErrProfile is wrapped by [ReadProfile]'s errors.
var ErrProfile = errors.New("train: no usable profile")

// ReadProfile reads the files that a run with [Config].Profile left behind. ONNX Runtime's
// profiler stops after a million events, some 200 steps of the reference model. Errors
// wrap [ErrProfile].
func ReadProfile(prefix string) (Profile, error) {
	files, err := filepath.Glob(prefix + "_*.json")
	if err != nil {
		return Profile{}, fmt.Errorf("%w: %s: %w", ErrProfile, prefix, err)
	}
	if len(files) == 0 {
		return Profile{}, fmt.Errorf("%w: there is no %s_*.json", ErrProfile, prefix)
	}
	p := profiler{ops: map[string]*OperatorTime{}}
	for _, name := range files {
		if err := p.file(name); err != nil {
			return Profile{}, fmt.Errorf("%w: %s: %w", ErrProfile, name, err)
		}
	}
	out := Profile{Passes: p.passes}
	for _, o := range p.ops {
		out.Operators = append(out.Operators, *o)
	}
	slices.SortFunc(out.Operators, func(a, b OperatorTime) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), strings.Compare(a.Op, b.Op))
	})
	return out, nil
}

// WriteTable writes a table of the operators: calls and time a pass, share of the
// time, bytes moved and floating-point operations a second.
func (p Profile) WriteTable(w io.Writer) error {
	var total time.Duration
	for _, o := range p.Operators {
		total += o.Time
	}
	passes := float64(max(1, p.Passes))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "operator\tcalls\tµs\tshare\tGB/s\tGFLOP/s\t")
	for _, o := range p.Operators {
		ns := float64(max(1, o.Time))
		flops := ""
		if o.FLOPs > 0 {
			flops = fmt.Sprintf("%.0f", float64(o.FLOPs)/ns)
		}
		fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%.1f %%\t%.1f\t%s\t\n", o.Op, float64(o.Calls)/passes,
			float64(o.Time.Microseconds())/passes, 100*ns/float64(max(1, total)), float64(o.Bytes)/ns, flops)
	}
	fmt.Fprintf(t, "all, of %d passes\t\t%.0f\t\t\t\t\n", p.Passes, float64(total.Microseconds())/passes)
	return t.Flush()
}

// profiler collects events.
type profiler struct {
	passes int
	ops    map[string]*OperatorTime
}

// event is what ONNX Runtime writes about a node or a run, with sizes as decimal strings,
// and what the runtime in Go writes about all calls of a node, and all runs.
type event struct {
	Category string `json:"cat"`
	Name     string
	Micros   float64 `json:"dur"`
	Args     struct {
		Op         string             `json:"op_name"`
		Inputs     []map[string][]int `json:"input_type_shape"`
		Outputs    []map[string][]int `json:"output_type_shape"`
		Output     string             `json:"output_size"`
		Parameters string             `json:"parameter_size"`
		Activation string             `json:"activation_size"`

		Calls        int // of the runtime in Go only
		Bytes, FLOPs int64
	}
}

func (p *profiler) file(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	d := json.NewDecoder(bufio.NewReader(f))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return errors.Join(errors.New("not a list of events"), err)
	}
	for d.More() {
		var e event
		if err := d.Decode(&e); err != nil {
			return err
		}
		p.add(e)
	}
	_, err = d.Token()
	return err
}

func (p *profiler) add(e event) {
	switch {
	case e.Category == "Session" && e.Name == "model_run":
		p.passes += max(1, e.Args.Calls)
	case e.Category == "Node" && (e.Args.Calls > 0 || strings.HasSuffix(e.Name, "_kernel_time")):
		o := p.ops[e.Args.Op]
		if o == nil {
			o = &OperatorTime{Op: e.Args.Op}
			p.ops[e.Args.Op] = o
		}
		o.Calls += max(1, e.Args.Calls)
		o.Time += time.Duration(e.Micros * float64(time.Microsecond))
		o.Bytes += e.Args.Bytes
		o.FLOPs += e.Args.FLOPs
		for _, size := range []string{e.Args.Output, e.Args.Parameters, e.Args.Activation} {
			n, _ := strconv.ParseInt(size, 10, 64) // a size that is missing counts as none
			o.Bytes += n
		}
		switch e.Args.Op {
		case "Gemm", "FusedGemm", "MatMul":
			o.FLOPs += productFLOPs(e)
		}
	}
}

// productFLOPs counts a matrix product, two for each element of the output and of the
// side that is summed over, which is the left matrix over the rows, transposed or not.
func productFLOPs(e event) int64 {
	if len(e.Args.Inputs) < 2 || len(e.Args.Outputs) < 1 {
		return 0
	}
	left, out := elements(e.Args.Inputs[0]), elements(e.Args.Outputs[0])
	shape := dims(e.Args.Outputs[0])
	if len(shape) == 0 || shape[0] == 0 {
		return 0
	}
	return 2 * out * (left / int64(shape[0]))
}

// dims is the shape of a typed shape, {"float": [2, 3]}.
func dims(typed map[string][]int) []int {
	for _, shape := range typed {
		return shape
	}
	return nil
}

func elements(typed map[string][]int) int64 {
	n := int64(1)
	for _, d := range dims(typed) {
		n *= int64(d)
	}
	return n
}
