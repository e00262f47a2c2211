package golden

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// everywhere are ways to draw that change no byte.
var everywhere = []string{
	"--engine full --batch 3", "--runtime ort --batch 5", "--runtime ort --engine full --threads 1", "--batch 2 --threads 1",
}

// inGo are those that stay with the runtime in Go.
var inGo = []string{"--engine full --batch 3", "--batch 2 --threads 1"}

// quickly are those of them that a large network has the time for.
var quickly = []string{"--runtime ort", "--batch 6 --threads 1"}

// subject is a model with what its cases need to know of it.
type subject struct {
	name    string
	model   string // the value of --model
	classes []string
	n       int // images of a draw
	same    []string
}

// subjects are the models of which every option is tried.
func subjects() []subject {
	return []subject{
		{"tiny", "../tiny.onnx", nil, 20, everywhere},
		{"classes", "../classes.onnx", []string{"t-shirt", "boot", "1"}, 20, everywhere},
		{"levels256", "../levels256.onnx", nil, 12, everywhere},
		{"@pixelcnn", "@pixelcnn", []string{"trouser", "boot", "8"}, 6, quickly},
		{"@gated", "@gated", []string{"trouser", "boot", "8"}, 6, quickly},
	}
}

func cases(t *testing.T) (all []golden) {
	t.Helper()
	for _, s := range subjects() {
		all = append(all, s.draws()...)
		all = append(all, s.completions()...)
		all = append(all, s.pictures()...)
		all = append(all, s.oneFile()...)
		all = append(all, s.scores()...)
	}
	for _, m := range models() {
		all = append(all, others(strings.TrimSuffix(m.name, ".onnx"), "../"+m.name+".onnx"+m.flags, m.classes, m.full, everywhere)...)
	}
	for _, file := range foreign(t) {
		name := filepath.Base(file)
		all = append(all, others(name, "../"+name, false, false, quickly)...)
	}
	all = append(all, sizes()...)
	return append(all, trainings()...)
}

// draw is a command line that draws n images of a model by the runtime in Go.
func draw(model string, n int, flags string) string {
	return fmt.Sprintf("sampler --model %s --runtime go -q -n %d %s", model, n, flags)
}

// draws are the levels and what is said of them, by each sampling parameter.
func (s subject) draws() (all []golden) {
	add := func(name string, n int, flags string) {
		all = append(all, golden{s.name + "/" + name, []string{draw(s.model, n, flags)}, s.same, nothing})
	}
	add("raw", s.n, "-o o.raw")
	add("npy", s.n, "-o o.npy")
	add("json", s.n, "-o o.json")
	add("json-to-stdout", 3, "--format json -o -")
	add("few", 2, "--seed 18446744073709551615 -o o.json")
	add("greedy", 2, "--greedy -o o.json")
	for _, p := range []string{
		"--temp 0.6", "--temp 3", "--temp 1e-9", "--temp 2:0.4", "--top-k 2", "--top-p 0.7", "--min-p 0.3",
		"--temp 1.5:0.7 --top-k 3 --top-p 0.95 --min-p 0.05 --seed 9",
	} {
		add("draw"+strings.NewReplacer(" --", "+", "--", "+", " ", "=").Replace(" "+p), s.n, p+" -o o.json")
	}
	add("best-of", 4, "--best-of 3 --temp 0.9 -o o.json")
	all = append(all, golden{s.name + "/shards", []string{
		draw(s.model, 7, "--shard 0/3 -o 0.json"),
		draw(s.model, 7, "--shard 1/3 -o 1.raw"),
		draw(s.model, 7, "--best-of 2 --shard 2/3 -o 2.npy"),
	}, s.same, nothing})
	if s.classes == nil {
		return all
	}
	add("labels", s.n, "-o o.raw --labels labels.npy")
	for _, class := range s.classes {
		add("class="+class, 4, "--class "+class+" -o o.json")
	}
	add("all-classes", 30, "--class all -o o.raw --labels labels.npy")
	add("two-classes-of-a-shard", 6, fmt.Sprintf("--class %s --class %s --shard 1/4 -o o.json", s.classes[0], s.classes[2]))
	add("best-of-a-class", 3, "--best-of 3 --class boot -o o.json")
	add("greedy-class", 2, "--greedy --class boot -o o.raw")
	return all
}

