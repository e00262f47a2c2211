package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/png"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"pixelcnn/cmd/internal/clitest"
	"pixelcnn/internal/npy"
)

// scriptCommands are what scripts have beside clitest's:
//
//	pngsize FILE WIDTHxHEIGHT       the picture has that size
//	frames FILE N WIDTHxHEIGHT      the animation has N frames of that size
//	lastframe FILE PNG              writes what the animation ends with
//	samepicture FILE FILE [MOST]    two PNGs show the same, or channels differ by up to MOST in the mean
//	shows PNG RAW CHANNELS LEVELS   a picture of a model's size shows raw levels
//	keeps FILE ONE FROM TO          each image of FILE has bytes FROM to TO-1 of ONE
//	samelogprob FILE FILE           two files of JSON lines have the same log-probabilities
//	bestof N ALL BEST               each image of BEST is the likeliest of N of ALL
//	sums MAP N FILE                 the map of N symbols an image sums to the log-probabilities
//	after N FILE OUT                writes what comes after N bytes
//	concat OUT FILE…                puts files together
//	terminal [-answer TEXT] CMD…    runs a command on a terminal, which answers questions
var scriptCommands = map[string]clitest.Command{
	"pngsize": func(ts *testscript.TestScript, neg bool, args []string) {
		size := decodePNG(ts, args[0]).Bounds().Size()
		if got := fmt.Sprintf("%dx%d", size.X, size.Y); (got == args[1]) == neg {
			ts.Fatalf("%s is %s", args[0], got)
		}
	},
	"frames": func(ts *testscript.TestScript, _ bool, args []string) {
		g := decodeGIF(ts, args[0])
		if got := fmt.Sprintf("%d %dx%d", len(g.Image), g.Config.Width, g.Config.Height); got != args[1]+" "+args[2] {
			ts.Fatalf("%s has %s", args[0], got)
		}
	},
	"lastframe": func(ts *testscript.TestScript, _ bool, args []string) {
		g := decodeGIF(ts, args[0])
		m := image.NewRGBA(image.Rect(0, 0, g.Config.Width, g.Config.Height))
		for _, frame := range g.Image {
			draw.Draw(m, frame.Rect, frame, frame.Rect.Min, draw.Over)
		}
		ts.Check(writePNG(ts.MkAbs(args[1]), m))
	},
	"samepicture": func(ts *testscript.TestScript, neg bool, args []string) {
		a, b := decodePNG(ts, args[0]), decodePNG(ts, args[1])
		if a.Bounds() != b.Bounds() {
			ts.Fatalf("%v and %v", a.Bounds(), b.Bounds())
		}
		most := 0
		if len(args) > 2 {
			most = integer(ts, args[2])
		}
		sum, size := 0, a.Bounds().Size()
		for y := range size.Y {
			for x := range size.X {
				p, q := pixelAt(a, x, y), pixelAt(b, x, y)
				for c := range 3 {
					sum += max(p[c], q[c]) - min(p[c], q[c])
				}
			}
		}
		if (sum > most*3*size.X*size.Y) != neg {
			ts.Fatalf("they differ by %.2f in the mean", float64(sum)/float64(3*size.X*size.Y))
		}
	},
	"shows": func(ts *testscript.TestScript, _ bool, args []string) {
		m, levels := decodePNG(ts, args[0]), []byte(ts.ReadFile(args[1]))
		channels, last := integer(ts, args[2]), integer(ts, args[3])-1
		size := m.Bounds().Size()
		if len(levels) != size.X*size.Y*channels {
			ts.Fatalf("%v pixels, %d levels", size, len(levels))
		}
		for k, level := range levels {
			pixel := pixelAt(m, k/channels%size.X, k/channels/size.X)
			if got, want := pixel[k%channels], (int(level)*255+last-1)/last; got != want {
				ts.Fatalf("symbol %d, level %d, is shown as %d, want %d", k, level, got, want)
			}
		}
	},
	"keeps": func(ts *testscript.TestScript, _ bool, args []string) {
		all, one := ts.ReadFile(args[0]), ts.ReadFile(args[1])
		from, to := integer(ts, args[2]), integer(ts, args[3])
		if len(all) == 0 || len(all)%len(one) != 0 {
			ts.Fatalf("%s has %d bytes", args[0], len(all))
		}
		for ; len(all) > 0; all = all[len(one):] {
			if all[from:to] != one[from:to] {
				ts.Fatalf("%s does not keep bytes %d to %d of %s", args[0], from, to, args[1])
			}
		}
	},
	"samelogprob": func(ts *testscript.TestScript, _ bool, args []string) {
		a, b := jsonLinesOf(ts, args[0]), jsonLinesOf(ts, args[1])
		if len(a) == 0 || len(a) != len(b) {
			ts.Fatalf("%d and %d lines", len(a), len(b))
		}
		for i := range a {
			if math.Abs(a[i].LogProb-b[i].LogProb) > 0.011 {
				ts.Fatalf("line %d: %g and %g", i, a[i].LogProb, b[i].LogProb)
			}
		}
	},
	"bestof": func(ts *testscript.TestScript, _ bool, args []string) {
		n := integer(ts, args[0])
		all, best := jsonLinesOf(ts, args[1]), jsonLinesOf(ts, args[2])
		for i, b := range best {
			want := slices.MaxFunc(all[i*n:(i+1)*n], func(a, b jsonLine) int {
				if a.LogProb < b.LogProb {
					return -1
				}
				return 1
			})
			if b.Index != i || fmt.Sprint(b.Levels) != fmt.Sprint(want.Levels) {
				ts.Fatalf("image %d is not the likeliest", i)
			}
		}
	},
	"sums": func(ts *testscript.TestScript, _ bool, args []string) {
		b := []byte(ts.ReadFile(args[0]))
		h, err := npy.ReadHeader(bytes.NewReader(b))
		ts.Check(err)
		b = b[len(b)-int(h.Bytes()):]
		lines, symbols := jsonLinesOf(ts, args[2]), integer(ts, args[1])
		if h.Type != npy.Float32 || len(lines) == 0 || len(b) != 4*symbols*len(lines) {
			ts.Fatalf("%s is of %s %v, for %d lines", args[0], h.Type, h.Shape, len(lines))
		}
		for i, line := range lines {
			sum := 0.0
			for k := range symbols {
				sum += float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*(i*symbols+k):])))
			}
			if math.Abs(sum-line.LogProb) > 0.006 {
				ts.Fatalf("line %d: the map's sum is %g, the log-probability %g", i, sum, line.LogProb)
			}
		}
	},
	"after": func(ts *testscript.TestScript, _ bool, args []string) {
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(ts.ReadFile(args[1])[integer(ts, args[0]):]), 0o600))
	},
	"concat": func(ts *testscript.TestScript, _ bool, args []string) {
		var b strings.Builder
		for _, name := range args[1:] {
			b.WriteString(ts.ReadFile(name))
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o600))
	},
	"terminal": onTerminal,
}

// pixelAt is a pixel's red, green, blue and alpha.
func pixelAt(m image.Image, x, y int) [4]int {
	c := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
	return [4]int{int(c.R), int(c.G), int(c.B), int(c.A)}
}

func integer(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

func decodePNG(ts *testscript.TestScript, name string) image.Image {
	m, err := png.Decode(strings.NewReader(ts.ReadFile(name)))
	ts.Check(err)
	return m
}

func decodeGIF(ts *testscript.TestScript, name string) *gif.GIF {
	g, err := gif.DecodeAll(strings.NewReader(ts.ReadFile(name)))
	ts.Check(err)
	return g
}

// jsonLine is what scripts look at of a line of JSON.
type jsonLine struct {
	Index   int
	LogProb float64
	Levels  any
}

func jsonLinesOf(ts *testscript.TestScript, name string) (lines []jsonLine) {
	for s := bufio.NewScanner(bytes.NewReader([]byte(ts.ReadFile(name)))); s.Scan(); {
		var l jsonLine
		ts.Check(json.Unmarshal(s.Bytes(), &l))
		lines = append(lines, l)
	}
	return lines
}
