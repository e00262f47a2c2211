package golden

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// record is testdata/golden.txt.
type record struct {
	sums map[key]string // as they were read
	mu   sync.Mutex
	made map[key]string // with -update, what takes their place
}

// key names a line of it.
type key struct{ name, file, where string }

const recordFile = "testdata/golden.txt"

func newRecord(t *testing.T) *record {
	t.Helper()
	b, err := os.ReadFile(recordFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	r := &record{sums: map[key]string{}, made: map[key]string{}}
	for line := range strings.Lines(string(b)) {
		f := append(strings.Fields(line), "")
		if len(f) != 4 && len(f) != 5 {
			t.Fatalf("%s: %q is no line of it", recordFile, line)
		}
		r.sums[key{f[0], f[1], f[3]}] = f[2]
	}
	return r
}

// check compares what a case wrote with what is recorded of it at the same place, or with
// -update records it.
func (r *record) check(t *testing.T, name, where string, wrote map[string]string) {
	t.Helper()
	if *update {
		r.mu.Lock()
		defer r.mu.Unlock()
		for file, sum := range wrote {
			r.made[key{name, file, where}] = sum
		}
		return
	}
	want, elsewhere := map[string]string{}, map[string]bool{}
	for k, sum := range r.sums {
		if k.name == name && k.where == where {
			want[k.file] = sum
		} else if k.name == name {
			elsewhere[k.where] = true
		}
	}
	if len(want) == 0 && where != "" && len(elsewhere) > 0 {
		t.Skipf("it is recorded of %q, not of %s: run -update here with a build that is known to be right",
			slices.Sorted(maps.Keys(elsewhere)), where)
	}
	compare(t, "the record", wrote, want)
}

// write writes what was made, and what was recorded of other places and of cases that were
// not run.
func (r *record) write(t *testing.T) {
	t.Helper()
	where := map[string]string{} // of the cases that were run
	for k := range r.made {
		where[k.name] = k.where
	}
	names := caseNames(t)
	for k, sum := range r.sums {
		w, ran := where[k.name]
		if names[k.name] && (!ran || w != "" && k.where != "" && k.where != w) {
			r.made[k] = sum
		}
	}
	var lines []string
	for k, sum := range r.made {
		lines = append(lines, strings.TrimSpace(fmt.Sprintln(k.name, k.file, sum, k.where))+"\n")
	}
	slices.Sort(lines)
	if err := os.WriteFile(recordFile, []byte(strings.Join(lines, "")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// compare reports the files of which have and want, sums by file, differ.
func compare(t *testing.T, with string, have, want map[string]string) {
	t.Helper()
	files := maps.Clone(want)
	maps.Copy(files, have)
	for _, file := range slices.Sorted(maps.Keys(files)) {
		switch h, w := have[file], want[file]; {
		case h == "":
			t.Errorf("%s is not written, as it is by %s", file, with)
		case w == "":
			t.Errorf("%s is written, but not by %s", file, with)
		case h != w:
			t.Errorf("%s has the sum %s, and %s by %s", file, h, w, with)
		}
	}
}
