// Command mutate damages model files in as many ways as it is told, and shows each damaged
// file to everything that reads one. It is run from the root of the repository:
//
//	go run ./internal/dev/mutate -n 100000 [file.onnx …]
//
// A case is a model with some bits flipped, a span cut, moved or taken from another file,
// a field of the protobuf message changed, or the graph itself edited: operators,
// attributes, edges, constants, sizes. The same seed gives the same cases, so -from and -n
// repeat any of them. Each case goes through the checks, the compiler and the sampler on
// the runtime in Go, which draws where it can; what the checks let through is loaded and
// run by ONNX Runtime.
//
// All that happens in child processes, which take one case after the other. A case is a
// finding where there is a panic, a child dies, or a case takes longer or more memory than
// it may; its file is saved, and the command fails.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		log.Fatal("mutate: ", err)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "worker" {
		return work(args[1:], os.Stdin, os.Stdout)
	}
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	j := job{Root: "."}
	flags.Uint64Var(&j.Seed, "seed", 1, "which mutations")
	flags.IntVar(&j.From, "from", 0, "number of the first case")
	flags.IntVar(&j.N, "n", 100_000, "number of cases")
	flags.IntVar(&j.Processes, "j", 2, "child processes at once")
	dir := flags.String("save", filepath.Join(os.TempDir(), "mutate"), "folder for the files of findings")
	if err := flags.Parse(args); err != nil {
		return err
	}
	j.Files = flags.Args()
	m, err := newMaterial(j)
	if err != nil {
		return err
	}
	start := time.Now()
	sum, err := j.run(ctx, func(v verdict, done int, sum summary) {
		if v.Finding != "" {
			log.Printf("case %d: %s\n%s", v.Case, save(m, v.Case, *dir), v.Finding)
		}
		if done%5000 == 0 {
			log.Printf("%d of %d cases, %v: %v", done, j.N, time.Since(start).Round(time.Second), sum)
		}
	})
	if err != nil {
		return err
	}
	fmt.Printf("%d cases in %v: %v\n", j.N, time.Since(start).Round(time.Second), sum)
	if n := len(sum.Findings); n > 0 {
		return fmt.Errorf("%d findings", n)
	}
	return nil
}

// save writes the file of a case into a folder, and says of what it was made and where it
// is.
func save(m *material, number int, dir string) string {
	file, from := m.mutant(number)
	path := filepath.Join(dir, fmt.Sprintf("%d-%d.onnx", m.seed, number))
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = os.WriteFile(path, file, 0o644)
	}
	if err != nil {
		return fmt.Sprintf("made of %s, not saved: %v", from, err)
	}
	return fmt.Sprintf("made of %s, saved as %s", from, path)
}
