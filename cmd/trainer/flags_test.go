package main

import (
	"slices"
	"testing"

	"github.com/spf13/pflag"

	"pixelcnn/cmd/internal/clitest"
)

func TestEveryFlag(t *testing.T) { clitest.EveryFlag(t, newCommand(), "../../docs/trainer.md") }

// TestCommandFlags: each flag is in the command of the metadata, or is known not to matter to it.
func TestCommandFlags(t *testing.T) {
	cmd := newCommand()
	cmd.Version = "any"
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if all := slices.Sorted(slices.Values(slices.Concat(inCommand, leftOut))); !slices.Equal(all, slices.Sorted(slices.Values(names))) {
		t.Errorf("flags are %q, and known are %q", names, all)
	}
}

func TestWord(t *testing.T) {
	for text, want := range map[string]string{
		"pictures": "pictures", "0.5": "0.5", "": "''", "my pictures": "'my pictures'", "it's": `'it'\''s'`, "a;b": "'a;b'", "Bücher": "Bücher",
	} {
		if got := word(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
