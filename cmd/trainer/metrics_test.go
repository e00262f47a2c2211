package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenMetrics(t *testing.T) {
	const (
		one   = `{"step":1,"epoch":1}` + "\n"
		two   = `{"step":2,"epoch":1}` + "\n" + `{"epoch":1,"split":"test"}` + "\n"
		three = `{"step":3,"epoch":2}` + "\n" + `{"epoch":2,"split":"test"}` + "\n"
	)
	for _, c := range []struct {
		name, have string
		step       int
		want       string
	}{
		{"a new run", one + two, -1, ""},
		{"from the start", one + two, 0, ""},
		{"nothing is too much", one + two, 2, one + two},
		{"a later step goes", one + two + three, 2, one + two},
		{"so do all later ones", one + two + three, 1, one},
		{"and a line cut short", one + two + three[:9], 2, one + two},
		{"even where it is whole but for its end", one + two + three[:20], 3, one + two},
		{"nothing is there", "", 5, ""},
		{"other lines stay", "a\n" + one, 1, "a\n" + one},
	} {
		path := filepath.Join(t.TempDir(), "m.jsonl")
		if err := os.WriteFile(path, []byte(c.have), 0o600); err != nil {
			t.Fatal(err)
		}
		f, last, err := openMetrics(path, c.step)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(c.want, string(last)) || strings.Count(string(last), "\n") != min(1, len(c.want)) {
			t.Errorf("%s: last line %q", c.name, last)
		}
		if _, err := f.WriteString("more\n"); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != c.want+"more\n" {
			t.Errorf("%s: %q, want %q", c.name, got, c.want+"more\n")
		}
	}
	if _, _, err := openMetrics(filepath.Join(t.TempDir(), "none", "m.jsonl"), 1); err == nil {
		t.Error("opened a file in a folder that is not there")
	}
}
