package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// TestRun checks the exit status and the line of error.
func TestRun(t *testing.T) {
	bad := errors.New("bad setting")
	disk := errors.New("disk full")
	stopped := fmt.Errorf("stopped: %w", context.Canceled)
	for _, c := range []struct {
		name   string
		err    error
		cancel bool
		status int
		stderr string
	}{
		{"well", nil, false, 0, ""},
		{"a failure", disk, false, 1, "tool: disk full\n"},
		{"the name is there already", fmt.Errorf("tool: %w", disk), false, 1, "tool: disk full\n"},
		{"two failures", errors.Join(disk, nil, disk), false, 1, "tool: disk full; disk full\n"},
		{"two in one", fmt.Errorf("%w: %w", disk, disk), false, 1, "tool: disk full: disk full\n"},
		{"a line break in a name", fmt.Errorf("a\nTry\ttool: %w", disk), false, 1, "tool: a\n  Try\ttool: disk full\n"},
		{"lines of its own", errors.New("none:\n  here\ntool: well"), false, 1, "tool: none:\n  here\n  tool: well\n"},
		{"a command to a terminal", errors.New("\x1b]0;x\a: bad"), false, 1, `tool: \x1b]0;x\a: bad` + "\n"},
		{"usage", Usagef("--x is 0"), false, 2, "tool: --x is 0\nTry 'tool --help'.\n"},
		{"an invalid setting", fmt.Errorf("%w: x", bad), false, 2, "tool: bad setting: x\nTry 'tool --help'.\n"},
		{"interrupted", stopped, true, 130, "tool: interrupted\n"},
		{"interrupted, as a second cause", fmt.Errorf("%w: %w", disk, stopped), true, 130, "tool: interrupted\n"},
		{"interrupted twice", errors.Join(stopped, stopped), true, 130, "tool: interrupted\n"},
		{"interrupted, and a failure", errors.Join(stopped, errors.Join(disk)), true, 1, "tool: interrupted; disk full\n"},
		{"a failure while interrupted", disk, true, 1, "tool: disk full\n"},
		{"a cancellation of its own", stopped, false, 1, "tool: stopped: context canceled\n"},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		if c.cancel {
			cancel()
		}
		cmd := &cobra.Command{Use: "tool", RunE: func(*cobra.Command, []string) error { return c.err }}
		var stdout, stderr strings.Builder
		status := Run(ctx, cmd, nil, strings.NewReader(""), &stdout, &stderr, bad)
		cancel()
		if status != c.status || stderr.String() != c.stderr {
			t.Errorf("%s: status %d and %q, want %d and %q", c.name, status, stderr.String(), c.status, c.stderr)
		}
	}
}

// TestWait checks what becomes of a command after an interrupt.
func TestWait(t *testing.T) {
	const soon, late = 10 * time.Millisecond, time.Hour
	for _, c := range []struct {
		name                      string
		interrupt, ends, finishes bool
		grace                     time.Duration
		status                    int
		stderr                    string
	}{
		{"it ends", false, true, false, soon, 7, ""},
		{"it ends in time", true, true, false, late, 7, ""},
		{"it does not", true, false, false, soon, 130, "tool: interrupted; it did not stop within 10ms and was cut short\n"},
		{"it finishes", true, false, true, soon, 7, "tool: interrupted, finishing; once more ends it at once\n"},
	} {
		ctx, cancel := context.WithCancel(context.WithValue(context.Background(), finishes{}, new(atomic.Bool)))
		done := make(chan int, 1)
		if c.interrupt {
			cancel()
		}
		if c.ends {
			done <- 7
		}
		if c.finishes {
			Finishes(ctx)
			time.AfterFunc(20*soon, func() { done <- 7 })
		}
		var stderr strings.Builder
		if status := wait(ctx, "tool", done, c.grace, &stderr); status != c.status || stderr.String() != c.stderr {
			t.Errorf("%s: status %d and %q, want %d and %q", c.name, status, stderr.String(), c.status, c.stderr)
		}
		cancel()
	}
}
