package sample

import (
	"context"
	"flag"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"pixelcnn/sampler"
)

var growth = flag.Bool("growth", false, "measure how what an image costs grows with its size")

// growthImages are drawn at once: enough for the weights to be read for several.
const growthImages = 8

// TestGrowth measures the transformer at several sizes. With n pixels, a pass of its network
// has n² products of queries with keys, and the full loop n passes; what an image costs must
// grow with n² at most.
func TestGrowth(t *testing.T) {
	if !*growth {
		t.Skip("it measures with -growth only: make bench-growth")
	}
	m := newMachine(t)
	var names []string
	for _, side := range []int{16, 24, 32, 48} {
		names = append(names, fmt.Sprintf("transformer@%d", side))
	}
	m.makeNetworks(t, names, "")
	fmt.Printf("| processor, s an image | pixels | compiled, Go, %d at once | of that settling | exponent of the rest | full loop, ONNX Runtime | exponent |\n|---|---|---|---|---|---|---|\n", growthImages)
	var lastPixels, lastDraw, lastFull float64
	for _, name := range names {
		k, err := m.read(name, growthImages)
		if err != nil {
			t.Fatal(err)
		}
		sig := k.model.Signature
		s, err := m.openNetwork(k, m.inGo, sampler.Incremental)
		if err != nil {
			t.Fatal(err)
		}
		run, err := m.pass(sig, 1)
		if err != nil {
			t.Fatal(err)
		}
		c := &contest{turn: m.turn, most: enough}
		profile := &profile{file: filepath.Join(*files, "profile")}
		draw := k.draw(s, growthImages)
		drawn := c.timed(name, func(ctx context.Context) (spent, error) { return profile.of(func() error { return draw(ctx) }) })
		pass := c.add("pass", run)
		if err := c.run(m.ctx, min(m.rounds, 3)); err != nil {
			t.Fatal(err)
		}
		settling := profile.share(settlingCode, "")
		pixels, image := float64(sig.Pixels()), median(drawn.processor)/growthImages
		rest, full := image*(1-settling), median(pass.processor)*pixels
		exponent := func(now, last float64) string {
			if last == 0 {
				return ""
			}
			return fmt.Sprintf("%.2f", math.Log(now/last)/math.Log(pixels/lastPixels))
		}
		fmt.Printf("| %d×%d | %.0f | %s | %.0f %% | %s | %s | %s |\n", sig.Height, sig.Width, pixels, figure(image), 100*settling,
			exponent(rest, lastDraw), figure(full), exponent(full, lastFull))
		lastPixels, lastDraw, lastFull = pixels, rest, full
		if err := m.close(); err != nil {
			t.Fatal(err)
		}
	}
}
