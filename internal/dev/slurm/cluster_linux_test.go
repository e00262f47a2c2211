package slurm

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// cluster is a Slurm of two nodes in a folder of its own.
type cluster struct {
	t       *testing.T
	dir     string
	sampler string   // the program
	env     []string // of those who talk to it
	daemons map[string]*exec.Cmd
}

// nodes are the names of the two.
var nodes = []string{"n1", "n2"}

// mark is in the environment of every process of the cluster, tasks included, so that none
// but these is ever killed.
const mark = "PIXELCNN_SLURM_TEST"

// find looks for a program of Debian's packages, which are partly in root's folders.
func find(name string) string {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin") {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// newCluster starts it, or skips the test where that cannot be. bin is a folder for the PATH of the tasks.
func newCluster(t *testing.T, bin string) *cluster {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: Slurm, which only root can start for itself")
	}
	for _, name := range []string{"munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "sinfo", "scancel"} {
		if find(name) == "" {
			t.Skipf("NOT TESTED: Slurm, as there is no %s; of Debian, slurm-wlm and munge have it", name)
		}
	}
	dir, err := os.MkdirTemp("", "slurm") // that others may enter, as munge wants
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, dir: dir, sampler: filepath.Join(bin, "sampler"), daemons: map[string]*exec.Cmd{}}
	c.env = append(os.Environ(), "SLURM_CONF="+c.path("slurm.conf"), mark+"="+dir, "PATH="+bin+":"+os.Getenv("PATH"))
	t.Cleanup(c.stop)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	key := bytes.Repeat([]byte(strconv.FormatInt(time.Now().UnixNano(), 36)), 16)
	if err := os.WriteFile(c.path("munge.key"), key[:64], 0o400); err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 3)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ = strings.Cut(host, ".")
	conf := fmt.Sprintf(`ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=%[1]s/munge.socket
SlurmctldPort=%[3]d
SlurmctldPidFile=%[1]s/slurmctld.pid
SlurmdPidFile=%[1]s/slurmd-%%n.pid
SlurmdSpoolDir=%[1]s/spool-%%n
StateSaveLocation=%[1]s/state
SlurmctldLogFile=%[1]s/slurmctld.log
SlurmdLogFile=%[1]s/slurmd-%%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
KillWait=1
SchedulerParameters=batch_sched_delay=0,sched_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
NodeName=n1 NodeHostname=%[2]s NodeAddr=127.0.0.1 Port=%[4]d CPUs=2 RealMemory=8000
NodeName=n2 NodeHostname=%[2]s NodeAddr=127.0.0.1 Port=%[5]d CPUs=2 RealMemory=8000
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`, dir, host, ports[0], ports[1], ports[2])
	if err := os.WriteFile(c.path("slurm.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	c.start("munged", "--foreground", "--force", "--key-file="+c.path("munge.key"), "--socket="+c.path("munge.socket"),
		"--pid-file="+c.path("munged.pid"), "--log-file="+c.path("munged.log"), "--seed-file="+c.path("munged.seed"))
	c.await("munge's socket", func() bool { _, err := os.Stat(c.path("munge.socket")); return err == nil })
	c.start("slurmctld", "-D", "-f", c.path("slurm.conf"))
	for _, node := range nodes {
		c.startNode(node)
	}
	c.await("two idle nodes", func() bool { return c.state("n1") == "idle" && c.state("n2") == "idle" })
	return c
}

// freePorts are ports that were free a moment ago.
func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func (c *cluster) path(name string) string { return filepath.Join(c.dir, name) }

// start starts a daemon in the foreground.
func (c *cluster) start(name string, args ...string) { c.startAs(name, name, args...) }

func (c *cluster) startNode(node string) {
	c.startAs(node, "slurmd", "-D", "-N", node, "-f", c.path("slurm.conf"))
}

func (c *cluster) startAs(as, name string, args ...string) {
	c.t.Helper()
	out, err := os.OpenFile(c.path(as+".out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		c.t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(find(name), args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = c.env, c.dir, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.daemons[as] = cmd
}

// end kills a daemon.
func (c *cluster) end(as string) {
	if cmd := c.daemons[as]; cmd != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		delete(c.daemons, as)
	}
}

func (c *cluster) stop() {
	for _, p := range c.tasks() {
		p.kill()
	}
	for _, as := range []string{"n1", "n2", "slurmctld", "munged"} {
		c.end(as)
	}
	if c.t.Failed() {
		for _, log := range []string{"n1.out", "n2.out", "slurmctld.log", "slurmd-n1.log", "slurmd-n2.log", "munged.log"} {
			b, _ := os.ReadFile(c.path(log))
			c.t.Logf("%s ends with\n%s", log, b[max(0, len(b)-2000):])
		}
	}
	_ = os.RemoveAll(c.dir)
}

// command runs one of Slurm's, or the sampler, with more of an environment.
func (c *cluster) command(env []string, name string, args ...string) (string, error) {
	path := name
	if !filepath.IsAbs(name) {
		path = find(name)
	}
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Dir = append(c.env, env...), c.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %q: %w: %s", name, args, err, stderr.String())
	}
	return strings.TrimSpace(string(out)), err
}

// must is command, where nothing may go wrong.
func (c *cluster) must(env []string, name string, args ...string) string {
	c.t.Helper()
	out, err := c.command(env, name, args...)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// state is what a node is in.
func (c *cluster) state(node string) string {
	out, _ := c.command(nil, "sinfo", "--noheader", "--nodes", node, "--format", "%T")
	return out
}

// await waits until something is so, for a minute.
func (c *cluster) await(what string, is func() bool) {
	c.t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("there is no sign of %s after a minute", what)
		}
	}
}

// task is a process that draws or scores.
type task struct {
	pid, parent int
	node, index string
}

// tasks are the cluster's that run now.
func (c *cluster) tasks() (list []task) {
	stats, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range stats {
		environ, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(environ, []byte(mark+"="+c.dir+"\x00")) {
			continue
		}
		p := task{node: value(environ, "SLURMD_NODENAME"), index: value(environ, "SLURM_ARRAY_TASK_ID")}
		p.pid, _ = strconv.Atoi(filepath.Base(filepath.Dir(path)))
		stat, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "stat"))
		_, rest, _ := bytes.Cut(stat, []byte(") "))
		comm := stat[:len(stat)-len(rest)]
		if fields := bytes.Fields(rest); len(fields) > 1 {
			p.parent, _ = strconv.Atoi(string(fields[1]))
		}
		if p.index != "" && bytes.Contains(comm, []byte("(sampler)")) {
			list = append(list, p)
		}
	}
	return list
}

func value(environ []byte, name string) string {
	for v := range bytes.SplitSeq(environ, []byte{0}) {
		if s, ok := strings.CutPrefix(string(v), name+"="); ok {
			return s
		}
	}
	return ""
}

// kill ends the process as a node out of memory would.
func (p task) kill() { _ = syscall.Kill(p.pid, syscall.SIGKILL) }

// vanish ends it with the process of Slurm's that watches it, so that nobody tells of its end.
func (p task) vanish() {
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.parent))
	if bytes.HasPrefix(name, []byte("slurmstepd")) {
		_ = syscall.Kill(p.parent, syscall.SIGKILL)
	}
	p.kill()
}

// lose makes a node vanish with all that runs on it.
func (c *cluster) lose(node string) {
	c.end(node)
	for _, p := range c.tasks() {
		if p.node == node {
			p.vanish()
		}
	}
}
