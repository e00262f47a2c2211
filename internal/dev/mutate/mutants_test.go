package mutate

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// root is the repository's.
var root = filepath.Join("..", "..", "..")

// TestMain lets the test's own program be the process that takes cases, or one that does
// not survive them.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || os.Args[1] != "worker" {
		os.Exit(m.Run())
	}
	switch os.Getenv("MUTATE_TEST") {
	case "die":
		os.Stdout.WriteString(ready + "\n")
		_, _ = os.Stdin.Read(make([]byte, 1))
		panic("killed by the file")
	case "slow":
		os.Stdout.WriteString(ready + "\n")
		_, _ = os.Stdin.Read(make([]byte, 1))
		_ = json.NewEncoder(os.Stdout).Encode(verdict{Seconds: 2 * maxSeconds})
		_, _ = os.Stdin.Read(make([]byte, 8))
		return
	}
	if err := work(os.Args[2:], os.Stdin, os.Stdout); err != nil {
		log.Fatal("mutate: ", err)
	}
}

var (
	mutants = flag.Int("mutants", 1000, "number of cases")
	seed    = flag.Uint64("seed", 2, "which mutations")
	from    = flag.Int("from", 0, "number of the first case")
	saved   = flag.String("save", filepath.Join(os.TempDir(), "mutate"), "folder for the files of findings")
)

// TestMutants is the run, by default with few cases.
func TestMutants(t *testing.T) {
	j := job{Seed: *seed, From: *from, N: *mutants, Processes: 2, Root: root}
	m, err := newMaterial(j)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	sum, err := j.run(context.Background(), func(v verdict, done int, sum summary) {
		if v.Finding != "" {
			t.Errorf("case %d of -seed %d, %s: %s", v.Case, j.Seed, save(m, v.Case, *saved), v.Finding)
		}
		if done%5000 == 0 {
			fmt.Printf("%d of %d cases, %v: %v\n", done, j.N, time.Since(start).Round(time.Second), sum)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(sum)
	// Where nothing gets through, nothing is tried.
	if j.N >= 1000 && (sum.Passed < j.N/10 || sum.Drew < j.N/50 || sum.Loaded < j.N/20 || sum.Ran < j.N/20 || sum.Passed > j.N*9/10) {
		t.Errorf("too few or too many cases get through: %v", sum)
	}
}

// save writes the file of a case into a folder, and says of what it was made and where it
// is.
func save(m *material, number int, dir string) string {
	file, from := m.mutant(number)
	path := filepath.Join(dir, fmt.Sprintf("%d-%d.onnx", m.seed, number))
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = os.WriteFile(path, file, 0o644)
	}
	if err != nil {
		return fmt.Sprintf("made of %s, not saved: %v", from, err)
	}
	return fmt.Sprintf("made of %s, saved as %s", from, path)
}

// TestMaterial: undamaged, every small model passes, loads and runs, and every model that
// has images is drawn from.
func TestMaterial(t *testing.T) {
	m, err := newMaterial(job{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	trial, err := newTrial()
	if err != nil {
		t.Fatalf("the tests need ONNX Runtime (go run ./cmd/sampler install-runtime): %v", err)
	}
	defer trial.close()
	for _, base := range m.small {
		v := trial.try(base.file)
		if strings.Contains(base.name, "forms") { // what comes of those, a test of the sampler's tells
			if v.Finding != "" {
				t.Errorf("%s: %s", base.name, v.Finding)
			}
			continue
		}
		draws := strings.Contains(base.name, "pixelcnn") || strings.Contains(base.name, "gated") || strings.Contains(base.name, "random")
		if !v.Passed || !v.Loaded || !v.Ran || v.Drew != draws || v.Finding != "" {
			t.Errorf("%s: %+v", base.name, v)
		}
	}
}

// TestSame: a seed gives the same files each time, another seed others.
func TestSame(t *testing.T) {
	make := func(seed uint64) (files [][]byte) {
		m, err := newMaterial(job{Seed: seed, Root: root})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 200 {
			file, _ := m.mutant(i)
			files = append(files, file)
		}
		return files
	}
	differ := 0
	first, again, other := make(1), make(1), make(2)
	for i, file := range first {
		if !bytes.Equal(file, again[i]) {
			t.Errorf("case %d is another one each time", i)
		}
		if !bytes.Equal(file, other[i]) {
			differ++
		}
	}
	if differ < 190 {
		t.Errorf("only %d of 200 cases differ from those of another seed", differ)
	}
}

// TestFields: a model that is read as a message and written is the same.
func TestFields(t *testing.T) {
	m, err := newMaterial(job{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	for _, base := range append(m.small, m.large...) {
		fields, ok := parse(base.file, modelMessage)
		if !ok || !bytes.Equal(write(nil, fields), base.file) {
			t.Errorf("%s is not the same", base.name)
		}
		if n := len(lists(&fields)); n < 20 {
			t.Errorf("%s: only %d messages", base.name, n)
		}
	}
}

// TestFindings: a process that dies or takes too long is noticed, and the next case has a
// new one.
func TestFindings(t *testing.T) {
	for fate, want := range map[string]string{"die": "killed by the file", "slow": "it takes 4.0 s, may take 2"} {
		t.Run(fate, func(t *testing.T) {
			t.Setenv("MUTATE_TEST", fate)
			start := time.Now()
			sum, err := job{N: 3, Processes: 1, Root: root}.run(context.Background(), func(verdict, int, summary) {})
			if err != nil {
				t.Fatal(err)
			}
			if len(sum.Findings) != 3 {
				t.Fatalf("%d findings, want 3: %v", len(sum.Findings), sum.Findings)
			}
			for i, f := range sum.Findings {
				if f.Case != i || !strings.Contains(f.Finding, want) {
					t.Errorf("finding %d: case %d, %s", i, f.Case, f.Finding)
				}
			}
			if took := time.Since(start); took > patience {
				t.Errorf("it took %v to notice", took)
			}
		})
	}
}
