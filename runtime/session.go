//go:build cgo

package runtime

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"pixelcnn/internal/onnx"
)

// session implements [Session].
type session struct {
	env             *Env
	meter           *onnx.Meter
	inputs, outputs []ValueInfo
	passed          map[int]int // outputs that are inputs, by their places

	mu       sync.Mutex // guards Bind and Close against each other; runs need no guard
	ort      *ort.DynamicAdvancedSession
	bindings int
	closed   bool
}

// ErrLoad is wrapped where ONNX Runtime refuses a model that has passed the checks.
var ErrLoad = errors.New("runtime: ONNX Runtime cannot load the model")

// Load makes a session of a model, of which nothing is kept. Nothing of it
// reaches ONNX Runtime before it has been checked; see [Limits]. The error wraps
// [ErrFormat], [ErrLimit], [ErrOperator], [ErrNotFinite] or [ErrShape]; [ErrLoad] for
// what ONNX Runtime refuses; [ErrOption] for negative Threads.
func (e *Env) Load(model *Model, opt SessionOptions) (Session, error) {
	if opt.Threads < 0 {
		return nil, fmt.Errorf("runtime: %w: %d threads, must be 0 (for one) or more", ErrOption, opt.Threads)
	}
	m, meter, err := onnx.Check(model, e.limits)
	if err != nil {
		return nil, fmt.Errorf("runtime: %w", err)
	}
	s := &session{env: e, meter: meter}
	if s.inputs, err = onnx.Infos("input", m.Graph.Inputs); err != nil {
		return nil, fmt.Errorf("runtime: %w", err)
	}
	if s.outputs, err = onnx.Infos("output", m.Graph.Outputs); err != nil {
		return nil, fmt.Errorf("runtime: %w", err)
	}
	s.passed = passed(m.Graph)
	keepPads(m.Graph)
	m.ProducerName, m.ProducerVersion, m.Doc, m.Metadata = "", "", "", nil
	clean, err := onnx.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("runtime: %w: %w", ErrFormat, err)
	}
	meter.Strip()
	if err := e.hold(); err != nil {
		return nil, err
	}
	if s.ort, err = newORTSession(clean, names(s.inputs), names(s.outputs), opt); err != nil {
		e.release()
		return nil, fmt.Errorf("%w: %s", ErrLoad, oneLine(err.Error()))
	}
	return s, nil
}

// keepPads keeps ONNX Runtime before 1.32 from making a Pad of zeros a part of the MaxPool that
// follows it, which pads with −∞: where a MaxPool tells at which places it found what it gives,
// that is left alone.
func keepPads(g *onnx.Graph) {
	for _, n := range g.Nodes {
		if n.Op == "MaxPool" && n.Domain == "" && len(n.Outputs) == 1 && n.Inputs[0].Node != nil && n.Inputs[0].Node.Op == "Pad" {
			n.Outputs = append(n.Outputs, &onnx.Value{DType: onnx.Int64, Node: n})
		}
		for _, a := range n.Attrs {
			if sub, ok := a.(*onnx.Graph); ok {
				keepPads(sub)
			}
		}
	}
}

// passed finds the outputs that are inputs, by their places. ONNX Runtime does not write them to
// what is bound.
func passed(g *onnx.Graph) map[int]int {
	found := map[int]int{}
	for k, v := range g.Outputs {
		for v.Node != nil && v.Node.Op == "Identity" && v.Node.Domain == "" {
			v = v.Node.Inputs[0]
		}
		if i := slices.Index(g.Inputs, v); i >= 0 {
			found[k] = i
		}
	}
	return found
}

func newORTSession(model []byte, inputs, outputs []string, opt SessionOptions) (*ort.DynamicAdvancedSession, error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer o.Destroy()
	threads := max(1, opt.Threads)
	settings := []func() error{
		func() error { return o.SetIntraOpNumThreads(threads) },
		func() error { return o.SetInterOpNumThreads(1) },
		func() error { return o.SetExecutionMode(ort.ExecutionModeSequential) },
		func() error { return o.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll) },
		func() error { return o.SetCpuMemArena(true) },
		func() error { return o.SetMemPattern(true) },
		func() error { return o.SetLogSeverityLevel(ort.LoggingLevelFatal) }, // errors are returned
	}
	if threads == 1 {
		settings = append(settings, func() error {
			return o.AddSessionConfigEntry("session.intra_op.allow_spinning", "0")
		})
	}
	if opt.ProfilePrefix != "" {
		settings = append(settings, func() error { return o.EnableProfiling(opt.ProfilePrefix) })
	}
	for _, set := range settings {
		if err := set(); err != nil {
			return nil, err
		}
	}
	return ort.NewDynamicAdvancedSessionWithONNXData(model, inputs, outputs, o)
}

func names(infos []ValueInfo) []string {
	out := make([]string, len(infos))
	for i, info := range infos {
		out[i] = info.Name
	}
	return out
}

func (s *session) Inputs() []ValueInfo { return onnx.CloneInfos(s.inputs) }

func (s *session) Outputs() []ValueInfo { return onnx.CloneInfos(s.outputs) }

// Close frees the session. It fails, wrapping [ErrInUse], while bindings are open.
func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	if s.bindings > 0 {
		return fmt.Errorf("runtime: session %w by %d bindings: close them first", ErrInUse, s.bindings)
	}
	s.closed = true
	err := s.ort.Destroy()
	s.env.release()
	if err != nil {
		return fmt.Errorf("%w: a session: %s", ErrClose, oneLine(err.Error()))
	}
	return nil
}
