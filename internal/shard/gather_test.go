package shard

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pixelcnn/internal/npy"
)

// all makes the four shards of a folder and returns the jobs.
func all(t *testing.T, dir string) (jobs []*Job) {
	t.Helper()
	for at := range 4 {
		j, _ := newJob(dir, at)
		run(t, j)
		jobs = append(jobs, j)
	}
	return jobs
}

// gather joins what is in a folder.
func gather(t *testing.T, dir string) (*Set, string) {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if len(s.Shards) > 0 {
		if err := s.Join(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
	}
	return s, b.String()
}

func TestGather(t *testing.T) {
	dir := t.TempDir()
	all(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, got := gather(t, dir)
	want := npy.Header{Type: npy.Uint8, Shape: []int{50, 2, 3}}.Marshal()
	for i := range 50 {
		want = append(want, image(i)...)
	}
	if !s.Whole() || got != string(want) {
		t.Errorf("gathered %d bytes, want %d; missing %v, bad %v", len(got), len(want), s.Missing, s.Bad)
	}

	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := s.Join(stopped, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	mine := errors.New("mine")
	if err := s.Each(t.Context(), func(*Manifest, io.Reader) error { return mine }); err != mine {
		t.Errorf("error %v", err)
	}
}

// TestGatherFaults: what is missing and what does not fit is told shard by shard.
func TestGatherFaults(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(jobs []*Job)
		missing []int
		bad     map[int]string
	}{
		"missing":        {func(j []*Job) { _ = os.Remove(j[1].path(".json")) }, []int{1}, nil},
		"both":           {func(j []*Job) { _ = os.Remove(j[3].path(".json")); _ = os.Remove(j[3].path(".npy")) }, []int{3}, nil},
		"without output": {func(j []*Job) { _ = os.Remove(j[1].path(".npy")) }, nil, map[int]string{1: "is not there, but its manifest is"}},
		"cut off":        {func(j []*Job) { _ = os.Truncate(j[2].path(".npy"), 150) }, nil, map[int]string{2: "150 bytes, its manifest says 200"}},
		"changed": {func(j []*Job) {
			b, _ := os.ReadFile(j[0].path(".npy"))
			b[len(b)-1]++
			_ = os.WriteFile(j[0].path(".npy"), b, 0o600)
		}, nil, map[int]string{0: "was changed"}},
		"another seed":  {func(j []*Job) { j[2].Manifest.Parameters["seed"] = []byte("8"); again(j[2]) }, nil, map[int]string{2: "seed is 8, must be 7 as in shard-00000-of-00004"}},
		"another model": {func(j []*Job) { j[2].Manifest.Model = "def"; again(j[2]) }, nil, map[int]string{2: "model_sha256 is def, must be abc"}},
		"another range": {func(j []*Job) {
			j[1].Manifest.Images = 60
			j[1].Manifest.First, j[1].Manifest.Count = j[1].Manifest.Part().Range(60)
			again(j[1])
		}, nil, map[int]string{1: "number of images is 60, must be 50"}},
		"no parameters": {func(j []*Job) {
			b, _ := os.ReadFile(j[0].path(".json"))
			from, to := bytes.Index(b, []byte(`"parameters": {`)), bytes.Index(b, []byte(`"version"`))
			b = slices.Concat(b[:from], []byte(`"parameters": null, `), b[to:])
			_ = os.WriteFile(j[0].path(".json"), b, 0o600)
		}, nil, map[int]string{1: "must be not there", 2: "must be not there", 3: "must be not there"}},
		"no manifest": {func(j []*Job) { _ = os.WriteFile(j[1].path(".json"), []byte("{}"), 0o600) }, nil, map[int]string{1: "is of format 0"}},
		"several": {func(j []*Job) {
			_ = os.Remove(j[0].path(".json"))
			_ = os.Truncate(j[2].path(".npy"), 150)
			_ = os.Truncate(j[3].path(".npy"), 150)
		}, []int{0}, map[int]string{2: "150 bytes", 3: "150 bytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c.change(all(t, dir))
			s, _ := gather(t, dir)
			if s.Whole() || !slices.Equal(s.Missing, c.missing) || len(s.Bad) != len(c.bad) {
				t.Fatalf("missing %v, bad %v", s.Missing, s.Bad)
			}
			for _, p := range s.Bad {
				if want := c.bad[p.Shard]; want == "" || !errors.Is(p.Err, ErrShard) || !strings.Contains(p.Err.Error(), want) || strings.Contains(p.Err.Error(), "\n") {
					t.Errorf("shard %d: %v, want %q", p.Shard, p.Err, want)
				}
			}
		})
	}
	dir := t.TempDir()
	if _, err := Open(dir); !errors.Is(err, ErrShard) {
		t.Errorf("error %v of no shards", err)
	}
	jobs := all(t, dir)
	jobs[0].Manifest.Shards = 5
	jobs[0].Manifest.First, jobs[0].Manifest.Count = jobs[0].Manifest.Part().Range(50)
	run(t, jobs[0])
	if _, err := Open(dir); !errors.Is(err, ErrShard) || !strings.Contains(err.Error(), "two divisions") {
		t.Errorf("error %v of two divisions", err)
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v of no folder", err)
	}
}

// again makes a shard that replaces the one that is there.
func again(j *Job) {
	j.Overwrite = true
	if _, err := j.Run(context.Background()); err != nil {
		panic(err)
	}
}

func TestGatherScores(t *testing.T) {
	dir := t.TempDir()
	data := make([]byte, 50)
	for at := range 4 {
		j, _ := newJob(dir, at)
		score(j, &data)
		run(t, j)
	}
	s, err := Open(dir)
	if err != nil || !s.Whole() {
		t.Fatalf("%+v, error %v", s, err)
	}
	// 0 to 49: mean 24.5, variance 50·51/12.
	mean, stderr := s.Scores().All.NLL(1)
	if mean != 24.5 || stderr < 2.0615 || stderr > 2.0616 { // √(212.5/50)
		t.Errorf("%v ± %v", mean, stderr)
	}
}

// FuzzManifest: whatever a folder's manifest says, gathering it ends, and with images only if there
// are as many bytes as it says.
func FuzzManifest(f *testing.F) {
	dir := f.TempDir()
	j, _ := newJob(dir, 0)
	j.Manifest.Shards, j.Manifest.Count = 1, 50
	if _, err := j.Run(context.Background()); err != nil {
		f.Fatal(err)
	}
	manifest, err1 := os.ReadFile(j.path(".json"))
	output, err2 := os.ReadFile(j.path(".npy"))
	if err1 != nil || err2 != nil {
		f.Fatal(err1, err2)
	}
	f.Add(manifest, output)
	f.Add([]byte(`{"format":1,"work":"score","shards":1,"images":3,"count":3,"shape":[1,1],"levels":2,"scores":{"all":{"images":3,"logprob_sum":"1","logprob_squares_sum":"1"}}}`), output)
	f.Add(bytes.Replace(manifest, []byte(`"bytes": 428`), []byte(`"bytes": 427`), 1), output[:427])
	f.Fuzz(func(t *testing.T, manifest, output []byte) {
		dir := t.TempDir()
		for ending, b := range map[string][]byte{"json": manifest, "npy": output} {
			if err := os.WriteFile(filepath.Join(dir, "shard-00000-of-00001."+ending), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Open(dir)
		if err != nil || !s.Whole() {
			return
		}
		m := s.Shards[0]
		if m.Output == nil {
			s.Scores().All.NLL(npy.Elements(m.Shape))
			return
		}
		var b bytes.Buffer
		if err := s.Join(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		h := m.arrays()[0].whole(m.Images)
		if s.Whole() && int64(b.Len()) != int64(len(h.Marshal()))+h.Bytes() {
			t.Errorf("%d bytes of %+v", b.Len(), m)
		}
	})
}
