package languages

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

var (
	all   = flag.Bool("all", false, "run every engine: it installs and builds for minutes")
	parts = flag.String("engines", "", "with -all, those whose names have one of these in them, with commas between")
)

// TestAll prints the Markdown table of docs/portability.md, and fails where a pixel
// differs. What it installs and builds goes to the user's cache.
func TestAll(t *testing.T) {
	if !*all {
		t.Skip("it runs with -all only: make languages")
	}
	tasks, err := makeTasks(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	head(os.Stdout, tasks)
	for _, e := range engines {
		if !matches(e.name, strings.Split(*parts, ",")) {
			continue
		}
		if wrong := row(t.Context(), os.Stdout, e, tasks); wrong > 0 {
			t.Errorf("%s: %d pixels differ", e.name, wrong)
		}
	}
}

func matches(name string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(strings.ToLower(name), strings.ToLower(p)) {
			return true
		}
	}
	return false
}

func head(w io.Writer, tasks []task) {
	fmt.Fprint(w, "| engine | version | program |")
	for _, t := range tasks {
		fmt.Fprintf(w, " %s |", t.name)
	}
	fmt.Fprint(w, "\n|---|---|---|", strings.Repeat("---|", len(tasks)), "\n")
}

// row runs an engine's tasks, and tells how many pixels differ.
func row(ctx context.Context, w io.Writer, e engine, tasks []task) (wrong int) {
	fmt.Fprintf(os.Stderr, "%s: preparing\n", e.name)
	began := time.Now()
	command, err := e.prepare(ctx)
	fmt.Fprintf(w, "| %s | %s | %s |", e.name, e.version(), e.program)
	if err != nil {
		fmt.Fprintf(w, " not run: %s |%s\n", oneLine(err), strings.Repeat(" |", len(tasks)-1))
		return 0
	}
	failed := false
	for _, t := range tasks {
		differ, seconds, err := t.draw(ctx, command)
		if err != nil && failed {
			fmt.Fprint(w, " fails |") // told in the first one's place
			continue
		} else if err != nil {
			fmt.Fprintf(w, " fails: %s |", oneLine(err))
			failed = true
			continue
		}
		wrong += differ
		fmt.Fprintf(w, " %d, %.2f s |", differ, seconds)
	}
	fmt.Fprintln(w)
	fmt.Fprintf(os.Stderr, "%s: done in %v\n", e.name, time.Since(began).Round(time.Second))
	return wrong
}

// oneLine is an error as it fits into a table.
func oneLine(err error) string {
	s := strings.Join(strings.Fields(err.Error()), " ")
	if r := []rune(s); len(r) > 160 {
		s = string(r[:160]) + "…"
	}
	return strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(s)
}
