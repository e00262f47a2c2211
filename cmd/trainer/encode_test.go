package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"pixelcnn/internal/npy"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/shard"
)

// encoderFile writes a network that makes codes of pictures of any size, a map of half their sides:
// encoder FILE codes|scores|features.
func encoderFile(ts *testscript.TestScript, _ bool, args []string) {
	const codes = 5
	weights := make([]float32, codes*3*2*2)
	for i := range weights {
		weights[i] = float32(i*7%11) - 5
	}
	free := []onnx.Dim{onnx.Free("n"), onnx.Free("c"), onnx.Free("h"), onnx.Free("w")}
	g := &onnx.Graph{Name: "encoder"}
	x := g.Input("picture", onnx.Float32, free[0], onnx.Fixed(3), free[2], free[3])
	y := g.Op("Conv", onnx.Attrs{"strides": []int64{2, 2}}, x, onnx.Const("w", onnx.NewTensor(weights, codes, 3, 2, 2)))
	switch args[1] {
	case "codes":
		g.Output(g.Op("ArgMax", onnx.Attrs{"axis": int64(1), "keepdims": int64(0)}, y), "codes", onnx.Int64, free[0], onnx.Free("rows"), onnx.Free("columns"))
	case "scores":
		g.Output(y, "scores", onnx.Float32, free[0], onnx.Fixed(codes), onnx.Free("rows"), onnx.Free("columns"))
	case "features":
		g.Output(g.Op("Flatten", nil, y), "features", onnx.Float32, free[0], onnx.Free("all"))
	}
	b, err := onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
}

// gatherShards joins the shards of a folder, as sampler gather does: gather DIR FILE LABELS.
func gatherShards(ts *testscript.TestScript, _ bool, args []string) {
	set, err := shard.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	var codes, labels strings.Builder
	ts.Check(set.Join(context.Background(), &codes))
	ts.Check(set.JoinLabels(context.Background(), &labels))
	if !set.Whole() {
		ts.Fatalf("%s: missing %v, bad %v", args[0], set.Missing, set.Bad)
	}
	ts.Check(errors.Join(
		os.WriteFile(ts.MkAbs(args[1]), []byte(codes.String()), 0o600), os.WriteFile(ts.MkAbs(args[2]), []byte(labels.String()), 0o600)))
}

// array checks what an NPY file has: array FILE TYPE SHAPE ELEMENT…, with as many of its first elements as
// are given.
func array(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	h, err := npy.ReadHeader(f)
	ts.Check(err)
	numbers, err := h.Numbers(f)
	ts.Check(err)
	have := []string{string(h.Type), strings.Trim(strings.ReplaceAll(fmt.Sprint(h.Shape), " ", "x"), "[]")}
	for _, x := range numbers[:len(args)-3] {
		have = append(have, fmt.Sprint(x))
	}
	if got, want := strings.Join(have, " "), strings.Join(args[1:], " "); got != want {
		ts.Fatalf("%s: %s, want %s", args[0], got, want)
	}
	seen := map[float64]bool{}
	for _, x := range numbers {
		seen[x] = true
	}
	if len(seen) < 2 {
		ts.Fatalf("%s: all elements are one number, which proves nothing", args[0])
	}
}

func TestSpan(t *testing.T) {
	for text, want := range map[string]span{
		"-1:1": {-1, 1}, "0:255": {0, 255}, "1:0": {1, 0}, "-0.5:0.5": {-0.5, 0.5},
		"": {}, ":": {}, "1": {}, "1:1": {}, "0:inf": {}, "nan:1": {}, "0:1:2": {}, "a:1": {},
	} {
		var s span
		if err := s.Set(text); (err == nil) != (want != span{}) || s != want {
			t.Errorf("%q: %v, error %v; want %v", text, s, err, want)
		}
	}
}
