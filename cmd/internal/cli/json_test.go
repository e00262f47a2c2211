package cli

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestNewEncoder(t *testing.T) {
	for text, want := range map[string]string{
		"":                  `""`,
		"7×7 → «x» 😀":       `"7×7 → «x» 😀"`,
		"\x1b[2J\n":         `"\u001b[2J\n"`,
		"\u009b2J\u0085":    `"\u009b2J\u0085"`,
		"\x7f":              `"\u007f"`,
		"a\u202eb\u2066c":   `"a\u202eb\u2066c"`,
		"tag \U000e0001 on": `"tag \udb40\udc01 on"`,
	} {
		var s strings.Builder
		if err := NewEncoder(&s).Encode(text); err != nil || s.String() != want+"\n" {
			t.Errorf("%q: %s, error %v, want %s", text, s.String(), err, want)
		}
		var back string
		if err := json.Unmarshal([]byte(s.String()), &back); err != nil || back != text {
			t.Errorf("%q: read back as %q, error %v", text, back, err)
		}
	}
}
