package main

import (
	"bytes"
	"math"
	"math/rand/v2"
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
		set := &scored{levels: make([]uint8, n*16)}
		for k := range set.levels {
			set.levels[k] = uint8(rng.IntN(3))
		}
		for range n {
			if classes > 0 {
				set.classes = append(set.classes, rng.IntN(classes))
			}
		}
		var w bytes.Buffer
		if err := set.score(t.Context(), s, &bar{w: &w, images: n, width: 80, start: time.Now()}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(w.String(), "256 of 519 images") {
			t.Errorf("%q, want some of 519 images", w.String())
		}
		want, err := s.LogProb(t.Context(), set.levels)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, set.logProb, want)
		if classes > 0 {
			if want, err = s.LogProbGiven(t.Context(), set.levels, set.classes); err != nil {
				t.Fatal(err)
			}
		} else {
			want = nil
		}
		compare(t, set.given, want)
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
