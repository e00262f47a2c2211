package clients

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	must     = flag.Bool("must", false, "what cannot be installed is a failure")
	examples = flag.Int("examples", 10, "hostile requests of each kind and path")
)

const key = "a key of sixteen"

// server is a sampler that serves, and a folder with what the command draws:
//
//	drawn-0.png, drawn-1.png  images 0 and 1 of seed 7, sneakers, at temperature 0.7
//	large.png                 the first, four times as large
//	drawn.npy                 its levels
//	whole.png                 a picture
//	half.png                  its upper half; the rest is transparent
//	inpainted.png             the other half drawn
type server struct{ url, key, dir string }

var serving server

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "pixelcnn-clients")
	if err != nil {
		panic(err)
	}
	stop, err := start(dir)
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	status := m.Run()
	if err := errors.Join(stop(), os.RemoveAll(dir)); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		status = 1
	}
	os.Exit(status)
}

// start builds the sampler, draws with it and has it serve.
func start(dir string) (stop func() error, err error) {
	sampler := filepath.Join(dir, "sampler")
	build := exec.Command("go", "build", "-o", sampler, "pixelcnn/cmd/sampler")
	build.Dir = filepath.Join("..", "..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, errors.New(string(out))
	}
	run := func(args ...string) {
		if err != nil {
			return
		}
		cmd := exec.Command(sampler, append([]string{"-q", "--model", "@gated", "--class", "sneaker", "--seed", "7", "--temp", "0.7"}, args...)...)
		cmd.Dir = dir
		if out, e := cmd.CombinedOutput(); e != nil {
			err = errors.New(string(out))
		}
	}
	run("-n", "2", "--scale", "1", "-o", "drawn-%d.png")
	run("-n", "1", "--scale", "4", "-o", "large.png")
	run("-n", "1", "-o", "drawn.npy")
	if err == nil {
		err = pictures(dir)
	}
	run("-n", "1", "--scale", "1", "--init", "whole.png", "--keep", "rows:8", "-o", "inpainted.png")
	if err != nil {
		return nil, err
	}
	keys := filepath.Join(dir, "keys.txt")
	if err := os.WriteFile(keys, []byte("# those who may\nan other key\n"+key+"\n"), 0o600); err != nil {
		return nil, err
	}
	serve := exec.Command(sampler, "serve", "--listen", "127.0.0.1:0", "--api-key-file", keys)
	log, err := serve.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := serve.Start(); err != nil {
		return nil, err
	}
	ready := make(chan string, 1)
	go func() {
		url := ""
		for lines := bufio.NewScanner(log); lines.Scan(); {
			var record struct{ Msg, URL string }
			if json.Unmarshal(lines.Bytes(), &record) == nil && record.Msg == "listening" {
				url = record.URL
			} else if record.Msg == "ready" {
				ready <- url
			}
		}
	}()
	select {
	case url := <-ready:
		serving = server{url, key, dir}
	case <-time.After(time.Minute):
		return nil, errors.Join(errors.New("the server is not ready"), serve.Process.Kill())
	}
	return func() error { return errors.Join(serve.Process.Signal(syscall.SIGTERM), serve.Wait()) }, nil
}

// pictures makes whole.png and half.png.
func pictures(dir string) error {
	f, err := os.Open(filepath.Join(dir, "drawn-1.png"))
	if err != nil {
		return err
	}
	defer f.Close()
	whole, err := png.Decode(f)
	if err != nil {
		return err
	}
	half := image.NewNRGBA(whole.Bounds())
	draw.Draw(half, half.Rect, whole, image.Point{}, draw.Src)
	for y := 8; y < 16; y++ {
		for x := range 16 {
			half.Set(x, y, color.NRGBA{})
		}
	}
	for name, img := range map[string]image.Image{"whole.png": whole, "half.png": half} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if err := errors.Join(png.Encode(f, img), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// place is a folder in the user's cache with a client's files.
func place(t *testing.T, files ...string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip("no cache for packages:", err)
	}
	dir := filepath.Join(cache, "pixelcnn", "clients", strings.Split(files[0], ".")[1])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// install runs what installs packages. Where it cannot, the test is skipped, or fails where
// -must is given.
func install(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		if *must {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		t.Skipf("NOT RUN: %s cannot install the client: %v\n%.500s", name, err, out)
	}
}

// client runs a client's program.
func client(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, append(args, serving.url, serving.key, serving.dir)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "ok" {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestNode(t *testing.T) {
	dir := place(t, "client.mjs", "package.json", "package-lock.json")
	install(t, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	client(t, dir, "node", "client.mjs")
}

func TestPython(t *testing.T) {
	dir := place(t, "client.py", "requirements.txt")
	client(t, dir, python(t, dir), "client.py")
}

// python is an interpreter with the packages that a client's folder names.
func python(t *testing.T, dir string) string {
	t.Helper()
	program := filepath.Join(dir, "venv", "bin", "python")
	if _, err := os.Stat(program); err != nil {
		install(t, dir, "python3", "-m", "venv", "venv")
	}
	install(t, dir, program, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", "requirements.txt")
	return program
}

// TestHostile has schemathesis read the description that the server gives of itself, and send
// what it allows and what it does not. What it allows may be refused: no description says all.
func TestHostile(t *testing.T) {
	dir := place(t, "client.py", "requirements.txt")
	python(t, dir)
	cmd := exec.Command(filepath.Join(dir, "venv", "bin", "schemathesis"), "run", serving.url+"/openapi.json",
		"--header", "Authorization: Bearer "+serving.key, "--max-examples", strconv.Itoa(*examples), "--seed", "1",
		"--exclude-checks", "positive_data_acceptance", "--generation-database", "none")
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if _, counts, ok := strings.Cut(string(out), "Test cases:"); ok {
		t.Log(strings.TrimSpace(strings.SplitN(counts, "\n\n", 2)[0]))
	}
}

// TestReady: the process was ready in time, and is well.
func TestReady(t *testing.T) {
	for _, path := range []string{"/healthz", "/readyz", "/", "/openapi.json"} {
		res, err := http.Get(serving.url + path)
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", path, res.StatusCode)
		}
	}
}