// completions are draws with a part of a picture kept.
func (s subject) completions() (all []golden) {
	add := func(name, flags string) {
		same := s.same
		if name == "particles-json" { // the effective size is rounded from what float32 makes it
			same = inGo
		}
		all = append(all, golden{s.name + "/complete-" + name, []string{draw(s.model, 4, "--init ../init.png "+flags)}, same, nothing})
	}
	add("rows", "--keep rows:3 -o o.json")
	add("rows-below", "--keep rows:3.. --temp 0.8 -o o.json")
	add("columns", "--keep cols:1..3 --invert --top-k 2 -o o.raw")
	add("mask", "--keep ../mask.png -o o.raw")
	add("mask-and-rows", "--keep ../mask.png --keep rows:2 --greedy -o o.raw")
	add("best-of", "--keep rows:2..4 --best-of 3 -o o.json")
	add("particles", "--keep rows:3.. --complete particles=7 -o o.raw")
	add("particles-mask", "--keep ../mask.png --complete particles=5 --temp 0.8 --shard 1/2 -o o.npy")
	add("particles-json", "--keep rows:2..4 --complete particles=6 -o o.json")
	if s.classes != nil {
		add("class", "--keep rows:2.. --class boot -o o.json")
		add("class-particles", "--keep rows:3.. --complete particles=5 --class boot -o o.raw")
		add("drawn-classes-particles", "--keep rows:3.. --complete particles=8 -o o.raw --labels labels.npy")
	}
	return all
}

// pictures are draws as pictures. A PNG of one image is none of them: its frame is not
// part of the promise.
func (s subject) pictures() (all []golden) {
	add := func(name string, n int, flags string, same ...string) {
		all = append(all, golden{s.name + "/" + name, []string{draw(s.model, n, flags)}, same, release})
	}
	add("grid", 7, "-o o.png", s.same...)
	add("grid-captions", 5, "--scale 11 --columns 3 --captions index,logprob --palette viridis -o o.png", s.same...)
	add("grid-colours", 4, "--palette 000000,ff8800,ffffff --columns 4 --scale 2 -o o.png")
	for _, name := range []string{"gameboy", "inverse", "magma"} {
		add("grid-"+name, 2, "--scale 1 -o o.png --palette "+name)
	}
	add("grid-shard", 5, "--shard 1/2 --scale 8 --captions index -o o.png")
	add("files", 3, "--scale 1 -o img-%04d.png", s.same...)
	add("files-shard", 3, "--scale 3 --palette magma --shard 1/2 -o img-%d.png")
	add("gif", 3, "-o o.gif", "--runtime ort", "--threads 1")
	add("gif-short", 4, "--duration 300ms --palette magma --scale 2 --columns 4 --format gif -o -", "--runtime ort")
	add("gif-complete", 2, "--init ../init.png --keep rows:2..4 --temp 0.7 -o o.gif", "--runtime ort")
	for _, how := range []string{"blocks", "sixel", "kitty"} {
		add("preview-"+how, 3, "--preview="+how+" -o o.raw")
	}
	if s.classes != nil {
		add("grid-class-captions", 30, "--class all --scale 6 --captions class,index -o o.png")
		add("gif-classes", 30, "--class all --scale 1 -o o.gif --labels labels.npy")
	}
	return all
}

// oneFile is the one-file samplers of a model, and what is drawn from them. In float32 a
// near tie could come out otherwise elsewhere.
func (s subject) oneFile() (all []golden) {
	ort := []string{"--batch 3 --threads 1"}
	compiled := func(name, flags string, draws ...string) {
		compile := fmt.Sprintf("sampler compile --model %s %s -o s.onnx", s.model, flags)
		all = append(all, golden{s.name + "/compile-" + name, []string{compile}, nil, nothing})
		lines := []string{compile}
		for _, d := range draws {
			lines = append(lines, "sampler --model s.onnx --runtime ort -q "+d)
		}
		all = append(all, golden{s.name + "/from-compile-" + name, lines, ort, library})
	}
	classes := ""
	if s.classes != nil {
		classes = " --class boot"
	}
	compiled("plain", "", "-n 8 -o t.raw --temp 0.7", "-n 3 --best-of 2 -o b.npy", "-n 5 --shard 1/2 -o o.json"+classes)
	compiled("completion", "--completion",
		"-n 4 --init ../init.png --keep rows:2 -o r.json"+classes, "-n 4 --init ../init.png --keep ../mask.png -o o.raw"+classes)
	compiled("size", "--height 9 --width 5", "-n 4 -o o.json"+classes)
	compiled("size-completion", "--height 7 --width 10 --completion", "-n 4 --init ../init.png --keep cols:2..5 -o o.json"+classes)
	return all
}

// scores are the likelihoods of pictures and of a data set.
func (s subject) scores() (all []golden) {
	add := func(name, flags string) {
		for _, rt := range []string{"go", "ort"} {
			on := nothing
			if rt == "ort" {
				on = library
			}
			line := fmt.Sprintf("sampler score --model %s --runtime %s %s", s.model, rt, flags)
			all = append(all, golden{s.name + "/score-" + name + "-" + rt, []string{line}, []string{"--threads 1"}, on})
		}
	}
	add("data", "--data ../data --format json --limit 11")
	add("data-text", "--data ../data --split train")
	add("pictures", "--images ../pictures --format json")
	add("pictures-text", "--images ../pictures --list 2")
	add("size", "--images ../pictures --height 9 --width 13 --format json")
	if s.classes != nil {
		add("classes", "--images ../classes --format json")
		add("classes-text", "--images ../classes --limit 9")
	}
	return all
}

