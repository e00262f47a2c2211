package parity

import (
	"context"
	"flag"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain lets the test's own program be the process that draws.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "draw" {
		if err := child(context.Background(), os.Stdin, os.Stdout); err != nil {
			log.Fatal("parity: ", err)
		}
		return
	}
	os.Exit(m.Run())
}

var (
	images = flag.Int("images", 50, "images of each model at each temperature")
	get    = flag.Bool("fetch", false, "fetch the libraries that are not here, where they can be had")
)

// TestRuntimes is the comparison, by default with few images.
func TestRuntimes(t *testing.T) {
	if *get {
		if err := fetch(context.Background()); err != nil {
			t.Log("going on without it: ", err)
		}
	}
	files, err := models(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	libs, missing := libraries()
	if len(libs) < 2 {
		t.Fatal("no ONNX Runtime is here: make deps")
	}
	rows, err := compare(context.Background(), libs, job{Files: files, Temperatures: []float64{1, 0.7}, N: *images, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	printTable(&table, libs, rows)
	t.Logf("\n%s", table.String())
	for _, r := range rows {
		for i, lib := range libs {
			if r.Differing[i] > 0 {
				t.Errorf("%s, T = %g: %d of %d pixels that %s draws differ from the runtime in Go's", r.File, r.Temperature, r.Differing[i], r.Pixels, lib.name())
			}
		}
	}
	if len(missing) > 0 {
		t.Skipf("passed without ONNX Runtime %q, which is not here: make parity", missing)
	}
}

// TestDifferent compares two models as if they were runtimes, which must be noticed.
func TestDifferent(t *testing.T) {
	files, err := models(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	one, err := start(context.Background(), job{Files: files[1:2], Temperatures: []float64{1, 0.7}, N: 2})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := count(one[0].Levels, one[1].Levels); err != nil || n == 0 {
		t.Errorf("%d pixels differ between the temperatures, error %v", n, err)
	}
	if _, err := count(one[0].Levels, one[1].Levels[1:]); err == nil {
		t.Error("a missing pixel was not noticed")
	}
}

func TestFails(t *testing.T) {
	for name, c := range map[string]struct {
		job  job
		want string
	}{
		"no such file":    {job{Files: []string{"none.onnx"}, Temperatures: []float64{1}, N: 1}, "none.onnx"},
		"no such library": {job{Library: library{"1.2.3", t.TempDir()}}, "libonnxruntime"},
	} {
		_, err := start(context.Background(), c.job)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that names %s", name, err, c.want)
		}
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	printTable(&b, []library{{}, {"1.2.3", "x"}}, []row{{"a/b.onnx", 0.7, 10, 160, []int64{3, 4}, []int{0, 2}}})
	want := `| file | T | images | pixels | near ties, Go | near ties, ONNX Runtime 1.2.3 | pixels that differ, ONNX Runtime 1.2.3 |
|---|---|---|---|---|---|---|
| a/b.onnx | 0.7 | 10 | 160 | 3 | 4 | 2 |
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
