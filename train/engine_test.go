package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestGradientOfBatch compares the gradient that the lanes add up, over passes of
// different sizes, with that of one pass over the whole batch.
func TestGradientOfBatch(t *testing.T) {
	m := small(t)
	data := stripes(100, m.Size, m.Levels)
	l := newPacking(m)
	index := rand.New(rand.NewPCG(1, 1)).Perm(100)[:76]
	gradient := func(images, threads int) ([]float64, float64) {
		e, err := newEngine(env(), m, l, l.initial(1, FanIn), Config{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		defer e.close()
		e.images = images
		if _, err := e.gradient(context.Background(), data, index[:50]); err != nil { // leaves sums behind
			t.Fatal(err)
		}
		nll, err := e.gradient(context.Background(), data, index)
		if err != nil {
			t.Fatal(err)
		}
		sum := make([]float64, l.len)
		for _, lane := range e.lanes {
			for i, x := range lane {
				sum[i] += float64(x)
			}
		}
		return sum, nll
	}
	want, nll := gradient(76, 1)
	same, _ := gradient(3, 1)
	for _, c := range []struct{ images, threads int }{{3, 1}, {3, 2}, {3, 7}, {1, 2}, {5, 3}, {50, 2}} {
		got, n := gradient(c.images, c.threads)
		if math.Abs(n-nll) > 1e-5*nll {
			t.Errorf("%+v: negative log-likelihood %v, want %v", c, n, nll)
		}
		for i := range got {
			if math.Abs(got[i]-want[i]) > 1e-4*(1+math.Abs(want[i])) {
				t.Errorf("%+v: gradient %d is %v, want %v", c, i, got[i], want[i])
				break
			}
		}
		if c.images == 3 && !slices.Equal(got, same) {
			t.Errorf("%+v: the gradient depends on the threads", c)
		}
	}
}

// TestTurns: the last lanes, as many as there are threads, take turns.
func TestTurns(t *testing.T) {
	for _, c := range []struct {
		passes, threads, whole int
		last                   []turn
	}{
		{32, 2, 14, []turn{{14, 28, 29, -1}, {15, 30, 31, -1}, {14, 29, 30, 14}, {15, 31, 32, 15}}},
		{48, 1, 15, []turn{{15, 45, 46, -1}, {15, 46, 47, 15}, {15, 47, 48, 16}}},
		{5, 2, 14, []turn{{14, 4, 4, -1}, {15, 4, 5, -1}}}, // a lane without passes has a turn
		{40, 3, 13, []turn{{13, 32, 33, -1}, {14, 35, 36, -1}, {15, 37, 38, -1}, {13, 33, 34, 13}, {14, 36, 37, 14}, {15, 38, 39, 15}, {13, 34, 35, 16}, {15, 39, 40, 18}}},
	} {
		list := turns(c.passes, c.threads)
		if got := list[c.whole:]; !slices.Equal(got, c.last) {
			t.Errorf("%d passes, %d threads: %v, want %v", c.passes, c.threads, got, c.last)
		}
		for i, x := range list[:c.whole] {
			if want := (turn{i, c.passes * i / lanes, c.passes * (i + 1) / lanes, -1}); x != want {
				t.Errorf("%d passes, %d threads: %v, want %v", c.passes, c.threads, x, want)
			}
		}
	}
	if n := len(turns(32, 40)); n != 32 {
		t.Errorf("%d turns of 32 passes on 40 threads", n)
	}
}

func TestParallel(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	for threads := 1; threads <= 4; threads++ {
		e := &engine{threads: threads}
		var done [9]int
		if err := e.parallel(context.Background(), len(done), func(_, i int) error { done[i]++; return nil }); err != nil {
			t.Error(err)
		}
		if done != [9]int{1, 1, 1, 1, 1, 1, 1, 1, 1} {
			t.Errorf("%d threads: calls %v, want one each", threads, done)
		}
		err := e.parallel(context.Background(), 2, func(_, i int) error { return []error{first, second}[i] })
		if err != first {
			t.Errorf("%d threads: error %v, want the first", threads, err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		calls := 0
		err = (&engine{threads: 1}).parallel(ctx, 100, func(int, int) error { calls++; cancel(); return nil })
		if calls != 1 || !errors.Is(err, context.Canceled) {
			t.Errorf("%d calls after the context's end, error %v", calls-1, err)
		}
	}
}

func TestLikelihood(t *testing.T) {
	// Three images of 2 pixels: 0.5, 1 and 1.5 nats/dim. Mean 1, deviation 0.5.
	l := summary([]float32{1, 2, 3}, 2)
	if l.NatsPerDim != 1 || math.Abs(l.StdErr-0.5/math.Sqrt(3)) > 1e-15 || l.Images != 3 {
		t.Errorf("%+v", l)
	}
	if got, want := l.BitsPerDim(), 1/math.Ln2; got != want {
		t.Errorf("%v bits/dim, want %v", got, want)
	}
	if l := summary([]float32{4}, 2); l.NatsPerDim != 2 || l.StdErr != 0 {
		t.Errorf("one image: %+v", l)
	}
}
