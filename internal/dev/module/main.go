// Command module gives the module another path, in the checkout of the folder where it
// runs: in go.mod and those of the modules inside, imports, tests and documents.
//
//	go run ./internal/dev/module github.com/you/pixelcnn
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("module: ")
	if len(os.Args) != 2 {
		log.Fatal("the new path is missing: make module PATH=github.com/you/pixelcnn")
	}
	changed, err := rename(".", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("module: the path is %s now, in go.mod and %d other files\n", os.Args[1], changed)
}

// rename changes the path of the module whose root is a folder, and returns how many files
// it has changed besides go.mod, which comes last: where it fails it can run again.
func rename(root, to string) (changed int, err error) {
	if first, _, _ := strings.Cut(to, "/"); !strings.Contains(first, ".") {
		return 0, fmt.Errorf("%q cannot be fetched: it must begin with a host, as github.com/you/pixelcnn does", to)
	}
	if _, err := command(root, "go", "mod", "edit", "-print", "-module", to); err != nil {
		return 0, err
	}
	from, err := command(root, "go", "list", "-m")
	if err != nil {
		return 0, err
	}
	uses, err := uses(root, string(bytes.TrimSpace(from)))
	if err != nil {
		return 0, err
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return fs.SkipDir
		case !d.Type().IsRegular() || !slices.Contains([]string{".go", ".mod", ".md"}, filepath.Ext(path)):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		renamed := uses.ReplaceAll(text, []byte("${1}"+to+"${2}"))
		if bytes.Equal(renamed, text) {
			return nil
		}
		changed++
		return os.WriteFile(path, renamed, 0o666) // the file is there: its mode stays
	})
	if err != nil {
		return changed, err
	}
	_, err = command(root, "go", "mod", "edit", "-module", to)
	return changed, err
}

// uses matches a path where it stands for the module, not for its name or a file: before
// one of its folders, and as go.mod and the go command's flags have it. What is around it
// are the groups.
func uses(root, path string) (*regexp.Regexp, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var folders []string
	for _, e := range entries {
		if e.IsDir() {
			folders = append(folders, regexp.QuoteMeta(e.Name()))
		}
	}
	return regexp.Compile(`(^|[^\w./-])` + regexp.QuoteMeta(path) +
		`(/(?:` + strings.Join(folders, "|") + `)\b|/"|/\.\.\.|@v0|=DIR\b| v0\.0\.0| =>)`)
}

// command runs a command in a folder and returns what it prints.
func command(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	return out, err
}
