package shard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pixelcnn/internal/npy"
)

// images are 2×3 pixels, image i's all of level i mod 251.
func image(i int) []byte { return bytes.Repeat([]byte{byte(i % 251)}, 6) }

// newJob is the drawing of part at of 4 of 50 images, and counts the pieces that it makes.
func newJob(dir string, at int) (*Job, *atomic.Int32) {
	made := new(atomic.Int32)
	m := Manifest{
		Format: Format, Work: Draw, Shard: at, Shards: 4, Images: 50, Shape: []int{2, 3}, Levels: 256, Model: "abc", Version: "1",
		Parameters: map[string]json.RawMessage{"seed": []byte("7"), "temperature": []byte("0.8")},
		Output:     &Output{Type: npy.Uint8},
	}
	m.First, m.Count = m.Part().Range(m.Images)
	return &Job{Dir: dir, Manifest: m, Every: 3, Make: func(_ context.Context, first, n int, to *Piece) error {
		made.Add(1)
		for i := range n {
			if _, err := to.Write(image(first + i)); err != nil {
				return err
			}
		}
		return nil
	}}, made
}

// score makes a job that of scoring: image i has log-probability −i, and data holds its levels.
func score(j *Job, data *[]byte) {
	j.Manifest.Work, j.Manifest.Output = Score, nil
	j.Input = func(_ context.Context, first, n int, in io.Writer) error {
		_, err := in.Write((*data)[first : first+n])
		return err
	}
	made := j.Make
	j.Make = func(ctx context.Context, first, n int, to *Piece) error {
		to.Scores = new(Scores)
		for i := range n {
			to.Scores.All.Add(-float64(first + i))
		}
		if err := made(ctx, first, 0, to); err != nil {
			return err
		}
		return j.Input(ctx, first, n, to.Input)
	}
}

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func run(t *testing.T, j *Job) (skipped bool) {
	t.Helper()
	skipped, err := j.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return skipped
}

// TestRun: a shard is a pair; once it is there, it is not made again.
func TestRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "out")
	j, made := newJob(dir, 1) // images 13 to 25 in pieces of 3
	if run(t, j) || made.Load() != 5 {
		t.Errorf("%d pieces were made, want 5", made.Load())
	}
	if got, want := names(t, dir), []string{"shard-00001-of-00004.json", "shard-00001-of-00004.npy"}; !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
	b, err := os.ReadFile(j.path(".npy"))
	if err != nil {
		t.Fatal(err)
	}
	want := npy.Header{Type: npy.Uint8, Shape: []int{13, 2, 3}}.Marshal()
	for i := range 13 {
		want = append(want, image(13+i)...)
	}
	if !bytes.Equal(b, want) {
		t.Errorf("the output is %q, want %q", b, want)
	}
	if !run(t, j) || made.Load() != 5 {
		t.Error("it was made again")
	}
	j.Every = 100 // how often progress is kept is not what it is made of
	if !run(t, j) {
		t.Error("it was made again")
	}
}

