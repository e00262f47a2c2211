package sampler_test

import (
	"context"
	"reflect"
	"testing"

	"pixelcnn/sampler"
)

// TestWatch: requests that share batches are each shown their own images as they grow, and
// end with what is returned; the one that is given up ends with the step, beside one that
// goes on.
func TestWatch(t *testing.T) {
	for _, engine := range engines {
		s := openOn(t, env, file(t, small, 3), sampler.Config{Engine: engine, Threads: 2})
		var known, last []int
		var levels []uint16
		watch := func(step sampler.Step) {
			n := 0
			for _, k := range step.Known {
				if k {
					n++
				}
			}
			known, last = append(known, n), append(last, int(step.First))
			levels = step.Levels
		}
		gone := make(chan struct{})
		steps := 0
		requests := []sampler.Request{
			{First: 5, N: 3, Rounded: true, Parameters: sampler.Parameters{Seed: 2}, Watch: watch},
			{N: 2, Rounded: true, Parameters: sampler.Parameters{Seed: 9}},
			{N: 2, Done: gone, Watch: func(sampler.Step) {
				if steps++; steps == 3 {
					close(gone)
				}
			}},
		}
		got, err := s.Together(context.Background(), requests)
		if err != nil {
			t.Fatal(err)
		}
		for i, req := range requests[:2] {
			req.Watch = nil
			if want := samples(t, &set{Sampler: s}, req); !reflect.DeepEqual(got[i], want) {
				t.Errorf("%s: request %d: %v, want %v", engine, i, got[i], want)
			}
		}
		if got[2] != nil {
			t.Errorf("%s: a request that was given up has images", engine)
		}
		if n := len(known); n < 4 || known[n-1] != 3*49 || last[0] != 5 {
			t.Errorf("%s: it was shown %v known levels", engine, known)
		}
		for i := 1; i < len(known); i++ {
			if known[i] < known[i-1] {
				t.Errorf("%s: it was shown %v known levels", engine, known)
			}
		}
		for i, sample := range got[0] {
			if !reflect.DeepEqual(sample.Levels, levels[i*49:(i+1)*49]) {
				t.Errorf("%s: image %d is not the one that was shown", engine, i)
			}
		}

		// Nobody is left: it ends with the step.
		steps, gone = 0, make(chan struct{})
		got, err = s.Together(context.Background(), []sampler.Request{{N: 3, Done: gone, Watch: func(sampler.Step) {
			if steps++; steps == 2 {
				close(gone)
			}
		}}})
		if err != nil || got[0] != nil || steps != 2 {
			t.Errorf("%s: %d steps, images %v, error %v", engine, steps, got, err)
		}
	}
}

// TestLeave: of requests in one batch the larger one is given up half-way. The other goes on, in
// whatever there is for so few, and its images are the same.
func TestLeave(t *testing.T) {
	colours(t, func(t *testing.T, s *set, _ []float64) {
		for _, n := range []int{16, 48} { // makes what there is for a few, and for all, on two threads
			if _, err := s.Together(context.Background(), []sampler.Request{{N: n}}); err != nil {
				t.Fatal(err)
			}
		}
		want := samples(t, s, sampler.Request{N: 6, Parameters: sampler.Parameters{Seed: 5}})
		gone := make(chan struct{})
		steps, after := 0, -1 // steps, of the other after it left
		got, err := s.Together(context.Background(), []sampler.Request{
			{N: 18, Done: gone, Watch: func(sampler.Step) {
				if steps++; steps == 1 {
					close(gone)
				}
			}},
			{N: 6, Parameters: sampler.Parameters{Seed: 5}, Watch: func(sampler.Step) {
				after++
			}},
		})
		if err != nil || got[0] != nil || after < 1 {
			t.Fatalf("images %v, %d steps after the other left, error %v", got[0], after, err)
		}
		if !reflect.DeepEqual(got[1], want) {
			t.Errorf("images %v, want %v", got[1], want)
		}
	})
}
