package cli

import (
	"errors"
	"testing"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "",
		"1 → 64, 7×7 \"x\" \\":  "1 → 64, 7×7 \"x\" \\",
		"two\nlines\tand a tab": "two\nlines\tand a tab",
		"\x1b]0;title\a":        `\x1b]0;title\a`,
		"over\rwritten\b\x7f":   `over\rwritten\b\x7f`,
		"\u009b31m":             `\u009b31m`,       // the escape of 8-bit terminals
		"a\u202eb\u2066c":       `a\u202eb\u2066c`, // runs of text from right to left
		"\xff\xc3(\uFFFD":       `\xff\xc3(` + "\uFFFD",
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestName(t *testing.T) {
	for text, want := range map[string]string{
		"":                 "",
		"shirt 7×7.png":    "shirt 7×7.png",
		"a\nb\t\x1b]0;x\a": `a\nb\t\x1b]0;x\a`,
		"a\u0085b\u2028c":  `a\u0085b\u2028c`,
	} {
		if got := Name(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestReason(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		"sampler: no model":      "no model",
		"a.onnx: sampler: of it": "a.onnx: of it",
		"sampler: unusable model: compile: goruntime: no": "unusable model: no",
		"dataset: a.png: no; dataset: b.png: no":          "a.png: no; b.png: no",
		"write out/train: no space":                       "write out/train: no space",
		"bad compile: no":                                 "bad compile: no",
	} {
		if got := Reason(errors.New(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
