package shard

import (
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"pixelcnn/internal/atomicfile"
	"pixelcnn/internal/npy"
)

var large = flag.Int64("bytes", 64<<20, "how many TestLarge makes and gathers")

// TestLarge makes and gathers many bytes, without more memory for more of them. With -v it
// tells how fast, beside the hash alone and a copy, and with -bytes 10000000000 it is the
// long form.
func TestLarge(t *testing.T) {
	dir := t.TempDir()
	const side, parts = 256, 20
	images := int(*large / (side * side))
	block := make([]byte, side*side)
	for k := range block {
		block[k] = byte(k * k >> 7)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	for at := range parts {
		m := Manifest{Format: Format, Work: Draw, Shard: at, Shards: parts, Images: images, Shape: []int{side, side}, Levels: 256, Output: &Output{Type: npy.Uint8}}
		m.First, m.Count = m.Part().Range(images)
		run(t, &Job{Dir: dir, Manifest: m, Every: 1 << 12, Make: func(_ context.Context, _, n int, to *Piece) error {
			for range n {
				if _, err := to.Write(block); err != nil {
					return err
				}
			}
			return nil
		}})
	}
	made := time.Since(start)
	start = time.Now()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	joined := filepath.Join(dir, "all.npy")
	if err := atomicfile.Write(joined, func(w io.Writer) error { return s.Join(t.Context(), w) }); err != nil {
		t.Fatal(err)
	}
	gathered := time.Since(start)
	runtime.ReadMemStats(&after)
	h := s.Shards[0].arrays()[0].whole(images)
	info, err := os.Stat(joined)
	if err != nil || !s.Whole() || info.Size() != int64(len(h.Marshal()))+h.Bytes() {
		t.Fatalf("%v, error %v, bad %v", info, err, s.Bad)
	}
	if grown := int64(after.Sys) - int64(before.Sys); grown > 64<<20 {
		t.Errorf("memory has grown by %d MiB", grown>>20)
	}
	if !testing.Verbose() {
		return
	}
	copied := copyTime(t, joined)
	rate := func(d time.Duration) float64 { return float64(info.Size()) / 1e6 / d.Seconds() }
	t.Logf("%d MB: made at %.0f MB/s, gathered at %.0f, copied at %.0f; memory %d MiB, %d MiB at the start",
		info.Size()/1e6, rate(made), rate(gathered), rate(copied), after.Sys>>20, before.Sys>>20)
}

// copyTime is how long a plain copy of a file takes, synced as well.
func copyTime(t *testing.T, path string) time.Duration {
	t.Helper()
	start := time.Now()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	type plain struct{ io.Reader } // no copying within the system
	err = atomicfile.Write(path+".copy", func(w io.Writer) error {
		_, err := io.CopyBuffer(struct{ io.Writer }{w}, plain{in}, make([]byte, 1<<20))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}
