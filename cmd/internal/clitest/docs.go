package clitest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// kinds are what a flag's help names of a text, or several values, where it does not say what they are.
var kinds = []string{"string", "strings", "stringArray", "ints", "int64Slice", "value"}

// EveryFlag checks that each flag of a command, and of those below it, is used in a
// script of testdata/script and explained in one of the documents, and that its help names what it
// takes.
func EveryFlag(t *testing.T, cmd *cobra.Command, documents ...string) {
	t.Helper()
	scripts, err := filepath.Glob("testdata/script/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts", err)
	}
	used, explained := texts(t, scripts), texts(t, documents)
	has := func(text string, f *pflag.Flag) bool {
		return regexp.MustCompile(`--`+f.Name+`\b`).MatchString(text) ||
			f.Shorthand != "" && regexp.MustCompile("[ `]-"+f.Shorthand+`\b`).MatchString(text)
	}
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" || f.Name == "version" { // cobra's own
				return
			}
			if takes, _ := pflag.UnquoteUsage(f); slices.Contains(kinds, takes) {
				t.Errorf("the help for %s --%s says %q: name what it takes, in backquotes", cmd.CommandPath(), f.Name, takes)
			}
			if !has(used, f) {
				t.Errorf("%s --%s is in no script", cmd.CommandPath(), f.Name)
			}
			if !has(explained, f) {
				t.Errorf("%s --%s is in none of %q", cmd.CommandPath(), f.Name, documents)
			}
		})
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	check(cmd)
}

func texts(t *testing.T, files []string) string {
	t.Helper()
	var all strings.Builder
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}

// Block is a fenced block of a Markdown document.
type Block struct {
	Language string // empty where it is not marked
	Text     string // its lines
}

// Blocks returns the fenced blocks of a document.
func Blocks(document string) (blocks []Block) {
	for _, m := range regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$").FindAllStringSubmatch(document, -1) {
		blocks = append(blocks, Block{m[1], m[2]})
	}
	return blocks
}
