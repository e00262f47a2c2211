package cli

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
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
		{os.DevNull, os.DevNull, os.DevNull, ""},
	} {
		err := Apart([]File{{"--output", c.out}, {"--labels", c.labels}}, []File{{"--model", c.in}})
		var usage *UsageError
		if got := errors.As(err, &usage); got != (c.want != "") || got && err.Error() != c.want {
			t.Errorf("%q, %q and %q: error %v, want %q", c.out, c.labels, c.in, err, c.want)
		}
	}
}
