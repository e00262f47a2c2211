package slurm

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var kills = flag.Int("kills", 2, "how many tasks TestSlurm kills at random moments")

// The array of a run: 6 shards of 100 images, kept every 10.
const (
	images = 600
	shards = 6
)

// TestSlurm draws and scores as the examples do while tasks are killed at random moments, one
// is requeued and a node is lost, until gather finds nothing missing: then all is as one
// run makes it, byte for byte.
func TestSlurm(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "sampler"), "./cmd/sampler")
	build.Dir, build.Env = "../../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := newCluster(t, bin)
	sampler := c.sampler
	c.must(nil, sampler, "--model", "@gated", "-n", fmt.Sprint(images), "--seed", "1", "--temp", "0.8", "-o", "whole.npy", "--quiet")
	env := []string{
		"MODEL=@gated", fmt.Sprintf("IMAGES=%d", images), fmt.Sprintf("SHARDS=%d", shards), "EVERY=10",
		"DATA=whole.npy",
	}
	rng := rand.New(rand.NewPCG(1, 0))
	start := time.Now()
	done := 0
	for run := 0; run == 0 || done < *kills; run++ {
		events := []event{kill, kill, requeue, lose}
		if run%3 > 0 { // a node is lost in every third run, for that takes Slurm a while
			events = events[:3]
		}
		out := fmt.Sprintf("out%d", run)
		done += c.array(rng, append(env, "OUT="+out), "draw.sbatch", out, events)
		c.same("whole.npy", sampler, "gather", out, "-o", "gathered.npy")
	}
	t.Logf("%d tasks killed in %v", done, time.Since(start).Round(time.Second))

	c.must(nil, sampler, "score", "--data", "whole.npy", "--model", "@gated", "--runtime", "go", "-o", "score.txt")
	c.array(rng, append(env, "OUT=scores"), "score.sbatch", "scores", []event{kill})
	c.same("score.txt", sampler, "gather", "scores", "-o", "gathered.txt")
	c.must(nil, sampler, "score", "--data", "whole.npy", "--model", "@gated", "--runtime", "go", "--shard", "0/1", "-o", "one/")
	c.must(nil, sampler, "gather", "one", "-o", "score.json")
	c.same("score.json", sampler, "gather", "scores", "-o", "gathered.json")
}

// same runs a command of gather and compares what it wrote, its last argument, with a file.
func (c *cluster) same(want string, command ...string) {
	c.t.Helper()
	c.must(nil, command[0], command[1:]...)
	a, errA := os.ReadFile(c.path(want))
	b, errB := os.ReadFile(c.path(command[len(command)-1]))
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		c.t.Fatalf("%q wrote other than one run (%v, %v)", command[1:], errA, errB)
	}
}

// event is what befalls an array.
type event func(c *cluster, rng *rand.Rand, tasks []task) (killed int)

func kill(_ *cluster, rng *rand.Rand, tasks []task) int {
	tasks[rng.IntN(len(tasks))].kill()
	return 1
}

// requeue is what a preemption does: SIGTERM, then SIGKILL, and once more from the queue.
func requeue(c *cluster, rng *rand.Rand, tasks []task) int {
	p := tasks[rng.IntN(len(tasks))]
	// The task may have ended by now.
	if ids, _ := c.command(nil, "squeue", "--noheader", "--states", "R", "--format", "%i"); ids != "" {
		for id := range strings.FieldsSeq(ids) {
			if strings.HasSuffix(id, "_"+p.index) {
				_, _ = c.command(nil, "scontrol", "requeue", id)
			}
		}
	}
	return 0
}

func lose(c *cluster, rng *rand.Rand, tasks []task) int {
	node := tasks[rng.IntN(len(tasks))].node
	n := 0
	for _, p := range tasks {
		if p.node == node {
			n++
		}
	}
	c.lose(node)
	c.await("the loss of "+node, func() bool { return strings.HasPrefix(c.state(node), "down") })
	c.startNode(node)
	c.await("the return of "+node, func() bool { return !strings.HasPrefix(c.state(node), "down") })
	return n
}

// array submits an example, has the events befall its tasks, and submits again what gather says
// is missing, as it says it, until nothing is. It returns how many tasks were killed.
func (c *cluster) array(rng *rand.Rand, env []string, example, out string, events []event) (killed int) {
	c.t.Helper()
	script, err := filepath.Abs(filepath.Join("../../../examples/slurm", example))
	if err != nil {
		c.t.Fatal(err)
	}
	which := fmt.Sprintf("--array=0-%d", shards-1)
	for again := 0; ; again++ {
		if again == 10 {
			c.t.Fatal("shards are missing after ten submissions")
		}
		c.must(env, "sbatch", which, script)
		next := moment(rng)
		for end := time.Now().Add(3 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				c.t.Fatalf("the queue is not empty after three minutes:\n%s", c.must(nil, "squeue"))
			}
			if tasks := c.tasks(); len(events) > 0 && len(tasks) > 0 && time.Now().After(next) {
				killed += events[0](c, rng, tasks)
				events, next = events[1:], moment(rng)
			} else if len(tasks) == 0 {
				if c.must(nil, "squeue", "--noheader", "--format", "%i") == "" {
					break
				}
				c.hurry()
			}
		}
		missing, err := c.command(nil, c.sampler, "gather", out, "-o", "-")
		if err == nil {
			return killed
		}
		var ok bool
		if which, _, ok = strings.Cut(missing, "\n"); !ok || !strings.HasPrefix(which, "--array=") {
			c.t.Fatalf("gather says %q: %v", missing, err)
		}
		c.t.Logf("%s: again %s", out, which)
	}
}

func moment(rng *rand.Rand) time.Time {
	return time.Now().Add(time.Duration(rng.IntN(2500)) * time.Millisecond)
}

// hurry starts what was requeued: Slurm leaves two minutes in between.
func (c *cluster) hurry() {
	ids := c.must(nil, "squeue", "--noheader", "--array", "--states", "PD", "--format", "%i %r")
	for line := range strings.Lines(ids) {
		if id, why, _ := strings.Cut(strings.TrimSpace(line), " "); why == "BeginTime" {
			_, _ = c.command(nil, "scontrol", "update", "JobId="+id, "StartTime=now")
		}
	}
}
