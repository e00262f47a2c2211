package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// TestNewBar: a bar needs a terminal that can do more than print, and leave to write.
func TestNewBar(t *testing.T) {
	ours, theirs, err := openPTY()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	defer theirs.Close()
	t.Setenv("TERM", "xterm")
	cmd := &cobra.Command{}
	cmd.SetErr(theirs)
	b := newBar(cmd, 5, false)
	if b == nil || b.width != 80 || b.images != 5 {
		t.Errorf("on a terminal: %+v", b)
	}
	if b := newBar(cmd, 5, true); b != nil {
		t.Error("a bar in spite of --quiet")
	}
	t.Setenv("TERM", "dumb")
	if b := newBar(cmd, 5, false); b != nil {
		t.Error("a bar on a dumb terminal")
	}
	t.Setenv("TERM", "xterm")
	cmd.SetErr(&bytes.Buffer{})
	none := newBar(cmd, 5, false)
	if none != nil {
		t.Error("a bar where there is no terminal")
	}
	none.update(1, 2) // does nothing
	none.clear()
}

func TestBar(t *testing.T) {
	var w bytes.Buffer
	now := time.Now()
	b := &bar{w: &w, images: 10, width: 80, start: now, next: now.Add(patience)}
	b.update(100, 1000)
	b.clear()
	if w.Len() > 0 {
		t.Errorf("%q before its time", w.String())
	}
	b.next = now
	b.update(50, 1000) // late news of what was done before
	if !strings.HasPrefix(w.String(), "\r[===   ") || !strings.Contains(w.String(), " 1 of 10 images") {
		t.Errorf("%q, want a tenth", w.String())
	}
	written := w.Len()
	b.update(200, 1000)
	if w.Len() != written {
		t.Error("written again at once")
	}
	b.clear()
	if !strings.HasSuffix(w.String(), "\r\x1b[K") {
		t.Errorf("%q is not cleared", w.String())
	}
}

func TestBarLine(t *testing.T) {
	for _, c := range []struct {
		share  float64
		images int
		spent  time.Duration
		width  int
		want   string
	}{
		{0.25, 1000, 10 * time.Second, 200, "[=======                       ] 250 of 1000 images, 25/s, 30s left"},
		{1, 4, 2 * time.Second, 60, "[=============================] 4 of 4 images, 2/s, 0s left"},
		{0.5, 100000, time.Second, 40, "50000 of 100000 images, 5e+04/s, 1s lef"},
		{0.5, 8, time.Minute, 3, "4 "},
	} {
		if got := barLine(c.share, c.images, c.spent, c.width); got != c.want {
			t.Errorf("%+v:\n%q, want\n%q", c, got, c.want)
		}
	}
}
