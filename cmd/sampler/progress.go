package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// bar is a progress bar on a terminal. The nil bar shows nothing.
type bar struct {
	w      io.Writer
	images int
	width  int // of the terminal
	start  time.Time

	mu    sync.Mutex
	next  time.Time // when to write again
	most  int
	shown bool
}

const (
	patience = time.Second // runs that take less have no bar
	refresh  = 100 * time.Millisecond
)

// newBar makes a bar for a run of n images. It is nil where standard error is no
// terminal, or nothing may be written to it.
func newBar(cmd *cobra.Command, n int, quiet bool) *bar {
	w, ok := terminal(cmd.ErrOrStderr())
	if !ok || quiet || os.Getenv("TERM") == "dumb" {
		return nil
	}
	width, _, err := term.GetSize(int(w.Fd()))
	if err != nil {
		width = 80
	}
	now := time.Now()
	return &bar{w: w, images: n, width: width, start: now, next: now.Add(patience)}
}

// terminal returns the file behind w where that is a terminal.
func terminal(w io.Writer) (*os.File, bool) {
	f, ok := w.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

// update takes how many pixels of all are done.
func (b *bar) update(done, all int) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.most = max(b.most, done)
	if now := time.Now(); !now.Before(b.next) {
		b.next = now.Add(refresh)
		b.shown = true
		fmt.Fprintf(b.w, "\r%s\x1b[K", barLine(float64(b.most)/float64(all), b.images, now.Sub(b.start), b.width))
	}
}

// clear takes the bar off the terminal.
func (b *bar) clear() {
	if b != nil && b.shown {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}

// barLine is the text of a bar on a terminal of that width.
func barLine(share float64, images int, spent time.Duration, width int) string {
	left := time.Duration(float64(spent) * (1 - share) / share).Round(time.Second)
	text := fmt.Sprintf("%d of %d images, %.3g/s, %v left", int(share*float64(images)), images, share*float64(images)/spent.Seconds(), left)
	room := min(30, width-len(text)-4)
	if room < 5 {
		return text[:min(len(text), max(0, width-1))]
	}
	full := int(share * float64(room))
	return fmt.Sprintf("[%s%s] %s", strings.Repeat("=", full), strings.Repeat(" ", room-full), text)
}