// TestDoesNotFit: a shard that is there and not as it should be is an error that names what is
// different, and is replaced where that is asked for.
func TestDoesNotFit(t *testing.T) {
	edit := func(do func(m *Manifest)) func(t *testing.T, j *Job) {
		return func(_ *testing.T, j *Job) { do(&j.Manifest) }
	}
	file := func(ending string, do func(b []byte) []byte) func(t *testing.T, j *Job) {
		return func(t *testing.T, j *Job) {
			b, err := os.ReadFile(j.path(ending))
			if err == nil {
				err = os.WriteFile(j.path(ending), do(b), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, j *Job)
		want   string
	}{
		"model":     {edit(func(m *Manifest) { m.Model = "def" }), "model_sha256 is abc, must be def"},
		"seed":      {edit(func(m *Manifest) { m.Parameters["seed"] = []byte("8") }), "seed is 7, must be 8"},
		"parameter": {edit(func(m *Manifest) { m.Parameters["top_k"] = []byte("8") }), "top_k is not there, must be 8"},
		"without":   {edit(func(m *Manifest) { delete(m.Parameters, "seed") }), "seed is 7, must be not there"},
		"images":    {edit(func(m *Manifest) { m.Images = 51; m.First, m.Count = m.Part().Range(51) }), "number of images is 50, must be 51"},
		"levels":    {edit(func(m *Manifest) { m.Levels = 2 }), "levels is 256, must be 2"},
		"shape":     {edit(func(m *Manifest) { m.Shape = []int{3, 2} }), "shape is [2 3], must be [3 2]"},
		"version":   {edit(func(m *Manifest) { m.Version = "2" }), "version is 1, must be 2"},
		"type":      {edit(func(m *Manifest) { m.Output = &Output{Type: npy.Uint16} }), "output is |u1, must be <u2"},
		"cut":       {file(".npy", func(b []byte) []byte { return b[:len(b)-1] }), "205 bytes, its manifest says 206"},
		"changed":   {file(".npy", func(b []byte) []byte { b[len(b)-1]++; return b }), "was changed"},
		"header":    {file(".npy", func(b []byte) []byte { b[0]++; return b }), "not an NPY file"},
		"manifest":  {file(".json", func(b []byte) []byte { return b[:9] }), "is not a manifest"},
		"other":     {file(".json", func(b []byte) []byte { return bytes.Replace(b, []byte(`"shard": 1`), []byte(`"shard": 2`), 1) }), "is that of shard 2 of 4"},
		"range":     {file(".json", func(b []byte) []byte { return bytes.Replace(b, []byte(`"first": 13`), []byte(`"first": 14`), 1) }), "images 14 to 26 of 50"},
		"gone":      {func(t *testing.T, j *Job) { _ = os.Remove(j.path(".npy")) }, "npy is not there"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			before, _ := newJob(dir, 1)
			run(t, before)
			j, made := newJob(dir, 1)
			c.change(t, j)
			_, err := j.Run(t.Context())
			if !errors.Is(err, ErrShard) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %v, want one of %q", err, c.want)
			}
			if made.Load() > 0 {
				t.Error("something was made")
			}
			j.Overwrite = true
			if run(t, j) || !run(t, j) || made.Load() == 0 {
				t.Error("it was not replaced")
			}
			if n := names(t, dir); len(n) != 2 {
				t.Errorf("there are %q", n)
			}
		})
	}
}

var errEnd = errors.New("the task is ended")

// endAt has a job end with an error in the making of its nth piece, half of which is written.
func endAt(j *Job, n int) {
	whole := j.Make
	j.Make = func(ctx context.Context, first, count int, to *Piece) error {
		if n--; n < 0 {
			return errors.Join(whole(ctx, first, count/2, to), errEnd)
		}
		return whole(ctx, first, count, to)
	}
}

