package node_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"pixelcnn/internal/onefile/onefiletest"
	ort "pixelcnn/runtime"
	"pixelcnn/sampler"
)

var parity = flag.Int("parity", 32, "images to compare with the sampler's")

// packages returns a folder, in the user's cache, with the package that the example
// imports. If it is not there, npm installs it; where it cannot, the test is skipped.
func packages(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip("no cache for npm's packages:", err)
	}
	const version = "1.30.0" // as in package.json
	dir := filepath.Join(cache, "pixelcnn", "onnxruntime-node", version)
	module := filepath.Join(dir, "node_modules", "onnxruntime-node")
	ready := filepath.Join(dir, "ready")
	if _, err := os.Stat(ready); err == nil {
		return dir
	}
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		copyFile(t, name, filepath.Join(dir, name))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	// Its install script would fetch what only GPUs need.
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		t.Skipf("npm cannot install onnxruntime-node: %v\n%s", err, out)
	}
	// The package has the libraries for all platforms, of which one is wanted.
	others, err := filepath.Glob(filepath.Join(module, "bin", "napi-v*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]string{"linux": "linux", "darwin": "darwin", "windows": "win32"}[runtime.GOOS]
	for _, platform := range others {
		if filepath.Base(platform) != own {
			if err := os.RemoveAll(platform); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(ready, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestNode draws with the example, and compares it with the sampler.
//
//	go test ./examples/node -v -parity 256
func TestNode(t *testing.T) {
	draw := example(t)
	env := open(t)
	for name, model := range onefiletest.Trained(t) {
		one := onefiletest.Make(t, model, false)
		for _, temperature := range []float64{1, 0.7} {
			t.Run(fmt.Sprintf("%s T=%g", name, temperature), func(t *testing.T) {
				req := sampler.Request{Parameters: sampler.Parameters{Seed: 1 << 60, Temperature: temperature}}
				if m, err := sampler.Read(model, sampler.Config{}); err == nil && m.ClassInput != "" {
					req.Classes = []int{1}
				}
				levels := draw(t, one, *parity, req)
				differ := onefiletest.Compare(t, env, model, sampler.Config{}, req, onefiletest.Levels(levels))
				t.Logf("%d of %d images differ", differ, *parity)
			})
		}
	}
}

// TestHeads draws from models of every head, and of three channels.
func TestHeads(t *testing.T) {
	draw := example(t)
	env := open(t)
	for name, cfg := range map[string]sampler.Config{
		"bernoulli_logit": {Head: "bernoulli"},
		"softmax_output":  {Head: "categorical"},
		"rgb_masked":      {Head: "categorical"},
		"mixture_grey":    {Head: "logistic-mixture", PixelScale: 2. / 255, PixelOffset: -1},
		"mixture_rgb":     {Head: "logistic-mixture", PixelScale: 2. / 255, PixelOffset: -1},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := sampler.ReadFile("../../sampler/testdata/zoo/script/"+name+".onnx", cfg)
			if err != nil {
				t.Fatal(err)
			}
			one, err := m.OneFile(false)
			if err != nil {
				t.Fatal(err)
			}
			s, err := m.Open(env)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			const n = 8
			req := sampler.Request{N: n, Parameters: sampler.Parameters{Seed: 5, Temperature: 0.9}}
			want := make([]uint16, n*m.Symbols())
			if err := s.Draw(t.Context(), req, want); err != nil {
				t.Fatal(err)
			}
			got := onefiletest.Levels(draw(t, one, n, req))
			differ := 0
			for i := range n { // near ties
				if !slices.Equal(got[i*m.Symbols():][:m.Symbols()], want[i*m.Symbols():][:m.Symbols()]) {
					differ++
				}
			}
			if differ > 1 {
				t.Errorf("%d of %d images differ", differ, n)
			}
		})
	}
}

func open(t *testing.T) *ort.Env {
	t.Helper()
	env, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { env.Close() })
	return env
}

// example makes the program ready to be run: on a one-file sampler, for images of a request,
// of class 1 where there are classes.
func example(t *testing.T) func(t *testing.T, one []byte, n int, req sampler.Request) (levels []byte) {
	t.Helper()
	// Node looks for packages in the folders above a script.
	dir, err := os.MkdirTemp(packages(t), "run")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	script := filepath.Join(dir, "node", "draw.mjs")
	copyFile(t, "draw.mjs", script)
	copyFile(t, "../browser/page/pcg.mjs", filepath.Join(dir, "browser", "page", "pcg.mjs"))
	return func(t *testing.T, one []byte, n int, req sampler.Request) []byte {
		t.Helper()
		file := filepath.Join(dir, "one.onnx")
		if err := os.WriteFile(file, one, 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("node", script, file, fmt.Sprint(n), fmt.Sprint(req.Seed), fmt.Sprint(req.Temperature), "1")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		levels, err := os.ReadFile(filepath.Join(dir, "levels.raw"))
		if err != nil {
			t.Fatal(err)
		}
		return levels
	}
}
