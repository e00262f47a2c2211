package parity

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// row compares one file at one temperature. Its slices are by runtime.
type row struct {
	File        string
	Temperature float64
	Images      int
	Pixels      int     // of all images
	NearTies    []int64 // draws that were settled in float64
	Differing   []int   // pixels that are other than the first runtime's
}

// compare has each of the runtimes do the job.
func compare(ctx context.Context, libs []library, j job) ([]row, error) {
	var rows []row
	var first []drawn
	for _, lib := range libs {
		j.Library = lib
		all, err := start(ctx, j)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", lib.name(), err)
		}
		if first == nil {
			first = all
		}
		for i, d := range all {
			if len(rows) <= i {
				rows = append(rows, row{
					File: j.Files[i/len(j.Temperatures)], Temperature: j.Temperatures[i%len(j.Temperatures)],
					Images: len(d.Levels) / d.Pixels, Pixels: len(d.Levels),
				})
			}
			differing, err := count(first[i].Levels, d.Levels)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", lib.name(), rows[i].File, err)
			}
			rows[i].NearTies = append(rows[i].NearTies, d.NearTies)
			rows[i].Differing = append(rows[i].Differing, differing)
		}
	}
	return rows, nil
}

// count is the number of places where a and b differ.
func count(a, b []byte) (int, error) {
	if len(a) != len(b) {
		return 0, fmt.Errorf("%d pixels, should be %d", len(b), len(a))
	}
	n := 0
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n, nil
}

// start has a process of its own do the job.
func start(ctx context.Context, j job) ([]drawn, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	in, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, "draw")
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(errs.Bytes()))
	}
	var all []drawn
	for decoder := json.NewDecoder(&out); ; {
		var d drawn
		switch err := decoder.Decode(&d); {
		case err == io.EOF:
			if want := len(j.Files) * len(j.Temperatures); len(all) != want {
				return nil, fmt.Errorf("%d results, should be %d", len(all), want)
			}
			return all, nil
		case err != nil:
			return nil, err
		case d.Pixels < 1 || len(d.Levels) != j.N*d.Pixels:
			return nil, fmt.Errorf("%d levels of %d images of %d pixels", len(d.Levels), j.N, d.Pixels)
		}
		all = append(all, d)
	}
}

// printTable writes the rows as Markdown.
func printTable(w io.Writer, libs []library, rows []row) {
	fmt.Fprint(w, "| file | T | images | pixels ")
	for _, lib := range libs {
		fmt.Fprintf(w, "| near ties, %s ", lib.name())
	}
	for _, lib := range libs[1:] {
		fmt.Fprintf(w, "| pixels that differ, %s ", lib.name())
	}
	fmt.Fprint(w, "|\n|---|")
	for range 2 + 2*len(libs) {
		fmt.Fprint(w, "---|")
	}
	fmt.Fprintln(w)
	for _, r := range rows {
		fmt.Fprintf(w, "| %s | %g | %d | %d ", filepath.ToSlash(r.File), r.Temperature, r.Images, r.Pixels)
		for _, n := range r.NearTies {
			fmt.Fprintf(w, "| %d ", n)
		}
		for _, n := range r.Differing[1:] {
			fmt.Fprintf(w, "| %d ", n)
		}
		fmt.Fprintln(w, "|")
	}
}
