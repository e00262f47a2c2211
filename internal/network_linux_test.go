package internal

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pixelcnn/internal/modeltest"
)

// TestNoNetwork runs the commands where there is no network and the kernel counts who asks
// for one. Only what is to fetch does; nothing else so much as looks up a name, even where
// what it needs is missing.
func TestNoNetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the commands")
	}
	if out, err := exec.Command("unshare", "-rnm", "true").CombinedOutput(); err != nil {
		t.Skipf("no network namespace can be made here: %v: %s", err, out)
	}
	dir := t.TempDir()
	if err := modeltest.WriteIDX(filepath.Join(dir, "data"), 8); err != nil {
		t.Fatal(err)
	}
	output(t, os.Environ(), "go", "build", "-o", dir, "pixelcnn/cmd/sampler", "pixelcnn/cmd/trainer")
	// Stand-ins for the programs that would fetch, which leave a mark.
	for _, name := range []string{"npm", "apt-get", "curl", "wget", "git"} {
		script := "#!/bin/sh\necho " + name + " >> '" + dir + "/called'\nexit 1\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// What the system has for everybody is hidden, in the mounts of one command.
	hide := `#!/bin/sh
test ! -d /usr/share/datasets || mount -t tmpfs none /usr/share/datasets || exit
for lib in /home/linuxbrew/.linuxbrew/lib/libonnxruntime* /usr/lib/libonnxruntime* /usr/lib/*/libonnxruntime* /usr/lib64/libonnxruntime* /usr/local/lib/libonnxruntime*; do
	test ! -f "$lib" || mount --bind /dev/null "$lib" || exit
done
HOME=$PWD XDG_CACHE_HOME=$PWD/empty exec "$@"
`
	if err := os.WriteFile(filepath.Join(dir, "missing"), []byte(hide), 0o755); err != nil {
		t.Fatal(err)
	}
	const net = "the network"
	for _, test := range []struct {
		command string
		fails   bool
		fetches string // "": nothing, a program, or net
	}{
		{"./sampler -n 2 --seed 1 -o a.png", false, ""},
		{"./sampler --runtime ort -n 2 --seed 1 -o a.png", false, ""},
		{"./sampler inspect --model @pixelcnn", false, ""},
		{"./trainer --data data --steps 2 --hidden 4 --blocks 1 --batch 4 -o m.onnx", false, ""},
		{"./missing ./trainer --steps 1 -o m.onnx", true, ""},
		{"./missing ./sampler --runtime ort -n 1 -o b.png", true, ""},
		{"./missing ./sampler score --model @pixelcnn", true, ""},
		// What asks for it, so that the above is known to be noticed.
		{"./missing ./sampler install-runtime", true, "npm"},
		{"./missing ./trainer fetch-data", true, net},
	} {
		if err := os.RemoveAll(filepath.Join(dir, "called")); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("unshare", "-rnm", "sh", "-c", test.command+` >said 2>&1; status=$?; cat /proc/net/snmp; exit $status`)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "PIXELCNN_DATA=", "PIXELCNN_ORT_LIB=")
		counts, err := cmd.Output()
		said, _ := os.ReadFile(filepath.Join(dir, "said"))
		if (err != nil) != test.fails {
			t.Errorf("%s: %v\n%s", test.command, err, said)
		}
		asked := 0
		for _, counter := range []string{"Ip OutRequests", "Ip OutNoRoutes", "Tcp ActiveOpens", "Udp OutDatagrams"} {
			asked += count(t, string(counts), counter)
		}
		if (asked > 0) != (test.fetches == net) {
			t.Errorf("%s: the network was asked %d times\n%s", test.command, asked, said)
		}
		called, _ := os.ReadFile(filepath.Join(dir, "called"))
		if test.fetches != net && (test.fetches == "") != (len(called) == 0) {
			t.Errorf("%s: called %s\n%s", test.command, called, said)
		}
	}
}

// count is a counter, "Protocol Name", of /proc/net/snmp: a line of names, then a line of
// numbers, for each protocol.
func count(t *testing.T, table, counter string) int {
	t.Helper()
	protocol, name, _ := strings.Cut(counter, " ")
	var names []string
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != protocol+":" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		for i, n := range names {
			if n == name {
				v, err := strconv.Atoi(fields[i])
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
		}
	}
	t.Fatalf("no counter %s in\n%s", counter, table)
	return 0
}
