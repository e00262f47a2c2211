package main

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"io"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pixelcnn/sampler"
)

// testSheet is one image of 3×2 pixels, each five bright or dark steps of four levels,
// with a gap of 1 around it.
func testSheet(t *testing.T, scale, gap int) *sheet {
	t.Helper()
	sig := &sampler.Signature{Height: 2, Width: 3, Channels: 1, Levels: 4}
	l, err := layOut(sig, geometry{images: 1, scale: scale, gap: gap})
	if err != nil {
		t.Fatal(err)
	}
	levels := []uint16{0, 1, 2, 3, 3, 0}
	s := newSheet(l, (&drawFlags{}).indices(sig, levels))
	s.add(0, levels)
	return s
}

func TestBlocks(t *testing.T) {
	for _, c := range []struct {
		depth depth
		want  string
	}{
		// Levels are 0, 85, 170 and 255; the means of the columns 127, 170 and 85.
		{noColour, "▒▓░\n\n"},
		{colour24, "\x1b[0;38;2;0;0;0;48;2;255;255;255m▀\x1b[0;38;2;85;85;85;48;2;255;255;255m▀\x1b[0;38;2;170;170;170;48;2;0;0;0m▀\x1b[0m\n\n"},
		{colour256, "\x1b[0;38;5;16;48;5;231m▀\x1b[0;38;5;240;48;5;231m▀\x1b[0;38;5;248;48;5;16m▀\x1b[0m\n\n"},
	} {
		var b bytes.Buffer
		writeBlocks(&b, testSheet(t, 1, 1), c.depth)
		if b.String() != c.want {
			t.Errorf("depth %d: %q, want %q", c.depth, b.String(), c.want)
		}
	}
}

func TestColourDepth(t *testing.T) {
	for _, c := range []struct {
		noColor, term, colorterm string
		want                     depth
	}{
		{"", "xterm", "", colour256},
		{"", "xterm", "truecolor", colour24},
		{"", "xterm", "24bit", colour24},
		{"1", "xterm", "truecolor", noColour},
		{"", "dumb", "truecolor", noColour},
	} {
		t.Setenv("NO_COLOR", c.noColor)
		t.Setenv("TERM", c.term)
		t.Setenv("COLORTERM", c.colorterm)
		if got := colourDepth(); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// TestSixel reads back what is written.
func TestSixel(t *testing.T) {
	s := testSheet(t, 5, 2) // 19×14: three bands, the last one short
	var b bytes.Buffer
	writeSixel(&b, s)
	text, ok := strings.CutPrefix(b.String(), "\x1bP0;1q\"1;1;19;14")
	text, ok2 := strings.CutSuffix(text, "\x1b\\\n")
	if !ok || !ok2 {
		t.Fatalf("%q", b.String())
	}
	got := bytes.Repeat([]byte{s.paper[0]}, len(s.pix))
	colour, x, band := 0, 0, 0
	token := regexp.MustCompile(`#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)([?-~])|[$-]|[?-~]`)
	if rest := token.ReplaceAllString(text, ""); rest != "" {
		t.Fatalf("unknown: %q", rest)
	}
	for _, m := range token.FindAllStringSubmatch(text, -1) {
		put := func(c byte, count int) {
			for range count {
				for row := range 6 {
					if (c-63)>>row&1 == 1 {
						got[(band*6+row)*s.size.X+x] = uint8(colour)
					}
				}
				x++
			}
		}
		switch {
		case m[1] != "": // a colour is defined, in percent
			want := must(t, m[1]) * 100 / 3
			if r := must(t, m[2]); r < want-1 || r > want+1 {
				t.Errorf("colour %s is %s %%, want %d", m[1], m[2], want)
			}
		case m[5] != "":
			colour = must(t, m[5])
		case m[6] != "":
			put(m[7][0], must(t, m[6]))
		case m[0] == "$":
			x = 0
		case m[0] == "-":
			x, band = 0, band+1
		default:
			put(m[0][0], 1)
		}
	}
	if !bytes.Equal(got, s.pix) {
		t.Errorf("%v, want %v", got, s.pix)
	}
}

func must(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKitty puts the pieces together and reads the PNG.
func TestKitty(t *testing.T) {
	s := testSheet(t, 64, 2)
	rng := rand.New(rand.NewPCG(1, 0))
	for i := range s.pix { // noise needs more than one piece
		s.pix[i] = uint8(rng.IntN(4))
	}
	var b bytes.Buffer
	if err := writeKitty(&b, s); err != nil {
		t.Fatal(err)
	}
	pieces := regexp.MustCompile(`\x1b_G(a=T,f=100,)?m=([01]);([A-Za-z0-9+/=]+)\x1b\\`).FindAllStringSubmatch(b.String(), -1)
	if len(pieces) < 2 {
		t.Fatalf("%d pieces", len(pieces))
	}
	text, whole := "", 0
	for i, p := range pieces {
		if (p[1] != "") != (i == 0) || (p[2] == "0") != (i == len(pieces)-1) || len(p[3]) > 4096 {
			t.Errorf("piece %d: %q, more %s, %d bytes", i, p[1], p[2], len(p[3]))
		}
		text += p[3]
		whole += len(p[0])
	}
	if whole+1 != b.Len() {
		t.Errorf("%d bytes beside the pieces and a line feed", b.Len()-whole-1)
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil || m.Bounds().Size() != s.size {
		t.Errorf("error %v, bounds %v", err, m.Bounds())
	}
}

func TestProtocol(t *testing.T) {
	for _, c := range []struct{ answer, want string }{
		{"", "blocks"},
		{"\x1b[?62;22c", "blocks"},
		{"\x1b[?62;4;22c", "sixel"},
		{"\x1b[?62;22;4c", "sixel"},
		{"\x1b[?64;44c", "blocks"},
		{"\x1b_Gi=31;OK\x1b\\\x1b[?62;4c", "kitty"},
		{"\x1b_Gi=31;ENOTSUPPORTED\x1b\\\x1b[?62c", "blocks"},
	} {
		if got := protocol(c.answer); got != c.want {
			t.Errorf("%q: %s, want %s", c.answer, got, c.want)
		}
	}
}

func TestReadAnswer(t *testing.T) {
	if got := readAnswer(strings.NewReader("\x1b[?62c and more"), time.Minute); got != "\x1b[?62c" {
		t.Errorf("%q", got)
	}
	silent, w := io.Pipe()
	defer w.Close()
	if got := readAnswer(silent, time.Millisecond); got != "" {
		t.Errorf("%q of a silent terminal", got)
	}
}
