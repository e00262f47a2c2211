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
func Printable(text string) string { return printable(text, "\n\t") }

// Name is Printable for what has to stay in its line and column, such as the name of a
// file: line breaks and tabs are written as in a string of Go, too.
func Name(text string) string { return printable(text, "") }

func printable(text, but string) string {
	var s strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		piece := text[:size]
		text = text[size:]
		if strings.Contains(but, piece) || unicode.IsPrint(r) && utf8.ValidString(piece) {
			s.WriteString(piece)
		} else {
			quoted := strconv.Quote(piece)
			s.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return s.String()
}

// indented is Printable for a message, the lines of which after the first are indented,
// so that no name or text of a file in it can pass for a message of its own.
func indented(text string) string {
	lines := strings.Split(Printable(text), "\n")
	for i, line := range lines {
		if i > 0 && !strings.HasPrefix(line, " ") {
			lines[i] = "  " + line
		}
	}
	return strings.Join(lines, "\n")
}
