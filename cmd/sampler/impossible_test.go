package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/internal/npy"
	"pixelcnn/internal/onnx"
)

// TestScoreImpossible: of a picture of probability 0 the score says that it is one, and where.
func TestScoreImpossible(t *testing.T) {
	t.Chdir(t.TempDir())
	// Each level has probability 1/3, but level 2 none after another one than 0: e⁻⁴⁰⁰ and e⁻²⁰⁰ are 0 in float32.
	g := &onnx.Graph{}
	x := g.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(2), onnx.Fixed(2))
	w := make([]float32, 3*9)
	w[2*9+3] = -400 // to level 2 from the pixel to the left
	h := g.Op("Conv", onnx.Attrs{"pads": []int64{1, 1, 1, 1}}, x, onnx.Const("w", onnx.NewTensor(w, 3, 1, 3, 3)))
	g.Output(g.Op("Softmax", onnx.Attrs{"axis": int64(1)}, h), "p", onnx.Float32, append([]onnx.Dim{onnx.Free("n")}, onnx.Shape(3, 2, 2)...)...)
	if err := writeModel("never.onnx", &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}); err != nil {
		t.Fatal(err)
	}
	score := func(levels []uint16, args ...string) string {
		t.Helper()
		var data, out, errs bytes.Buffer
		if err := npy.WriteHeader(&data, npy.Uint8, len(levels)/4, 2, 2); err != nil {
			t.Fatal(err)
		}
		data.Write(npy.AppendLevels(nil, levels, npy.Uint8))
		if err := os.WriteFile("a.npy", data.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append([]string{"score", "--model", "never.onnx", "--pixel-range", "0:1", "--data", "a.npy"}, args...)
		if status := cli.Run(t.Context(), newCommand(), args, strings.NewReader(""), &out, &errs); status != 0 {
			t.Fatalf("%v: %s", args, errs.String())
		}
		return out.String()
	}
	// The mean of the others is log 3 = 1.0986 nats, or log₂ 3 = 1.5850 bits.
	levels := []uint16{0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 0, 0}
	const line = "a.npy: 3 images of 2×2 with 3 levels, NLL infinite: 2 images of probability 0; " +
		"of the others, NLL 1.0986 ± 0.0000 nats/dim = 1.5850 ± 0.0000 bits/dim\n" +
		"image 1 is impossible under the model: its level 2 at row 1, column 1 has probability 0\n"
	if got := score(levels); got != line {
		t.Errorf("%q, want %q", got, line)
	}
	if got := score(levels, "--per-pixel", "each.npy"); got != line {
		t.Errorf("with --per-pixel: %q, want %q", got, line)
	}
	if got, want := score([]uint16{0, 0, 2, 1, 1, 2, 0, 0}), "a.npy: 2 images of 2×2 with 3 levels, NLL infinite: 1 image of probability 0; of the others, NLL 0.9972"; !strings.HasPrefix(got, want) {
		t.Errorf("%q, want it to begin with %q", got, want) // (3·log 3 + log 2)/4
	}
	if got, want := score(levels[8:]), "a.npy: 1 image of 2×2 with 3 levels, NLL infinite: 1 image of probability 0\n"+
		"image 0 is impossible under the model: its level 2 at row 0, column 1 has probability 0\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	const lines = `{"index":0,"logprob":-4.39,"nll_nats_per_dim":1.0986,"nll_bits_per_dim":1.585}
{"index":1,"logprob":null,"nll_nats_per_dim":null,"nll_bits_per_dim":null,"impossible":true}
`
	if got := score(levels[:8], "--format", "json"); got != lines {
		t.Errorf("%q, want %q", got, lines)
	}
}
