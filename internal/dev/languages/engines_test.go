package languages

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"strings"

	"pixelcnn/runtime"
)

// A command is a program that is ready to run: what comes before the arguments.
type command struct {
	args []string
	env  []string
	dir  string // where it must be run, if anywhere
	one  string // where the arguments are one, what comes before them in it
}

// join makes the arguments one where they have to be.
func (c command) join(args []string) []string {
	if c.one == "" {
		return args
	}
	return []string{c.one + strings.Join(args, " ")}
}

// An engine is what runs the one-file samplers, by a program of the examples.
type engine struct {
	name, program string
	pinned        [2]string // the file that pins its version, and a pattern for it
	prepare       func(ctx context.Context) (command, error)
	quick         bool // to be run by the tests
}

var engines = []engine{
	{"ONNX Runtime, Python", "python/draw.py", [2]string{"python/requirements.txt", `onnxruntime==(.*)`}, python("onnxruntime"), true},
	{"ONNX Runtime, Node", "node/draw.mjs", [2]string{"node/package.json", `"onnxruntime-node": "(.*)"`}, node, false}, // examples/node has a test of its own
	{"ONNX Runtime, Java", "java", [2]string{"java/pom.xml", `(?s)onnxruntime</artifactId>\s*<version>(.*?)<`}, java, false},
	{"ONNX Runtime, C#", "csharp", [2]string{"csharp/draw.csproj", `OnnxRuntime" Version="(.*)"`}, csharp, false},
	{"ONNX Runtime, Rust (ort)", "rust/src/main.rs", [2]string{"rust/Cargo.toml", `ort = .*"=(.*?)"`}, rust("draw"), false},
	{"ONNX Runtime, Go", "go", [2]string{"go/go.mod", `onnxruntime_go (.*)`}, golang, true},
	{"rten, Rust", "rust/src/bin/rten.rs", [2]string{"rust/Cargo.toml", `rten = "=(.*)"`}, rust("rten"), false},
	{"onnx ReferenceEvaluator, Python", "python/draw.py", [2]string{"python/engines.txt", `onnx==(.*)`}, python("reference"), false},
	{"OpenVINO, Python", "python/draw.py", [2]string{"python/engines.txt", `openvino==(.*)`}, python("openvino"), false},
	{"IREE", "iree-compile", [2]string{"python/engines.txt", `iree-base-compiler==(.*)`}, iree, false},
}

// examples is their folder.
const examples = "../../../examples"

// version is what the example pins.
func (e engine) version() string {
	b, err := os.ReadFile(filepath.Join(examples, e.pinned[0]))
	if err != nil {
		return err.Error()
	}
	m := regexp.MustCompile(e.pinned[1]).FindSubmatch(b)
	if m == nil {
		return "?"
	}
	return strings.TrimSpace(string(m[1]))
}

// place is a folder of the user's cache, with a copy of an example in it, and tells where.
func place(example string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "pixelcnn", "languages")
	to := filepath.Join(dir, example)
	from, err := filepath.Abs(filepath.Join(examples, example))
	if err != nil {
		return "", err
	}
	return to, filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		if have, err := os.ReadFile(target); err == nil && string(have) == string(b) {
			return nil // so that nothing is built again
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, b, 0o644)
	})
}

// in runs a program in a folder. Where the program is not there the error says so.
func in(ctx context.Context, dir, name string, args ...string) error {
	if _, err := exec.LookPath(name); err != nil {
		return fmt.Errorf("there is no %s", filepath.Base(name))
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %s", filepath.Base(name), args[0], complaint(string(out), err))
	}
	return nil
}

// library is the variable that names ONNX Runtime's library, for the programs that load it.
func library() ([]string, error) {
	lib, err := runtime.Locate("")
	if err != nil {
		return nil, err
	}
	return []string{"ORT_DYLIB_PATH=" + lib}, nil
}

// environment makes a virtual environment of Python with the packages of a file.
func environment(ctx context.Context, requirements string) (dir string, err error) {
	if dir, err = place("python"); err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "venv", "bin")
	if _, err := os.Stat(bin); err != nil {
		if err := in(ctx, dir, "python3", "-m", "venv", "venv"); err != nil {
			return "", err
		}
	}
	return dir, in(ctx, dir, filepath.Join(bin, "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", requirements)
}

func python(engine string) func(context.Context) (command, error) {
	requirements := "engines.txt"
	if engine == "onnxruntime" {
		requirements = "requirements.txt"
	}
	return func(ctx context.Context) (command, error) {
		dir, err := environment(ctx, requirements)
		return command{
			args: []string{filepath.Join(dir, "venv", "bin", "python"), filepath.Join(dir, "draw.py")},
			env:  []string{"ENGINE=" + engine},
		}, err
	}
}

// iree compiles the file, which is as far as it comes.
func iree(ctx context.Context) (command, error) {
	dir, err := environment(ctx, "engines.txt")
	bin := filepath.Join(dir, "venv", "bin")
	script := `"$0/iree-import-onnx" "$1" -o one.mlir && "$0/iree-compile" one.mlir -o one.vmfb ` +
		`--iree-hal-target-device=local --iree-hal-local-target-device-backends=llvm-cpu --iree-llvmcpu-target-cpu=host`
	return command{args: []string{"sh", "-c", script, bin}}, err
}

func node(ctx context.Context) (command, error) {
	dir, err := place("node")
	if err != nil {
		return command{}, err
	}
	if _, err := place("browser"); err != nil { // its random numbers
		return command{}, err
	}
	return command{args: []string{"node", filepath.Join(dir, "draw.mjs")}},
		in(ctx, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
}

func java(ctx context.Context) (command, error) {
	dir, err := place("java")
	if err != nil {
		return command{}, err
	}
	return command{args: []string{"mvn", "-q", "-B", "exec:java"}, dir: dir, one: "-Dexec.args="}, in(ctx, dir, "mvn", "-q", "-B", "compile")
}

func csharp(ctx context.Context) (command, error) {
	dir, err := place("csharp")
	if err != nil {
		return command{}, err
	}
	return command{args: []string{filepath.Join(dir, "out", "draw")}}, in(ctx, dir, "dotnet", "publish", "-c", "Release", "-o", "out")
}

func rust(program string) func(context.Context) (command, error) {
	return func(ctx context.Context) (command, error) {
		dir, err := place("rust")
		if err != nil {
			return command{}, err
		}
		env, err := library()
		if program == "rten" {
			err = nil
		}
		if err != nil {
			return command{}, err
		}
		return command{args: []string{filepath.Join(dir, "target", "release", program)}, env: env},
			in(ctx, dir, "cargo", "build", "--release", "--locked", "--bin", program)
	}
}

func golang(ctx context.Context) (command, error) {
	dir, err := place("go")
	if err != nil {
		return command{}, err
	}
	env, err := library()
	if err != nil {
		return command{}, err
	}
	program := "draw"
	if goruntime.GOOS == "windows" {
		program += ".exe"
	}
	return command{args: []string{filepath.Join(dir, program)}, env: env}, in(ctx, dir, "go", "build", "-o", program, ".")
}
