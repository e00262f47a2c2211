package main

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/internal/npy"
	"pixelcnn/internal/shard"
)

// TestGatherCodes: shards of codes, which the trainer makes, are joined as an array, and are no pictures.
func TestGatherCodes(t *testing.T) {
	t.Chdir(t.TempDir())
	for at := range 2 {
		m := shard.Manifest{
			Format: shard.Format, Work: shard.Encode, Shard: at, Shards: 2, Images: 3, Shape: []int{1, 2}, Levels: 512, Output: &shard.Output{Type: npy.Uint16},
		}
		m.First, m.Count = m.Part().Range(m.Images)
		job := &shard.Job{Dir: "out", Manifest: m, Every: 10, Make: func(_ context.Context, first, n int, to *shard.Piece) error {
			for i := range n {
				if _, err := to.Write([]byte{byte(first + i), 1, 0, 0}); err != nil {
					return err
				}
			}
			return nil
		}}
		if _, err := job.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) (status int, stderr string) {
		var b strings.Builder
		status = cli.Run(t.Context(), newCommand(), append([]string{"gather", "out"}, args...), strings.NewReader(""), io.Discard, &b)
		return status, b.String()
	}
	if status, stderr := run(); status != 0 {
		t.Fatal(stderr)
	}
	got, err := os.ReadFile("codes.npy")
	want := string(npy.Header{Type: npy.Uint16, Shape: []int{3, 1, 2}}.Marshal()) + "\x00\x01\x00\x00\x01\x01\x00\x00\x02\x01\x00\x00"
	if err != nil || string(got) != want {
		t.Errorf("%q, error %v; want %q", got, err, want)
	}
	for _, c := range []struct{ format, want string }{{"tar", "has codes, which are not pictures"}, {"json", "--format npy"}} {
		if status, stderr := run("--format", c.format); status != 2 || !strings.Contains(stderr, c.want) {
			t.Errorf("--format %s: status %d, %s", c.format, status, stderr)
		}
	}
}