// others are a few draws, the one-file sampler and the likelihoods of any model.
func others(name, model string, classes, full bool, same []string) (all []golden) {
	add := func(what string, lines []string, same []string, on on) {
		all = append(all, golden{"other/" + name + "/" + what, lines, same, on})
	}
	class := ""
	if classes {
		class = "--class 1 "
	}
	if full { // near ties are as float32 has them
		same = []string{"--batch 2 --threads 1"}
		add("draw-ort", []string{draw(model, 9, class+"--runtime ort --temp 0.8 --seed 3 -o t.raw")}, same, library)
	}
	add("draw", []string{
		draw(model, 9, class+"--temp 0.8 --seed 3 -o t.raw"),
		draw(model, 9, class+"--init ../init.png --keep ../mask.png -o o.raw"),
	}, same, nothing)
	add("likelihood", []string{draw(model, 4, class+"--top-p 0.8 -o o.json")}, same, nothing)
	add("score", []string{fmt.Sprintf("sampler score --model %s --runtime go --images ../pictures --format json", model)}, []string{"--threads 1"}, nothing)
	if full {
		return all
	}
	compile := "sampler compile --model " + model + " --completion -o s.onnx"
	add("compile", []string{compile}, nil, nothing)
	add("from-compile", []string{
		compile, "sampler --model s.onnx --runtime ort -q -n 9 " + class + "--temp 0.8 --seed 3 --init ../init.png --keep rows:2 -o o.raw",
	}, nil, library)
	return all
}

// sizes are draws in other sizes than the model's, and of other input values.
func sizes() (all []golden) {
	add := func(name, model string, n int, flags string, same []string) {
		all = append(all, golden{"size/" + name, []string{draw(model, n, flags)}, same, nothing})
	}
	for _, s := range subjects() {
		add(s.name, s.model, 5, "--height 9 --width 13 -o o.json", s.same)
		add(s.name+"-narrow", s.model, 3, "--height 11 --width 2 --temp 0.8 -o o.raw", s.same)
		add(s.name+"-complete", s.model, 3, "--width 7 --init ../init.png --keep rows:2..5 --complete particles=3 -o o.raw", s.same)
	}
	add("pixel-scale", "../tiny.onnx", 9, "--pixel-scale 2 --pixel-offset -1 -o o.json", everywhere)
	all = append(all, golden{"size/pixel-scale-compile", []string{
		"sampler compile --model ../tiny.onnx --pixel-scale 2 --pixel-offset -1 -o s.onnx",
	}, nil, nothing})
	return all
}

// trainings are runs of the trainer on little data, with either runtime.
func trainings() []golden {
	return slices.Concat(trainingsBy("ort", library), trainingsBy("go", nothing))
}

func trainingsBy(runtime string, on on) (all []golden) {
	const small = "--hidden 4 --blocks 1 --kernel 3 --size 6 --levels 3"
	add := func(name string, lines ...string) {
		for i := range lines {
			lines[i] = "trainer --runtime " + runtime + " " + lines[i]
		}
		all = append(all, golden{"train/" + runtime + "-" + name, lines, []string{"--threads 1"}, on})
	}
	add("pixelcnn", "--data ../data "+small+" --epochs 2 --batch 16 --checkpoint run -o a.onnx")
	add("gated", "--data ../data --arch gated "+small+" --steps 4 --batch 12 --seed 3 --checkpoint run -o a.onnx")
	add("gated-classes-onehot", "--data ../data --arch gated --classes --input onehot "+small+" --epochs 2 --batch 16 --checkpoint run -o a.onnx")
	add("classes", "--data ../data --classes "+small+" --epochs 1 --batch 16 --input-scale 0.25 --checkpoint run -o a.onnx")
	add("onehot", "--data ../data --input onehot "+small+" --epochs 1 --batch 16 --no-verify --checkpoint run -o a.onnx")
	add("every-option", "--data ../data "+small+" --epochs 3 --batch 16 --schedule cosine --init glorot --warmup 4 --weight-decay 0.01"+
		" --clip-norm 0.5 --ema 0.9 --flip --validation 12 --patience 2 --resize bilinear-noantialias --checkpoint run -o a.onnx")
	add("preset", "--data ../data --preset foster --hidden 4 --blocks 1 --steps 2 --batch 8 --checkpoint run -o a.onnx")
	add("pictures", "--images ../classes --classes "+small+" --epochs 1 --batch 4 --checkpoint run -o a.onnx")
	add("from",
		"--data ../data --classes "+small+" --epochs 1 --batch 16 -o a.onnx",
		"--data ../data --classes "+small+" --epochs 1 --batch 16 --from a.onnx --typical 0.1 --lr 1e-2 --checkpoint run -o b.onnx")
	add("resume",
		"--data ../data "+small+" --steps 3 --batch 16 --checkpoint run -o a.onnx",
		"--data ../data "+small+" --steps 7 --batch 16 --checkpoint run --resume -o b.onnx")
	return all
}
