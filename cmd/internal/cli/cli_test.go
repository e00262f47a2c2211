package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

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
		{"usage", Usagef("--x is 0"), false, 2, "tool: --x is 0\nTry 'tool --help'.\n"},
		{"an invalid setting", fmt.Errorf("%w: x", bad), false, 2, "tool: bad setting: x\nTry 'tool --help'.\n"},
		{"a line break in a name", fmt.Errorf("a\nTry\ttool: %w", disk), false, 1, "tool: a\n  Try\ttool: disk full\n"},
		{"lines of its own", errors.New("none:\n  here\ntool: well"), false, 1, "tool: none:\n  here\n  tool: well\n"},
		{"a command to a terminal", errors.New("\x1b]0;x\a: bad"), false, 1, `tool: \x1b]0;x\a: bad` + "\n"},
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
