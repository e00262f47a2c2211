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
}

// nodeTime is what the steps of one node took.
type nodeTime struct {
	order int
	calls int
	time  time.Duration
}

func (p *profile) add(n *onnx.Node, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.nodes[n]
	if t == nil {
		p.order++
		t = &nodeTime{order: p.order}
		p.nodes[n] = t
	}
	t.calls++
	t.time += d
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
		Op    string `json:"op_name"`
		Calls int    `json:"calls"`
	} `json:"args"`
}

// write writes one event per node, one after the other, as long as all its calls
// took, to the file prefix_go.json.
func (p *profile) write(prefix string) error {
	nodes := make([]*onnx.Node, 0, len(p.nodes))
	for n := range p.nodes {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b *onnx.Node) int { return cmp.Compare(p.nodes[a].order, p.nodes[b].order) })
	events := []event{}
	var start float64
	for _, n := range nodes {
		t := p.nodes[n]
		e := event{Category: "Node", Phase: "X", Name: n.String(), Start: start, Duration: float64(t.time) / float64(time.Microsecond)}
		e.Args.Op, e.Args.Calls = n.Op, t.calls
		events = append(events, e)
		start += e.Duration
	}
	b, err := json.MarshalIndent(events, "", " ")
	if err != nil {
		return fmt.Errorf("goruntime: profile: %w", err)
	}
	if err := os.WriteFile(prefix+"_go.json", b, 0o644); err != nil {
		return fmt.Errorf("goruntime: profile: %w", err)
	}
	return nil
}
