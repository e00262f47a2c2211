package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/dataset"
)

// TestFolder: each picture is read once where bad ones are left out, and all bad ones are said.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.png", "bad1.png", "bad2.png", "c.png"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	errBad := errors.New("it is bad")
	for name, c := range map[string]struct {
		skip  bool
		limit int
		names string
		reads int64
		says  string
	}{
		"all":           {false, 0, "a.png bad1.png bad2.png c.png", 7, "bad1.png: it is bad bad2.png: it is bad"},
		"the first two": {false, 2, "a.png bad1.png", 4, "bad1.png: it is bad"},
		"good":          {true, 0, "a.png c.png", 4, "bad1.png: it is bad bad2.png: it is bad --skip-bad: pictures left out: 2"},
	} {
		t.Run(name, func(t *testing.T) {
			var said bytes.Buffer
			cmd := &cobra.Command{}
			cmd.SetContext(t.Context())
			cmd.SetErr(&said)
			var reads atomic.Int64
			files, err := (&cli.Pictures{Skip: c.skip}).Open(cmd, dir, c.limit, func(path string) ([]uint16, error) {
				reads.Add(1)
				if strings.HasPrefix(filepath.Base(path), "bad") {
					return nil, fmt.Errorf("%s: %w", filepath.Base(path), errBad)
				}
				return []uint16{uint16(filepath.Base(path)[0])}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(files.Names, " "); got != c.names {
				t.Errorf("there is %s, want %s", got, c.names)
			}
			failed := 0
			for i, name := range files.Names {
				levels, err := files.Levels(t.Context(), i)
				if err != nil {
					failed++
				} else if !slices.Equal(levels, []uint16{uint16(name[0])}) {
					t.Errorf("%s has levels %v", name, levels)
				}
			}
			if want := strings.Count(c.names, "bad"); failed != want {
				t.Errorf("%d pictures cannot be used, want %d", failed, want)
			}
			if reads.Load() != c.reads {
				t.Errorf("%d pictures were read, want %d", reads.Load(), c.reads)
			}
			if got := strings.Join(strings.Fields(said.String()), " "); got != c.says {
				t.Errorf("said is %q, want %q", got, c.says)
			}
		})
	}

	stopped, stop := context.WithCancel(t.Context())
	stop()
	cmd := &cobra.Command{}
	cmd.SetContext(t.Context())
	files, err := new(cli.Pictures).Open(cmd, dir, 0, func(string) ([]uint16, error) { return nil, errBad })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := files.Levels(stopped, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	cmd.SetContext(stopped)
	if _, err := (&cli.Pictures{Skip: true}).Open(cmd, dir, 0, func(string) ([]uint16, error) { return nil, nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	cmd.SetContext(t.Context())
	cmd.SetErr(new(bytes.Buffer))
	var folder *dataset.FolderError
	if _, err := (&cli.Pictures{Skip: true}).Open(cmd, dir, 0, func(string) ([]uint16, error) { return nil, errBad }); !errors.As(err, &folder) {
		t.Errorf("error %v", err)
	}
}
