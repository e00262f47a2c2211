package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/cobra"
)

func TestApart(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, err := range []error{
		os.WriteFile("there", []byte("x"), 0o600),
		os.Mkdir("folder", 0o700),
		os.Symlink("there", "link"),
		os.Link("there", "hard"),
		os.Symlink("folder", "way"),
	} {
		if err != nil {
			t.Skip(err)
		}
	}
	cmd := &cobra.Command{}
	abs, err := filepath.Abs("new")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ out, labels, in, want string }{
		{"a", "b", "c", ""},
		{"a", "", "", ""},
		{"-", "a", "-", ""},
		{"-", "-", "", "--output and --labels cannot both be standard output"},
		{"new", "new", "", "--output and --labels are one file, new"},
		{"new", "./new", "", "--output and --labels are one file, ./new"},
		{"folder/../new", abs, "", "--output and --labels are one file, " + abs},
		{"folder/new", "way/new", "", "--output and --labels are one file, way/new"},
		{"folder/new", "new", "", ""},
		{"there", "a", "there", "--output is the file of --model, there, which would be overwritten"},
		{"a", "link", "there", "--labels is the file of --model, there, which would be overwritten"},
		{"hard", "", "there", "--output is the file of --model, there, which would be overwritten"},
		{"way", "", "folder", "--output is the folder of --model, folder: name another one"},
		{os.DevNull, os.DevNull, os.DevNull, ""},
	} {
		cmd.SetContext(context.WithValue(t.Context(), inputsKey{}, &inputs{}))
		err := Apart(cmd, []File{{"--output", c.out}, {"--labels", c.labels}}, []File{{"--model", c.in}})
		var usage *UsageError
		if got := errors.As(err, &usage); got != (c.want != "") || got && err.Error() != c.want {
			t.Errorf("%q, %q and %q: error %v, want %q", c.out, c.labels, c.in, err, c.want)
		}
	}
}

// TestOutput: what was read is not written, even where it became the output later.
func TestOutput(t *testing.T) {
	t.Chdir(t.TempDir())
	cmd := &cobra.Command{}
	cmd.SetContext(context.WithValue(t.Context(), inputsKey{}, &inputs{}))
	if err := os.WriteFile("there", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Apart(cmd, []File{{"--output", "new"}}, []File{{"--model", "there"}}); err != nil {
		t.Fatal(err)
	}
	put := func(path string) error {
		return Output(cmd, path, func(w io.Writer) error { _, err := io.WriteString(w, "y"); return err })
	}
	if err := os.Link("there", "new"); err != nil {
		t.Skip(err)
	}
	for _, path := range []string{"new", "there", "./there"} {
		if err := put(path); err == nil {
			t.Errorf("%s was replaced", path)
		}
	}
	if err := put("other"); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile("there"); err != nil || string(b) != "x" {
		t.Errorf("it is %q now, %v", b, err)
	}
}
