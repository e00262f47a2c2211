package languages

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"pixelcnn/models/pretrained"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// images of each task, and the seed that is not a program's default.
const images, seed = 64, 7

// A task is a file to draw from, with the arguments that every program takes, and the
// levels that should come out.
type task struct {
	name string
	dir  string // for what the program writes
	args []string
	want []uint16
}

// makeTasks writes the files, and draws what is to be compared with the sampler: of each
// shipped model the classes' draw as the sampler does it, and a class whose upper half
// is kept.
func makeTasks(ctx context.Context, dir string) (tasks []task, err error) {
	rt, err := runtime.OpenAny("", runtime.Config{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rt.Close()) }()
	for _, name := range pretrained.Names() {
		file, err := pretrained.Read(name)
		if err != nil {
			return nil, err
		}
		m, err := sampler.Read(file, sampler.Config{})
		if err != nil {
			return nil, err
		}
		s, err := m.Open(rt)
		if err != nil {
			return nil, err
		}
		pixels := m.Height * m.Width
		plain, kept := make([]uint16, images*pixels), make([]uint16, images*pixels)
		if err := s.Draw(ctx, sampler.Request{N: images, Parameters: sampler.Parameters{Seed: seed}}, plain); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		mask, picture := make([]bool, pixels), make([]byte, pixels)
		for k := range mask {
			mask[k], picture[k] = k/m.Width < m.Height/2, byte(plain[k])
		}
		given := filepath.Join(dir, name+".raw")
		if err := os.WriteFile(given, picture, 0o644); err != nil {
			return nil, err
		}
		err = s.Draw(ctx, sampler.Request{
			N: images, Parameters: sampler.Parameters{Seed: seed, Temperature: 0.8}, Classes: []int{5},
			Inpainting: sampler.Inpainting{Picture: plain[:pixels], Mask: mask},
		}, kept)
		if err := errors.Join(err, s.Close()); err != nil {
			return nil, err
		}
		for _, t := range []struct {
			name       string
			inpainting bool
			want       []uint16
			args       []string
		}{
			{"@" + name, false, plain, []string{fmt.Sprint(images), fmt.Sprint(seed)}},
			{"@" + name + ", half kept", true, kept, []string{fmt.Sprint(images), fmt.Sprint(seed), "0.8", "5", given}},
		} {
			one, err := m.OneFile(t.inpainting)
			if err != nil {
				return nil, err
			}
			path := filepath.Join(dir, fmt.Sprintf("%s.%v.onnx", name, t.inpainting))
			if err := os.WriteFile(path, one, 0o644); err != nil {
				return nil, err
			}
			tasks = append(tasks, task{t.name, dir, append([]string{path}, t.args...), t.want})
		}
	}
	return tasks, nil
}

// told is what the programs say of the time that a draw takes.
var told = regexp.MustCompile(`in ([0-9.]+) s,`)

// draw runs a program in the task's folder and counts the pixels that differ. The
// seconds are the program's own: without loading.
func (t task) draw(ctx context.Context, command command) (differ int, seconds float64, err error) {
	out := filepath.Join(t.dir, "levels.raw")
	if err := os.RemoveAll(out); err != nil {
		return 0, 0, err
	}
	cmd := exec.CommandContext(ctx, command.args[0], append(command.args[1:], command.join(t.args)...)...)
	cmd.Dir = t.dir
	if command.dir != "" {
		cmd.Dir, out = command.dir, filepath.Join(command.dir, "levels.raw")
	}
	cmd.Env = append(os.Environ(), command.env...)
	text, err := cmd.CombinedOutput()
	if err != nil {
		return 0, 0, errors.New(complaint(string(text), err))
	}
	levels, err := os.ReadFile(out)
	if err != nil {
		return 0, 0, err
	}
	if len(levels) != len(t.want) {
		return 0, 0, fmt.Errorf("%d levels, want %d", len(levels), len(t.want))
	}
	for i, l := range levels {
		if uint16(l) != t.want[i] {
			differ++
		}
	}
	if m := told.FindStringSubmatch(string(text)); m != nil {
		seconds, err = strconv.ParseFloat(m[1], 64)
	} else {
		err = fmt.Errorf("it does not tell how long it took: %s", text)
	}
	return differ, seconds, err
}

// complaint is the line of a program's output that says what is wrong.
func complaint(text string, err error) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, line := range lines {
		if strings.Contains(line, "rror:") || strings.Contains(line, "ERROR") {
			return line
		}
	}
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return err.Error()
}
