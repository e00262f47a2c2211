package mutate

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// job is a run of cases From to From+N-1 of a seed.
type job struct {
	Seed      uint64
	From, N   int
	Processes int
	Root      string // of the repository
}

// verdict is how a case ended. It is what a child writes, one a line.
type verdict struct {
	Case      int
	Passed    bool    // the checks let it through
	Drew      bool    // the sampler drew an image
	Loaded    bool    // ONNX Runtime loaded it
	Ran       bool    // and ran it
	Finding   string  // what must not be
	Seconds   float64 // of the processor
	Allocated uint64  // bytes, on Go's heap, freed ones included
}

// summary counts verdicts.
type summary struct {
	Passed, Drew, Loaded, Ran int
	Slowest                   float64 // seconds
	Most                      uint64  // bytes
	Findings                  []verdict
}

func (s *summary) add(v verdict) {
	for _, c := range []struct {
		is    bool
		count *int
	}{{v.Passed, &s.Passed}, {v.Drew, &s.Drew}, {v.Loaded, &s.Loaded}, {v.Ran, &s.Ran}} {
		if c.is {
			*c.count++
		}
	}
	s.Slowest, s.Most = max(s.Slowest, v.Seconds), max(s.Most, v.Allocated)
	if v.Finding != "" {
		s.Findings = append(s.Findings, v)
	}
}

func (s summary) String() string {
	return fmt.Sprintf("%d pass the checks, the sampler draws from %d; ONNX Runtime loads %d and runs %d; at most %.2f s and %d MiB allocated; %d findings",
		s.Passed, s.Drew, s.Loaded, s.Ran, s.Slowest, s.Most>>20, len(s.Findings))
}

// patience is how long a child is waited for before it is killed. Nothing should come
// near it: a case that takes more than maxSeconds of the processor is a finding already.
const patience = 30 * time.Second

// run goes through all cases, and tells of each when it is done.
func (j job) run(ctx context.Context, tell func(v verdict, done int, sum summary)) (summary, error) {
	var mu sync.Mutex
	var sum summary
	next, done := j.From, 0
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, next <= j.From+j.N
	}
	g, ctx := errgroup.WithContext(ctx)
	for range max(1, j.Processes) {
		g.Go(func() error {
			c := &child{job: j}
			defer c.end()
			for number, more := take(); more; number, more = take() {
				v, err := c.judge(ctx, number)
				if err != nil {
					return err
				}
				mu.Lock()
				sum.add(v)
				done++
				tell(v, done, sum)
				mu.Unlock()
			}
			return nil
		})
	}
	return sum, g.Wait()
}

// child is a process that takes cases one after the other.
type child struct {
	job   job
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string // its verdicts; closed when it ends
	said  *opening
}

func (c *child) start() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	spec, err := json.Marshal(c.job)
	if err != nil {
		return err
	}
	c.cmd, c.said = exec.Command(self, "worker", string(spec)), &opening{}
	c.cmd.Stderr = c.said
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	c.lines = make(chan string)
	go func(lines chan string) {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}(c.lines)
	// It says when it is ready: the models have been made by then.
	if line, ok := <-c.lines; !ok || line != ready {
		c.end()
		return fmt.Errorf("a child does not start: %s", c.said)
	}
	return nil
}

// end ends the process, where there is one, and waits for it.
func (c *child) end() {
	if c.cmd == nil {
		return
	}
	c.in.Close()
	_ = c.cmd.Process.Kill() // it may have ended
	for range c.lines {      // its reader ends before Wait closes the pipe
	}
	_ = c.cmd.Wait() // killed, mostly
	c.cmd = nil
}

// judge has a case tried. A slow one is tried once more, in a new process: it may have paid
// for what came before, or the machine may have been busy.
func (c *child) judge(ctx context.Context, number int) (verdict, error) {
	v, err := c.try(ctx, number)
	if err == nil && v.Finding == "" && v.Seconds > maxSeconds {
		c.end()
		if v, err = c.try(ctx, number); err == nil && v.Finding == "" && v.Seconds > maxSeconds {
			v.Finding = fmt.Sprintf("it takes %.1f s, may take %g", v.Seconds, maxSeconds)
		}
	}
	if v.Finding != "" {
		c.end() // whatever it has left behind is not the next case's fault
	}
	return v, err
}

func (c *child) try(ctx context.Context, number int) (verdict, error) {
	if c.cmd == nil {
		if err := c.start(); err != nil {
			return verdict{}, err
		}
	}
	v := verdict{Case: number}
	if _, err := fmt.Fprintln(c.in, number); err != nil && !errors.Is(err, os.ErrClosed) {
		v.Finding = "the process has died after the case before"
		return v, nil
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return v, ctx.Err()
	case <-timer.C:
		v.Seconds = patience.Seconds() // at least
	case line, ok := <-c.lines:
		if !ok {
			err := c.cmd.Wait()
			c.cmd = nil
			v.Finding = fmt.Sprintf("the process died: %v: %s", err, c.said)
			return v, nil
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			return v, fmt.Errorf("a child says %q: %w", line, err)
		}
		v.Case = number
	}
	return v, nil
}

// opening keeps the beginning of what a dying process says.
type opening struct {
	mu sync.Mutex
	b  []byte
}

func (t *opening) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p[:min(len(p), 4096-len(t.b))]...)
	return len(p), nil
}

func (t *opening) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.b)), "\n")
	return strings.Join(lines[:min(len(lines), 30)], "\n")
}
