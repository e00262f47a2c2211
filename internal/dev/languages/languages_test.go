package languages

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestLanguages runs what takes less than a minute together. Where a toolchain or a
// package is not to be had, it says so.
func TestLanguages(t *testing.T) {
	if testing.Short() {
		t.Skip("it installs packages of other languages")
	}
	tasks, err := makeTasks(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			if !e.quick {
				t.Skip("make languages runs it: it takes longer to install or to draw")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			command, err := e.prepare(ctx)
			if err != nil {
				t.Skip(err)
			}
			for _, task := range tasks {
				differ, seconds, err := task.draw(ctx, command)
				if err != nil || differ != 0 {
					t.Errorf("%s: %d pixels differ, %v", task.name, differ, err)
				}
				t.Logf("%s: %d pixels differ, %.2f s", task.name, differ, seconds)
			}
		})
	}
}

// TestVersions: each engine's version is found in the file that pins it.
func TestVersions(t *testing.T) {
	for _, e := range engines {
		if v := e.version(); v == "?" || !strings.ContainsAny(v, "0123456789") || strings.ContainsAny(v, "\n\"<") {
			t.Errorf("%s: version %q", e.name, v)
		}
	}
}

func TestComplaint(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"one\nsomething.Error: two\nthree\n", "something.Error: two"},
		{"one\ntwo\n", "two"},
		{"", "exit status 1"},
	} {
		if got := complaint(c.text, errors.New("exit status 1")); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
	if got, want := oneLine(errors.New("a|b\n<c>"+strings.Repeat("x", 200))), `a\|b &lt;c>`; !strings.HasPrefix(got, want) || len(got) > 190 {
		t.Errorf("%q", got)
	}
}
