package main

import (
	"bytes"
	"fmt"
	"image/color"
	"os"
	"strings"
)

// depth is how many colours text in the terminal may have.
type depth int

const (
	noColour  depth = iota
	colour256       // the 6×6×6 cube of xterm's 256 colours
	colour24        // 24 bits
)

// colourDepth is what the environment says. https://no-color.org
func colourDepth() depth {
	switch c := os.Getenv("COLORTERM"); {
	case os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb":
		return noColour
	case c == "truecolor" || c == "24bit":
		return colour24
	}
	return colour256
}

// writeBlocks writes a sheet as text, two rows a line: the upper one as the foreground
// of ▀, the lower one as its background. Paper is left to the terminal. Without
// colours, both rows share a shade.
func writeBlocks(w *bytes.Buffer, s *sheet, d depth) {
	for y := s.gap; y < s.size.Y; y += 2 {
		var line strings.Builder
		now := "" // the colours that are set
		for x := s.gap; x < s.size.X; x++ {
			upper, lower := s.shadeAt(x, y), s.shadeAt(x, y+1)
			colours, block := "", "▀"
			switch {
			case d == noColour:
				block = s.shadeOf(upper, lower)
			case upper == s.paper[0] && lower == s.paper[0]:
				block = " "
			case upper == s.paper[0]:
				colours, block = d.code(38, s.colours[lower]), "▄"
			case lower == s.paper[0]:
				colours = d.code(38, s.colours[upper])
			default:
				colours = d.code(38, s.colours[upper]) + ";" + d.code(48, s.colours[lower])
			}
			if colours != now {
				fmt.Fprintf(&line, "\x1b[%sm", strings.TrimSuffix("0;"+colours, ";"))
				now = colours
			}
			line.WriteString(block)
		}
		if now != "" {
			line.WriteString("\x1b[0m")
		}
		w.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// shadeAt is the byte at a place, paper below the sheet.
func (s *sheet) shadeAt(x, y int) uint8 {
	if y >= s.size.Y {
		return s.paper[0]
	}
	return s.pix[y*s.size.X+x]
}

// shadeOf is a character as bright as two pixels on top of each other.
func (s *sheet) shadeOf(upper, lower uint8) string {
	sum, n := 0, 0
	for _, shade := range []uint8{upper, lower} {
		if shade != s.paper[0] {
			sum += int(color.GrayModel.Convert(s.colours[shade]).(color.Gray).Y)
			n++
		}
	}
	if n == 0 {
		return " "
	}
	return string([]rune(" ░▒▓█")[sum/n*5/256])
}

// code chooses a colour for the foreground (38) or the background (48).
func (d depth) code(ground int, c color.Color) string {
	rgb := color.RGBAModel.Convert(c).(color.RGBA)
	if d == colour24 {
		return fmt.Sprintf("%d;2;%d;%d;%d", ground, rgb.R, rgb.G, rgb.B)
	}
	if rgb.R == rgb.G && rgb.G == rgb.B {
		// Black, 24 greys of 8, 18, … 238, and white.
		switch step := (int(rgb.R) - 8 + 5) / 10; {
		case rgb.R < 4:
			return fmt.Sprintf("%d;5;16", ground)
		case step > 23:
			return fmt.Sprintf("%d;5;231", ground)
		default:
			return fmt.Sprintf("%d;5;%d", ground, 232+step)
		}
	}
	// The cube's values are 0, 95, 135, … 255.
	level := func(v uint8) int {
		if v < 48 {
			return 0
		}
		return max(1, (int(v)-35)/40)
	}
	return fmt.Sprintf("%d;5;%d", ground, 16+36*level(rgb.R)+6*level(rgb.G)+level(rgb.B))
}
