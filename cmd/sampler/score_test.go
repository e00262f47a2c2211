package main

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pixelcnn/export"
	"pixelcnn/internal/modeltest"
	"pixelcnn/models"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// TestScoreInParts: images are scored in parts, which shows on the bar and not in the
// result.
func TestScoreInParts(t *testing.T) {
	rt, err := runtime.OpenAny(runtime.Auto, runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Close()
	for _, classes := range []int{0, 3} {
		var file bytes.Buffer
		c := models.Config{Hidden: 4, Blocks: 1, Kernel: 3, Size: 4, Levels: 3, Classes: classes}
		if err := export.Write(&file, modeltest.Random(t, c, 1), export.Meta{}); err != nil {
			t.Fatal(err)
		}
		s, err := sampler.Open(rt, file.Bytes(), sampler.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		const n = 2*atOnce + 7
		rng := rand.New(rand.NewPCG(1, 1))
		levels := make([]uint16, n*16)
		for k := range levels {
			levels[k] = uint16(rng.IntN(3))
		}
		set := &scored{images: n, parts: func(first, n int) iter.Seq2[[]uint16, error] {
			return inParts(levels[first*16:(first+n)*16], atOnce*16)
		}}
		for range n {
			if classes > 0 {
				set.classes = append(set.classes, rng.IntN(classes))
			}
		}
		var w bytes.Buffer
		r := &scoring{f: &scoreFlags{}, s: s, set: set, n: n, bar: &bar{w: &w, images: n, width: 80, start: time.Now()}}
		var logProb, given []float64
		err = r.score(t.Context(), 0, n, false, nil, func(f found) error {
			logProb, given = append(logProb, f.logProb), append(given, f.given)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(w.String(), "256 of 519 images") {
			t.Errorf("%q, want some of 519 images", w.String())
		}
		want, err := s.LogProb(t.Context(), levels)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, logProb, want)
		if classes > 0 {
			if want, err = s.LogProbGivenClass(t.Context(), levels, set.classes); err != nil {
				t.Fatal(err)
			}
		} else {
			want = make([]float64, n)
		}
		compare(t, given, want)
	}
}

func compare(t *testing.T, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d results, want %d", len(got), len(want))
	}
	for i, w := range want {
		if math.Abs(got[i]-w) > 1e-4 {
			t.Errorf("image %d: %g, want %g", i, got[i], w)
		}
	}
}

// TestReadInParts: a folder's pictures are read a part at a time, and no more than asked for.
func TestReadInParts(t *testing.T) {
	const first, n = 3, 2*atOnce + 1 // two parts and a picture
	errBad, bad := errors.New("bad"), -1
	read := func(_ context.Context, i int) ([]uint16, error) {
		if i == bad {
			return nil, errBad
		}
		return []uint16{uint16(i), uint16(i)}, nil
	}
	var sizes []int
	for levels, err := range readInParts(t.Context(), read, first, n) {
		if err != nil {
			t.Fatal(err)
		}
		if want := uint16(first + atOnce*len(sizes)); !slices.Equal(levels[:2], []uint16{want, want}) {
			t.Errorf("part %d begins with %v, want %d", len(sizes), levels[:2], want)
		}
		sizes = append(sizes, len(levels)/2)
	}
	if !slices.Equal(sizes, []int{atOnce, atOnce, 1}) {
		t.Errorf("parts of %v pictures", sizes)
	}

	bad = first + atOnce // the second part's first
	for levels, err := range readInParts(t.Context(), read, first, n) {
		if len(levels) != 2*atOnce || err != nil {
			t.Errorf("%d levels, error %v", len(levels), err)
		}
		break
	}
	var last error
	for _, err := range readInParts(t.Context(), read, first, n) {
		last = err
	}
	if !errors.Is(last, errBad) {
		t.Errorf("error %v", last)
	}
}
