package onefile

import (
	"bytes"
	"slices"
	"testing"

	"pixelcnn/export"
	"pixelcnn/internal/compile"
	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

func nestOfConfig(t *testing.T, c models.Config, raster bool) (*compile.Program, *nest) {
	t.Helper()
	var b bytes.Buffer
	if err := export.Write(&b, modeltest.Random(t, c, 1), export.Meta{}); err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Unmarshal(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile.Compile(m, compile.Options{Latency: true, Raster: raster})
	if err != nil {
		t.Fatal(err)
	}
	return p, nestOf(p, reach(p))
}

// TestPlain: where every stage runs in nearly every step there is one loop over them.
func TestPlain(t *testing.T) {
	p, c := nestOfConfig(t, models.Config{Arch: "gated", Hidden: 8, Blocks: 2, Kernel: 3, Size: 8, Levels: 3}, false)
	if c.nested() || slices.Contains(c.early, true) || !slices.Equal(c.begin, []int{0}) || c.turns != len(p.Steps) {
		t.Errorf("%d steps go as %+v", len(p.Steps), c)
	}
	for i, s := range p.Stages {
		pixels := 0
		for _, w := range c.widths[i] {
			pixels += w
		}
		if slices.Max(c.widths[i]) != s.MaxWidth || pixels != 64 {
			t.Errorf("stage %d makes %d pixels, at most %d at a time; want 64 and %d", i, pixels, slices.Max(c.widths[i]), s.MaxWidth)
		}
	}
}

// TestRows: in raster order a vertical stack goes by rows, so its stages run in the
// outer loop, once for each of the 6 rows. The first of them reads what a one-hot input
// makes of the pixels: that is early, run right after the pixel is drawn.
func TestRows(t *testing.T) {
	p, c := nestOfConfig(t, models.Config{Arch: "gated", Hidden: 8, Blocks: 2, Kernel: 5, Size: 6, Levels: 3, Input: models.OneHot}, true)
	if want := []int{0, 6, 12, 18, 24, 30}; !c.nested() || !slices.Equal(c.begin, want) {
		t.Errorf("the blocks begin at %v, want %v", c.begin, want)
	}
	early := 0
	for i, s := range p.Stages {
		if c.early[i] {
			early++
		}
		if row := s.MaxWidth == 6; c.outer[i] != row {
			t.Errorf("stage %d makes %d pixels at a time, and is outer: %v", i, s.MaxWidth, c.outer[i])
		}
	}
	if early != 1 {
		t.Errorf("%d stages are early, want 1", early)
	}
	order := c.order()
	if !c.outer[order[0]] || !c.early[order[len(order)-1]] {
		t.Errorf("the stages run in the order %v", order)
	}
}
