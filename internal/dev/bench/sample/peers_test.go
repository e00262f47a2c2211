package sample

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// peer is a process that runs PyTorch's loops, one at a time as it is told.
type peer struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// peers enters PyTorch's loops, for one image and for 64: as installed, and where there
// is a folder with OpenBLAS, with that and with a malloc that keeps its memory.
func (m *machine) peers(c *contest) ([]*way, error) {
	if m.python == "" {
		return nil, nil
	}
	installs := []struct {
		name string
		env  []string
	}{{"as installed", nil}}
	if m.blas != "" {
		installs = append(installs, struct {
			name string
			env  []string
		}{"tuned", []string{
			"LD_LIBRARY_PATH=" + m.blas,
			"MALLOC_TRIM_THRESHOLD_=4000000000", "MALLOC_MMAP_THRESHOLD_=4000000000", "MALLOC_TOP_PAD_=67108864",
		}})
	}
	var ways []*way
	for _, install := range installs {
		p, err := startPeer(m.python, "peer_loops.py", m.threads, install.env)
		if err != nil {
			return nil, err
		}
		m.closers = append(m.closers, p.close)
		for _, loop := range []string{"naive", "best"} {
			w := &way{name: fmt.Sprintf("PyTorch's %s loop, %s", loop, install.name)}
			for _, n := range batches {
				var k *contestant
				if n == 1 || n == dense {
					k = &contestant{
						name: fmt.Sprintf("%s, %d", w.name, n),
						run:  func(context.Context) (spent, error) { return p.draw(loop, n) },
					}
					c.all = append(c.all, k)
				}
				w.at = append(w.at, k)
			}
			ways = append(ways, w)
		}
	}
	return ways, nil
}

func startPeer(python, script string, threads int, env []string) (*peer, error) {
	p := &peer{cmd: exec.Command(python, "internal/dev/bench/sample/"+script, strconv.Itoa(threads))}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	return p, p.cmd.Start()
}

// draw tells the process to draw n images, and takes its word for how long that took, and
// for the processor's time, if it gives that.
func (p *peer) draw(loop string, n int) (spent, error) {
	if _, err := fmt.Fprintln(p.in, loop, n); err != nil {
		return spent{}, err
	}
	if !p.out.Scan() {
		return spent{}, errors.Join(fmt.Errorf("%s has ended", strings.Join(p.cmd.Args, " ")), p.out.Err())
	}
	var seconds [2]float64
	for i, word := range strings.Fields(p.out.Text()) {
		var err error
		if seconds[i], err = strconv.ParseFloat(word, 64); err != nil {
			return spent{}, err
		}
	}
	of := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	return spent{of(seconds[0]), of(seconds[1])}, nil
}

func (p *peer) close() error { return errors.Join(p.in.Close(), p.cmd.Wait()) }