// TestResume: a shard that was begun goes on from its last whole piece, with the same result.
func TestResume(t *testing.T) {
	for _, scoring := range []bool{false, true} {
		data := bytes.Repeat([]byte{1}, 50)
		newJob := func(dir string) (*Job, *atomic.Int32) {
			j, made := newJob(dir, 1)
			if scoring {
				score(j, &data)
			}
			return j, made
		}
		whole, _ := newJob(t.TempDir())
		run(t, whole)
		same := func(j *Job) {
			t.Helper()
			a, errA := read(whole.Dir, Part{1, 4})
			b, errB := read(j.Dir, Part{1, 4})
			if err := errors.Join(errA, errB); err != nil {
				t.Fatal(err)
			}
			a.Seconds, b.Seconds = 0, 0
			if x, y := fmt.Sprint(marshal(t, a)), fmt.Sprint(marshal(t, b)); x != y {
				t.Errorf("scoring %v: the manifest is\n%s\nundisturbed it is\n%s", scoring, y, x)
			}
			if n := names(t, j.Dir); !slices.Equal(n, names(t, whole.Dir)) {
				t.Errorf("there are %q", n)
			}
		}
		for at := range 5 {
			dir := t.TempDir()
			j, _ := newJob(dir)
			endAt(j, at)
			if _, err := j.Run(t.Context()); !errors.Is(err, errEnd) {
				t.Fatalf("error %v", err)
			}
			if pairs, _ := filepath.Glob(filepath.Join(dir, "shard-*")); len(pairs) > 0 {
				t.Errorf("there are %q", pairs)
			}
			j, made := newJob(dir)
			run(t, j)
			if int(made.Load()) != 5-at {
				t.Errorf("ended in piece %d, %d were made afterwards", at, made.Load())
			}
			same(j)
		}

		// A piece that is damaged is made again; what is of other work is not used.
		dir := t.TempDir()
		j, _ := newJob(dir)
		endAt(j, 3)
		_, _ = j.Run(t.Context())
		pieces, err := filepath.Glob(filepath.Join(dir, ".shard-*.pieces", "0*"))
		if err != nil || len(pieces) != 3 {
			t.Fatalf("there are the pieces %q, error %v", pieces, err)
		}
		b, err := os.ReadFile(pieces[1])
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2]++
		if err := os.WriteFile(pieces[1], b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(pieces[2], nil, 0o600); err != nil {
			t.Fatal(err)
		}
		other, made := newJob(dir)
		other.Manifest.Model = "def"
		endAt(other, 1)
		_, _ = other.Run(t.Context())
		if made.Load() != 2 {
			t.Errorf("other work made %d pieces, want 2, one of them half", made.Load())
		}
		j, made = newJob(dir)
		run(t, j)
		if made.Load() != 4 {
			t.Errorf("%d pieces were made, want 4", made.Load())
		}
		same(j)

		if !scoring {
			continue
		}
		// Data that have changed since are scored again, and a shard of others does not fit.
		dir = t.TempDir()
		j, _ = newJob(dir)
		endAt(j, 3)
		_, _ = j.Run(t.Context())
		data[17] = 2 // in the second piece, after which the hash is another
		j, made = newJob(dir)
		run(t, j)
		if made.Load() != 4 {
			t.Errorf("%d pieces were made, want 4", made.Load())
		}
		if !run(t, j) {
			t.Error("it was made again")
		}
		data[17] = 1
		if _, err := j.Run(t.Context()); !errors.Is(err, ErrShard) || !strings.Contains(err.Error(), "images are others") {
			t.Errorf("error %v", err)
		}
	}
}

func marshal(t *testing.T, m *Manifest) string {
	t.Helper()
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestTogether: many work on one shard at once, some are ended, and there is one whole pair.
func TestTogether(t *testing.T) {
	for range 20 {
		dir := t.TempDir()
		var g sync.WaitGroup
		for i := range 8 {
			g.Go(func() {
				j, _ := newJob(dir, 2)
				if i%4 == 3 {
					endAt(j, i/2)
				}
				if _, err := j.Run(t.Context()); err != nil && !errors.Is(err, errEnd) {
					t.Error(err)
				}
			})
		}
		g.Wait()
		j, made := newJob(dir, 2)
		if !run(t, j) || made.Load() > 0 {
			t.Error("the shard is not there")
		}
		pairs, _ := filepath.Glob(filepath.Join(dir, "*"))
		if len(pairs) != 2 {
			t.Errorf("there are %q", pairs)
		}
	}
}

// TestEnded: once the context ends nothing more is made.
func TestEnded(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	j, made := newJob(t.TempDir(), 0)
	whole := j.Make
	j.Make = func(ctx context.Context, first, n int, to *Piece) error {
		end()
		return whole(ctx, first, n, to)
	}
	if _, err := j.Run(ctx); !errors.Is(err, context.Canceled) || made.Load() != 1 {
		t.Errorf("error %v after %d pieces", err, made.Load())
	}
}
