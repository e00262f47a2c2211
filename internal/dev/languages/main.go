// Command languages draws from the one-file samplers of the shipped models with the
// example programs of every language, and with other engines than ONNX Runtime, as far as
// the machine's toolchains allow, and compares the pixels with the sampler's. It is run
// from the root of the repository:
//
//	go run ./internal/dev/languages        # a Markdown table, that of docs/portability.md
//	go run ./internal/dev/languages rten   # of the engines whose names have that in them
//
// What it installs and builds goes to the user's cache. It fails where a pixel differs.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		log.Fatal("languages: ", err)
	}
}

func run(ctx context.Context, names []string) error {
	dir, err := os.MkdirTemp("", "pixelcnn-languages-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	tasks, err := makeTasks(ctx, dir)
	if err != nil {
		return err
	}
	head(os.Stdout, tasks)
	wrong := 0
	for _, e := range engines {
		if len(names) > 0 && !matches(e.name, names) {
			continue
		}
		wrong += row(ctx, os.Stdout, e, tasks)
	}
	if wrong > 0 {
		return fmt.Errorf("%d pixels differ", wrong)
	}
	return ctx.Err()
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
	log.Printf("%s: preparing", e.name)
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
	log.Printf("%s: done in %v", e.name, time.Since(began).Round(time.Second))
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
