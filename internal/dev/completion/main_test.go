package main

import (
	"context"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"pixelcnn/dataset"
	"pixelcnn/models/pretrained"
)

// TestMeasure: on real test images the kept half is the more probable the more particles
// there are. The plot is a picture.
func TestMeasure(t *testing.T) {
	if testing.Short() {
		t.Skip("it draws thousands of images")
	}
	model, err := pretrained.Read("pixelcnn")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PIXELCNN_DATA", "") // which may name other pictures
	curves, err := measure(context.Background(), model, 30, 16)
	if errors.Is(err, dataset.ErrNotFound) {
		t.Skip("make deps fetches the images: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(curves) != 2 {
		t.Fatalf("%d curves, want 2", len(curves))
	}
	for _, c := range curves {
		if len(c.points) != 5 {
			t.Fatalf("%s: %d points, want 5: 1, 2, 4, 8 and 16 particles", c.name, len(c.points))
		}
		for i, p := range c.points {
			t.Logf("%s, %d particles: %.2f ± %.2f nats", c.name, 1<<i, p.mean, p.deviation)
			if i > 0 && p.mean <= c.points[i-1].mean {
				t.Errorf("%s: %.2f nats with %d particles after %.2f with half as many", c.name, p.mean, 1<<i, c.points[i-1].mean)
			}
		}
		if first, last := c.points[0], c.points[4]; last.mean < first.mean+3*first.deviation {
			t.Errorf("%s: from %.2f to %.2f nats, not clearly more", c.name, first.mean, last.mean)
		}
	}
	name := filepath.Join(t.TempDir(), "completion.png")
	if err := write(name, curves); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := png.Decode(f); err != nil {
		t.Error(err)
	}
}
