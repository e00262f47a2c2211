package cli

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable is text, which may be a stranger's, as it may be shown on a terminal: what is
// not printable, such as the escape that begins a terminal's commands, is written as in a
// string of Go. Line breaks and tabs remain.
func Printable(text string) string {
	var s strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		piece := text[:size]
		text = text[size:]
		if r == '\n' || r == '\t' || unicode.IsPrint(r) && utf8.ValidString(piece) {
			s.WriteString(piece)
		} else {
			quoted := strconv.Quote(piece)
			s.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return s.String()
}
