// Command parity draws the same images with every runtime and compares them pixel by
// pixel: ONNX Runtime in each version whose checksum is known, and the runtime in Go. It
// is run from the root of the repository:
//
//	go run ./internal/dev/parity fetch     # the libraries that are not here
//	go run ./internal/dev/parity -n 1000   # a Markdown table
//
// A process can hold one libonnxruntime only, so each runtime draws in a process of its
// own: this program again, with the argument "draw". It fails where a pixel differs.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
)

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		log.Fatal("parity: ", err)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "fetch":
			return fetch(ctx)
		case "draw":
			return child(ctx, os.Stdin, os.Stdout)
		}
	}
	flags := flag.NewFlagSet("parity", flag.ContinueOnError)
	n := flags.Int("n", 1000, "images of each model at each temperature")
	if err := flags.Parse(args); err != nil {
		return err
	}
	files, err := models(".")
	if err != nil {
		return err
	}
	libs, missing := libraries()
	for _, version := range missing {
		log.Printf("ONNX Runtime %s is not here: go run ./internal/dev/parity fetch", version)
	}
	rows, err := compare(ctx, libs, job{Files: files, Temperatures: []float64{1, 0.7}, N: *n, Seed: 7})
	if err != nil {
		return err
	}
	differing := 0
	printTable(os.Stdout, libs, rows)
	for _, r := range rows {
		for _, d := range r.Differing {
			differing += d
		}
	}
	if differing > 0 {
		return fmt.Errorf("%d pixels differ", differing)
	}
	return nil
}
