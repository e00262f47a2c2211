package goruntime

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// binding implements [onnx.Binding].
type binding struct {
	session   *session
	steps     []*step
	joined    []*step // steps, of which some are joined
	placement *placement
	memory    *memory // where the values lie now
	size      int     // that memory's, when it was put there
	workers   *workers

	mu     sync.Mutex // held during a run
	closed bool
}

// Run runs the graph; see [onnx.Binding]. It looks at ctx between nodes. Two calls
// at once run one after the other. A failure, such as an index out of range, is a
// [*NodeError].
func (b *binding) Run(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return fmt.Errorf("goruntime: binding %w", ErrClosed)
	}
	m := b.session.memories.take(b.memory, b.placement.size)
	defer b.session.memories.put(m)
	if m != b.memory || len(m.floats) != b.size {
		b.use(m)
	}
	return run(ctx, b.joined, b.workers, b.session.profile)
}

// use moves the binding to a memory.
func (b *binding) use(m *memory) {
	b.placement.use(m.floats)
	for _, s := range b.steps {
		if s.place != nil {
			s.place()
		}
	}
	b.memory, b.size = m, len(m.floats)
}

// Close waits for a Run in flight and frees the binding.
func (b *binding) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	b.workers.close()
	b.steps, b.joined, b.placement, b.memory = nil, nil, nil, nil
	b.session.release()
	return nil
}

// memories are what the runs of a session's bindings work in: one for each run at
// a time, so that bindings that run in turn use the same, which is then in the
// processor's cache.
type memories struct {
	mu   sync.Mutex
	idle []*memory
}

type memory struct{ floats []float32 }

// take hands out a memory of at least that size: the wanted one if it is idle, else
// the one last used.
func (m *memories) take(wanted *memory, size int) *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	var x *memory
	if last := len(m.idle) - 1; last >= 0 {
		if m.idle[last] != wanted {
			if i := slices.Index(m.idle, wanted); i >= 0 {
				m.idle[i], m.idle[last] = m.idle[last], wanted
			}
		}
		x, m.idle = m.idle[last], m.idle[:last]
	} else {
		x = &memory{}
	}
	if len(x.floats) < size {
		x.floats = make([]float32, size)
	}
	return x
}

func (m *memories) put(x *memory) {
	m.mu.Lock()
	m.idle = append(m.idle, x)
	m.mu.Unlock()
}
