package goruntime

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"pixelcnn/internal/onnx"
)

// profile adds up the time of a session's nodes, over all bindings.
type profile struct {
	mu    sync.Mutex
	nodes map[*onnx.Node]*nodeTime
	order int
	runs  int
}

// nodeTime is what the steps of one node took.
type nodeTime struct {
	order int
	calls int
	time  time.Duration
	bytes int64 // read and written by all calls
	flops int64 // of its products, two for a multiply-add
}

// add counts a step; first tells whether it is the first of its node.
func (p *profile) add(s *step, d time.Duration, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.nodes[s.node]
	if t == nil {
		p.order++
		t = &nodeTime{order: p.order}
		p.nodes[s.node] = t
	}
	if first {
		t.calls++
	}
	t.time += d
	t.flops += s.flops
	for _, list := range [][]*value{s.reads, s.writes} {
		for _, v := range list {
			t.bytes += bytes(v.dtype) * int64(v.count)
		}
	}
}

// ran counts a run.
func (p *profile) ran() {
	p.mu.Lock()
	p.runs++
	p.mu.Unlock()
}

// event is an entry of the trace format of Chrome's tracing page, in which ONNX
// Runtime writes its profiles too. Times are in microseconds.
type event struct {
	Category string  `json:"cat"`
	Phase    string  `json:"ph"`
	Process  int     `json:"pid"`
	Thread   int     `json:"tid"`
	Name     string  `json:"name"`
	Start    float64 `json:"ts"`
	Duration float64 `json:"dur"`
	Args     struct {
		Op    string `json:"op_name,omitempty"`
		Calls int    `json:"calls"`
		Bytes int64  `json:"bytes,omitempty"`
		FLOPs int64  `json:"flops,omitempty"`
	} `json:"args"`
}

// write writes an event for all runs and one per node, one after the other, each as long
// as all its calls took, to the file prefix_go.json.
func (p *profile) write(prefix string) error {
	nodes := make([]*onnx.Node, 0, len(p.nodes))
	for n := range p.nodes {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b *onnx.Node) int { return cmp.Compare(p.nodes[a].order, p.nodes[b].order) })
	all := event{Category: "Session", Phase: "X", Name: "model_run"}
	all.Args.Calls = p.runs
	events := []event{all}
	var start float64
	for _, n := range nodes {
		t := p.nodes[n]
		e := event{Category: "Node", Phase: "X", Name: n.String(), Start: start, Duration: float64(t.time) / float64(time.Microsecond)}
		e.Args.Op, e.Args.Calls, e.Args.Bytes, e.Args.FLOPs = n.Op, t.calls, t.bytes, t.flops
		events = append(events, e)
		start += e.Duration
	}
	events[0].Duration = start
	b, err := json.MarshalIndent(events, "", " ")
	if err != nil {
		return fmt.Errorf("goruntime: profile: %w", err)
	}
	if err := os.WriteFile(prefix+"_go.json", b, 0o644); err != nil {
		return fmt.Errorf("goruntime: profile: %w", err)
	}
	return nil
}
