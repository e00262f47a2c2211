// Command fuzz runs every fuzz target of the project in turn, those of new packages too,
// and prints a line for each. It is run from the root of the repository:
//
//	go run ./internal/fuzz -time 10m    # each
//	go run ./internal/fuzz -total 60s   # divided among them
//
// It fails where one has found something, when the others have had their turn. What was
// found is in testdata/fuzz of the package: an ordinary test from then on.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	each := flag.Duration("time", 10*time.Minute, "for each target")
	total := flag.Duration("total", 0, "for all targets together, in place of -time")
	flag.Parse()
	patterns := flag.Args()
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	if err := run(ctx, patterns, *each, *total, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

// run fuzzes the targets of the packages and writes a line for each.
func run(ctx context.Context, patterns []string, each, total time.Duration, out io.Writer) error {
	targets, err := list(ctx, patterns)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return fmt.Errorf("no targets in %s", strings.Join(patterns, " "))
	}
	if total != 0 {
		each = total / time.Duration(len(targets))
	}
	if each <= 0 {
		return errors.New("a time must be positive")
	}
	failed := 0
	for _, t := range targets {
		r, err := t.fuzz(ctx, each)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		verdict := "ok"
		if err != nil {
			verdict = "FAILED"
			failed++
		}
		fmt.Fprintf(out, "%-45s %10s executions, %5s new interesting, %v: %s\n", t, r.executions, r.interesting, each.Round(time.Second/10), verdict)
		if err != nil {
			fmt.Fprintf(out, "%v\n%s", err, r.said)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d targets failed", failed, len(targets))
	}
	return nil
}

// target is a fuzz target: its package and its function.
type target struct{ pkg, name string }

func (t target) String() string { return t.pkg + " " + t.name }

// list finds the targets of packages.
func list(ctx context.Context, patterns []string) ([]target, error) {
	const format = `{{range .TestGoFiles}}{{$.ImportPath}} {{$.Dir}}/{{.}}
{{end}}{{range .XTestGoFiles}}{{$.ImportPath}} {{$.Dir}}/{{.}}
{{end}}`
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-f", format}, patterns...)...)
	files, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return nil, fmt.Errorf("go list: %s", bytes.TrimSpace(exit.Stderr))
		}
		return nil, fmt.Errorf("go list: %w", err)
	}
	var targets []target
	for line := range strings.Lines(string(files)) {
		pkg, file, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, m := range function.FindAllSubmatch(source, -1) {
			targets = append(targets, target{pkg, string(m[1])})
		}
	}
	return targets, nil
}

var function = regexp.MustCompile(`(?m)^func (Fuzz\w*)\(\w+ \*testing\.F\)`)

// result is what a target's turn has come to.
type result struct {
	executions, interesting string // the last numbers that it gave, "?" where it gave none
	said                    string // all of its output
}

// fuzz gives the target its turn.
func (t target) fuzz(ctx context.Context, d time.Duration) (result, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", d.String(), "-fuzzminimizetime", "5s", t.pkg)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	said, err := cmd.CombinedOutput()
	if late.Match(said) {
		err = nil
	}
	return read(string(said)), err
}

// late is what go test says where the time was up in the middle of an execution, which is
// no finding. A finding has more lines.
var late = regexp.MustCompile(`(?m)^--- FAIL: Fuzz\w+ \(.*\)\n    context deadline exceeded\nFAIL$`)

var progress = regexp.MustCompile(`fuzz: elapsed: .*, execs: (\d+) .*, new interesting: (\d+)`)

// read takes the numbers out of a target's output.
func read(said string) result {
	r := result{"?", "?", said}
	for _, m := range progress.FindAllStringSubmatch(said, -1) {
		r.executions, r.interesting = m[1], m[2]
	}
	return r
}
