package cli

import (
	"encoding/json"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// NewEncoder is [json.NewEncoder] for texts that may come from anybody: characters that are not
// printable, such as those that 8-bit terminals take for commands, are written as \u escapes.
func NewEncoder(w io.Writer) *json.Encoder { return json.NewEncoder(escaper{w}) }

// escaper takes whole lines of JSON, as an encoder writes them.
type escaper struct{ w io.Writer }

func (e escaper) Write(line []byte) (int, error) {
	var out []byte
	done := 0
	for at := 0; at < len(line); {
		r, size := utf8.DecodeRune(line[at:])
		if r >= 0x7f && !unicode.IsPrint(r) { // JSON escapes those below itself
			out = appendEscape(append(out, line[done:at]...), r)
			done = at + size
		}
		at += size
	}
	if _, err := e.w.Write(append(out, line[done:]...)); err != nil {
		return 0, err
	}
	return len(line), nil
}

func appendEscape(out []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	for _, u := range utf16.AppendRune(nil, r) {
		out = append(out, '\\', 'u', digits[u>>12], digits[u>>8&15], digits[u>>4&15], digits[u&15])
	}
	return out
}
