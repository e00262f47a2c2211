package sample

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

var (
	attention = flag.String("attention", "", "measure networks with attention: the `FOLDER` that attention_models.py filled")
	images    = flag.String("images", "1,64", "numbers of images at once")
	only      = flag.String("only", "", "a part of the names of what is measured")
)

// TestAttention measures networks with attention: the compiled form, the full loop and the
// limits. It counts the processor's time beside the clock's, which others' work does not
// stretch as much.
func TestAttention(t *testing.T) {
	if *attention == "" {
		t.Skip("it measures with -attention FOLDER only")
	}
	ort, err := runtime.Open(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer ort.Close()
	inGo, err := runtime.Go()
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, s := range strings.Split(*images, ",") {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, n)
	}
	fmt.Println("| | images at once | processor, s an image | images/s |\n|---|---|---|---|")
	for _, name := range []string{"transformer", "pixelsnail"} {
		path := filepath.Join(*attention, name+".onnx")
		for kind, rt := range map[string]onnx.Runtime{"ONNX Runtime": ort, "Go": inGo} {
			for _, n := range sizes {
				what := name + ", compiled, " + kind
				if strings.Contains(what, *only) {
					drawAll(t, rt, path, what, n)
				}
			}
		}
		// A pass of the whole network for each pixel; it is timed for one.
		report(t, name+", full loop, ONNX Runtime", 4, 1024, func() error { return pass(ort, path, name == "transformer", 4) })
	}
	const rows, layers, width = 64, 8, 256
	products := &onnx.Graph{Name: "products"}
	x := products.Input("x", onnx.Float32, onnx.Fixed(rows), onnx.Fixed(width))
	y := x
	for range layers {
		for _, out := range []int{3 * width, width, 4 * width, width} {
			in := y.Shape[1].Size
			w := onnx.Const("", onnx.NewTensor(make([]float32, in*out), in, out))
			y = products.Op("MatMul", nil, y, w)
			y.Shape = onnx.Shape(rows, out)
			if out == 3*width { // of which attention leaves a third
				y = products.Op("Slice", nil, y, numbers(0), numbers(width), numbers(1))
				y.Shape = onnx.Shape(rows, width)
			}
		}
	}
	products.Output(y, "y", onnx.Float32, onnx.Fixed(rows), onnx.Fixed(width))
	s, err := inGo.Load(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: products}, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Bind([]*onnx.Tensor{onnx.NewTensor(make([]float32, rows*width), rows, width)}, []*onnx.Tensor{onnx.NewTensor(make([]float32, rows*width), rows, width)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	report(t, "transformer, limit: products, 64 rows", rows, 1024/64, func() error {
		for range 64 {
			if err := b.Run(t.Context()); err != nil {
				return err
			}
		}
		return nil
	})
	// Keys and values of all pixels before, in each layer: Σ p·2·width·4 bytes.
	const read = layers * 2 * width * 4 * 1024 * 1023 / 2
	cache := make([]byte, 512<<20)
	report(t, "transformer, limit: reading the cache", 1, float64(read)/float64(len(cache)), func() error {
		if bytes.Count(cache, []byte{1}) > 0 {
			return fmt.Errorf("not empty")
		}
		return nil
	})
}

func numbers(x ...int64) *onnx.Value { return onnx.Const("", onnx.NewTensor(x, len(x))) }

// report times f, which is one of so many parts of making n images.
func report(t *testing.T, what string, n int, parts float64, f func() error) {
	if !strings.Contains(what, *only) {
		return
	}
	begin, used := time.Now(), processor()
	if err := f(); err != nil {
		t.Error(what, err)
		return
	}
	used, wall := processor()-used, time.Since(begin)
	fmt.Printf("| %s | %d | %.3f | %.3g |\n", what, n, used.Seconds()*parts/float64(n), float64(n)/parts/wall.Seconds())
}

// processor is the time that processors have worked for this process.
func processor() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it cannot fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// drawAll opens a file and times the drawing of n images at once.
func drawAll(t *testing.T, rt onnx.Runtime, path, what string, n int) {
	s, err := sampler.OpenFile(rt, path, sampler.Config{Height: 32, Width: 32, Engine: sampler.Incremental, Batch: (n + 1) / 2, Head: "categorical"})
	if err != nil {
		t.Error(what, err)
		return
	}
	defer s.Close()
	draw := func() error {
		return s.Draw(t.Context(), sampler.Request{N: n, LevelsOnly: true}, make([]uint16, n*1024))
	}
	if n == 1 { // all is bound at first
		if err := draw(); err != nil {
			t.Error(what, err)
			return
		}
	}
	before := s.NearTies()
	report(t, what, n, 1, draw)
	fmt.Printf("| – of which near ties | | | %d |\n", s.NearTies()-before)
}

// pass runs the whole network once.
func pass(rt onnx.Runtime, path string, tokens bool, n int) error {
	file, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	s, err := onnx.LoadFile(rt, file, onnx.SessionOptions{})
	if err != nil {
		return err
	}
	defer s.Close()
	in, out := onnx.NewTensor(make([]float32, n*1024), n, 1, 32, 32), onnx.NewTensor(make([]float32, n*256*1024), n, 256, 32, 32)
	if tokens {
		in, out.Shape = onnx.NewTensor(make([]int64, n*1024), n, 1024), []int{n, 1024, 256}
	}
	b, err := s.Bind([]*onnx.Tensor{in}, []*onnx.Tensor{out})
	if err != nil {
		return err
	}
	defer b.Close()
	return b.Run(context.Background())
}
