package goruntime

import (
	"sync"
	"sync/atomic"
)

// workers share out the tasks of a step among goroutines. A nil *workers does all
// in the caller's.
type workers struct {
	helpers int
	start   chan struct{}
	done    sync.WaitGroup

	f     func(worker, task int)
	tasks int
	next  atomic.Int64
}

// newWorkers starts n-1 helpers, which end with close; nil where n is one.
func newWorkers(n int) *workers {
	if n < 2 {
		return nil
	}
	w := &workers{helpers: n - 1, start: make(chan struct{})}
	for i := range w.helpers {
		go func() {
			for range w.start {
				w.work(i + 1)
				w.done.Done()
			}
		}()
	}
	return w
}

func (w *workers) close() {
	if w != nil {
		close(w.start)
	}
}

// do calls f for each task and returns when all are done. Calls of one worker come
// one after the other; the caller is worker 0.
func (w *workers) do(tasks int, f func(worker, task int)) {
	if w == nil || tasks < 2 {
		for i := range tasks {
			f(0, i)
		}
		return
	}
	w.f, w.tasks = f, tasks
	w.next.Store(0)
	helpers := min(w.helpers, tasks-1)
	w.done.Add(helpers)
	for range helpers {
		w.start <- struct{}{}
	}
	w.work(0)
	w.done.Wait()
}

func (w *workers) work(worker int) {
	for {
		i := int(w.next.Add(1)) - 1
		if i >= w.tasks {
			return
		}
		w.f(worker, i)
	}
}
