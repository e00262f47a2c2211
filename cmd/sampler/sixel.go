package main

import (
	"bytes"
	"fmt"
	"image/color"
	"slices"
)

// writeSixel writes a sheet as DEC sixels: bands of six rows; in each, for each of its
// colours, a character a column whose bits say which of the six pixels have it.
// https://vt100.net/docs/vt3xx-gp/chapter14.html
func writeSixel(w *bytes.Buffer, s *sheet) {
	fmt.Fprintf(w, "\x1bP0;1q\"1;1;%d;%d", s.size.X, s.size.Y)
	for i, c := range s.colours[:s.paper[0]] {
		rgb := color.RGBAModel.Convert(c).(color.RGBA)
		percent := func(v uint8) int { return (int(v)*100 + 127) / 255 }
		fmt.Fprintf(w, "#%d;2;%d;%d;%d", i, percent(rgb.R), percent(rgb.G), percent(rgb.B))
	}
	for top := 0; top < s.size.Y; top += 6 {
		rows := min(6, s.size.Y-top)
		band := s.pix[top*s.size.X : (top+rows)*s.size.X]
		used := slices.Compact(slices.Sorted(slices.Values(band)))
		for _, shade := range used {
			if shade == s.paper[0] { // left as it is
				continue
			}
			fmt.Fprintf(w, "#%d", shade)
			var last byte
			count := 0
			flush := func() {
				switch {
				case count > 3:
					fmt.Fprintf(w, "!%d%c", count, last)
				default:
					w.Write(bytes.Repeat([]byte{last}, count))
				}
			}
			for x := range s.size.X {
				bits := byte(0)
				for row := range rows {
					if band[row*s.size.X+x] == shade {
						bits |= 1 << row
					}
				}
				if c := 63 + bits; c != last || count == 0 {
					flush()
					last, count = c, 1
				} else {
					count++
				}
			}
			flush()
			w.WriteByte('$') // back to the left
		}
		w.WriteByte('-') // the next band
	}
	w.WriteString("\x1b\\\n")
}
