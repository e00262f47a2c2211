package golden

import (
	"flag"
	"testing"
)

var (
	update = flag.Bool("update", false, "write testdata/golden.txt anew")
	bin    = flag.String("bin", "", "folder with the commands, in place of building them")
)

// golden is a case: what its command lines write.
type golden struct {
	name string
	// run are command lines. They have a folder of their own; what the test has made is in
	// the one above.
	run []string
	// same are flags that may be added to the last of them and change no byte.
	same []string
	on   on
}

// on says what the bytes of a case depend on. What the runtime in Go computes has the same
// bits on every processor.
type on int

const (
	nothing on = iota
	release    // Go's, whose compression a PNG has
	library    // ONNX Runtime's version, and the instructions that it finds
)

func TestGolden(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the commands and runs them some thousand times")
	}
	c := newCommands(t)
	writeInputs(t, c.root)
	r := newRecord(t)
	t.Run("case", func(t *testing.T) {
		t.Run(inputs, func(t *testing.T) {
			sums := map[string]string{}
			for _, m := range models() {
				sums[m.name+".onnx"] = sum(m.file)
			}
			r.check(t, inputs, "", sums)
		})
		for _, g := range cases(t) {
			t.Run(g.name, func(t *testing.T) {
				t.Parallel()
				r.check(t, g.name, c.where(g.on), c.sums(t, g))
			})
		}
	})
	if *update && !t.Failed() {
		r.write(t)
	}
}

// inputs is the case of the models that the test makes: where it fails, look at no other.
const inputs = "inputs"

// TestRecord checks that the record and the table have the same cases.
func TestRecord(t *testing.T) {
	if *update {
		t.Skip("it is being written")
	}
	names := caseNames(t)
	recorded := map[string]bool{}
	for k := range newRecord(t).sums {
		if recorded[k.name] = true; !names[k.name] {
			t.Errorf("%s is recorded, but no case", k.name)
		}
	}
	for name := range names {
		if !recorded[name] {
			t.Errorf("%s is not recorded", name)
		}
	}
}

func caseNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{inputs: true}
	for _, g := range cases(t) {
		if names[g.name] {
			t.Errorf("two cases are called %s", g.name)
		}
		names[g.name] = true
	}
	return names
}
