// Package clitest runs the commands' script tests. Beside testscript's own, the
// scripts have these commands:
//
//	usage COMMAND…        it exits with status 2 and one line of error
//	fails COMMAND…        it exits with status 1 and one line of error
//	filled N COMMAND…     it does so where no file can have more than N blocks
//	clean FOLDER…         no file that was not finished lies there
//	idx FOLDER N          writes a small data set of N images a part
//	truncate FILE SIZE    cuts a file off
package clitest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"pixelcnn/internal/modeltest"
)

// Command is a command of the scripts.
type Command = func(ts *testscript.TestScript, neg bool, args []string)

// Run runs the scripts in testdata/script, each after setup in a folder of its own,
// with the user's cache folder, where ONNX Runtime is, but an empty home.
func Run(t *testing.T, setup func(dir string) error, more map[string]Command) {
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	commands := map[string]Command{
		"usage": func(ts *testscript.TestScript, _ bool, args []string) { exits(ts, 2, args[0], args) },
		"fails": func(ts *testscript.TestScript, _ bool, args []string) { exits(ts, 1, args[0], args) },
		"filled": func(ts *testscript.TestScript, _ bool, args []string) {
			exits(ts, 1, args[1], append([]string{"sh", "-c", `ulimit -f "$0"; exec "$@"`}, args...))
		},
		"clean": func(ts *testscript.TestScript, _ bool, args []string) {
			for _, dir := range args {
				files, err := filepath.Glob(filepath.Join(ts.MkAbs(dir), ".*.tmp"))
				ts.Check(err)
				if len(files) > 0 {
					ts.Fatalf("left behind: %q", files)
				}
			}
		},
		"idx": func(ts *testscript.TestScript, _ bool, args []string) {
			ts.Check(modeltest.WriteIDX(ts.MkAbs(args[0]), number(ts, args[1])))
		},
		"truncate": func(ts *testscript.TestScript, _ bool, args []string) {
			ts.Check(os.Truncate(ts.MkAbs(args[0]), int64(number(ts, args[1]))))
		},
	}
	for name, c := range more {
		commands[name] = c
	}
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: commands,
		Setup: func(e *testscript.Env) error {
			e.Setenv("XDG_CACHE_HOME", cache)
			e.Setenv("HOME", e.WorkDir)
			return setup(e.WorkDir)
		},
	})
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

// exits runs the command of that name and checks its status, and that it ends with one line of
// error, apart from the hint that follows an error of usage.
func exits(ts *testscript.TestScript, want int, name string, args []string) {
	err := ts.Exec(args[0], args[1:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != want {
		ts.Fatalf("%v: %v, want exit status %d", args, err, want)
	}
	message := strings.TrimSuffix(ts.ReadFile("stderr"), "Try '"+name+" --help'.\n")
	lines := strings.Split(strings.TrimSuffix(message, "\n"), "\n")
	for i, line := range lines {
		if last := i == len(lines)-1; strings.HasPrefix(line, name+": ") != last {
			ts.Fatalf("%v: stderr does not end with one line of error", args)
		}
	}
}
