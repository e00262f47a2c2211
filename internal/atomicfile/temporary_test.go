package atomicfile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestMain has a process that writes half a file and waits to be killed.
func TestMain(m *testing.M) {
	if path := os.Getenv("ATOMICFILE_TEST_HALF"); path != "" {
		_ = Write(path, func(w io.Writer) error {
			_, err := w.Write(make([]byte, 1<<20))
			_, _ = os.Stdout.WriteString("half\n")
			_, _ = io.Copy(io.Discard, os.Stdin) // does not end
			return err
		})
	}
	os.Exit(m.Run())
}

// half starts a process that is amid writing a file.
func half(t *testing.T, path string) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ATOMICFILE_TEST_HALF="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = in.Close()
	})
	t.Cleanup(kill)
	return kill
}

// TestKilled kills a process that is writing a file: the file is as it was, another
// process can write it meanwhile, and what is left goes with the next Write.
func TestKilled(t *testing.T) {
	if !locks {
		t.Skip("no locks here that end with a process")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := Write(path, put("old")); err != nil {
		t.Fatal(err)
	}
	kill := half(t, path)
	if err := Sweep(dir, ""); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{".f.0.tmp", "f"}) {
		t.Fatalf("while it is written there are %q", got)
	}
	if err := Write(path, put("new")); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{".f.0.tmp", "f"}) {
		t.Errorf("after another has written it there are %q", got)
	}
	kill()
	if b, _ := os.ReadFile(path); string(b) != "new" {
		t.Errorf("content %q, want the new one", b)
	}
	if err := Write(path, put("newer")); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"f"}) {
		t.Errorf("in the end there are %q", got)
	}
}

// TestSweep leaves what is not a temporary of the prefix.
func TestSweep(t *testing.T) {
	if !locks {
		t.Skip("no locks here that end with a process")
	}
	dir := t.TempDir()
	stay := []string{".other.0.tmp", ".step-1.0", ".step-1.tmp", ".step-1.x.tmp", ".step-folder.0.tmp", "step-1.0.tmp"}
	for _, name := range append([]string{".step-1.0.tmp", ".step-2.7.tmp", ".step-2.fedcba9876543210.tmp"}, stay...) {
		if name == ".step-folder.0.tmp" {
			name += "/x"
			if err := os.Mkdir(filepath.Join(dir, filepath.Dir(name)), 0o777); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Sweep(dir, "step-"); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, stay) {
		t.Errorf("there are %q, want %q", got, stay)
	}
	if err := Sweep(filepath.Join(dir, "none"), ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want one of a folder that is not there", err)
	}
}

// TestStaleLink has a link where a temporary would be: what it points at stays.
func TestStaleLink(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "mine")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(mine, filepath.Join(dir, ".f.0.tmp")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if err := Write(filepath.Join(dir, "f"), put("x")); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(mine); string(b) != "mine" {
		t.Errorf("the link's target holds %q", b)
	}
}

// TestMany writes one file from many goroutines at once: it is always one of theirs.
func TestMany(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	var g sync.WaitGroup
	for i := range 20 {
		g.Go(func() {
			content := bytes.Repeat([]byte{byte('a' + i)}, 1000*(i+1))
			for range 10 {
				if err := Write(path, put(string(content))); err != nil {
					t.Error(err)
				}
				b, err := os.ReadFile(path)
				if err != nil || len(b) == 0 || len(b) != 1000*(int(b[0]-'a')+1) || strings.Trim(string(b), string(b[:1])) != "" {
					t.Errorf("%d bytes are no whole file (error %v)", len(b), err)
				}
			}
		})
	}
	g.Wait()
	if n := names(t, dir); len(n) != 1 {
		t.Errorf("left behind: %q", n)
	}
}
