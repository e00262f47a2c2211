package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"image/png"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"
)

// previews are the values of --preview.
var previews = []string{"none", "auto", "blocks", "kitty", "sixel"}

// previewed is the largest number of images that a preview shows.
const previewed = 64

// show shows the first images in the terminal: on standard output or, where images are written
// there, on standard error.
func (r *run) show() error {
	if r.f.preview == "none" {
		return nil
	}
	w := r.cmd.OutOrStdout()
	if r.f.output == "-" {
		w = r.cmd.ErrOrStderr()
	}
	how := r.f.preview
	tty, isTerminal := terminal(w)
	if how == "auto" {
		how = "blocks"
		if isTerminal && os.Getenv("NO_COLOR") == "" {
			how = askTerminal()
		}
	}
	l := r.f.geometry(len(r.first))
	l.lines = 0
	if how == "blocks" {
		width := 80
		if isTerminal {
			if columns, _, err := term.GetSize(int(tty.Fd())); err == nil {
				width = columns
			}
		}
		l.scale, l.gap = 1, 1
		fits := max(1, (width-1)/(r.s.Signature().Width+1))
		l.columns = min(cmp.Or(l.columns, fits), fits)
	}
	on, err := layOut(r.s.Signature(), l)
	if err != nil {
		return err
	}
	var levels []uint16
	for _, sample := range r.first {
		levels = append(levels, sample.Levels...)
	}
	in := r.f.inks(r.s.Signature())
	if how != "kitty" || in.bytes == 1 {
		in = r.f.indices(r.s.Signature(), levels)
	}
	s := newSheet(on, in)
	for place, sample := range r.first {
		s.add(place, sample.Levels)
	}
	var b bytes.Buffer
	switch how {
	case "kitty":
		err = writeKitty(&b, s)
	case "sixel":
		writeSixel(&b, s)
	default:
		writeBlocks(&b, s, colourDepth())
	}
	if err == nil && r.req.N > len(r.first) {
		fmt.Fprintf(&b, "the first %d of %d images\n", len(r.first), r.req.N)
	}
	if err == nil {
		_, err = b.WriteTo(w)
	}
	return err
}

// writeKitty writes a sheet by kitty's graphics protocol: a PNG in base64, in pieces.
// https://sw.kovidgoyal.net/kitty/graphics-protocol/
func writeKitty(w *bytes.Buffer, s *sheet) error {
	var b bytes.Buffer
	if err := png.Encode(&b, s.picture()); err != nil {
		return err
	}
	text := []byte(base64.StdEncoding.EncodeToString(b.Bytes()))
	first := "a=T,f=100,"
	for piece := range slices.Chunk(text, 4096) {
		more := 1
		if text = text[len(piece):]; len(text) == 0 {
			more = 0
		}
		fmt.Fprintf(w, "\x1b_G%sm=%d;%s\x1b\\", first, more, piece)
		first = ""
	}
	w.WriteString("\n")
	return nil
}

// askTerminal asks the terminal what it can show: "kitty", "sixel" or "blocks".
func askTerminal() string {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "blocks"
	}
	defer tty.Close()
	fd := int(tty.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "blocks"
	}
	defer func() { _ = term.Restore(fd, before) }()
	// A question about kitty's protocol, which others ignore, then one for the device's
	// attributes, which all answer.
	if _, err := io.WriteString(tty, "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c"); err != nil {
		return "blocks"
	}
	return protocol(readAnswer(tty, time.Second))
}

// readAnswer reads up to "c", the end of the answer about the device's attributes, but no longer
// than wait.
func readAnswer(r io.Reader, wait time.Duration) string {
	bytesRead := make(chan byte)
	go func() { // it ends with the process where the terminal stays silent
		defer close(bytesRead)
		b := make([]byte, 1)
		for {
			if n, err := r.Read(b); n == 0 || err != nil {
				return
			}
			bytesRead <- b[0]
			if b[0] == 'c' {
				return
			}
		}
	}()
	var answer strings.Builder
	timeout := time.After(wait)
	for {
		select {
		case b, ok := <-bytesRead:
			if !ok {
				return answer.String()
			}
			answer.WriteByte(b)
		case <-timeout:
			return answer.String()
		}
	}
}

// protocol is what a terminal's answer promises. Attribute 4 is sixel.
func protocol(answer string) string {
	if strings.Contains(answer, "\x1b_Gi=31;OK") {
		return "kitty"
	}
	if _, list, ok := strings.Cut(answer, "\x1b[?"); ok {
		if slices.Contains(strings.Split(strings.TrimSuffix(list, "c"), ";"), "4") {
			return "sixel"
		}
	}
	return "blocks"
}
