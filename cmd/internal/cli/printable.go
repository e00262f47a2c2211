package cli

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable makes a text that may come from anybody fit for a terminal: characters that are not
// printable, such as the escape that begins a terminal's commands, are written as in a Go string.
// Line breaks and tabs remain.
func Printable(text string) string { return printable(text, "\n\t") }

// Name is Printable for a text that has to stay in its line and column, such as a file's name: line
// breaks and tabs are written as in a Go string, too.
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

// packages are the names of packages before the texts of their errors.
var packages = regexp.MustCompile(`(^|: |; )(?:(?:compile|dataset|encoder|export|goruntime|models|onefile|onnx|pretrained|runtime|sampler|train|verify): )+`)

// Reason is what an error says, for people who know no packages.
func Reason(err error) string { return packages.ReplaceAllString(err.Error(), "$1") }

// indented is Printable for a message. All lines after the first are indented, so that a name or a
// text from a file cannot look like a message of its own.
func indented(text string) string {
	lines := strings.Split(Printable(text), "\n")
	for i, line := range lines {
		if i > 0 && !strings.HasPrefix(line, " ") {
			lines[i] = "  " + line
		}
	}
	return strings.Join(lines, "\n")
}
