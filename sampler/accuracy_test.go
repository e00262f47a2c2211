package sampler_test

import (
	"context"
	"flag"
	"os"
	"slices"
	"testing"

	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/sampler"
)

var (
	settleModel  = flag.String("settle-model", "", "FILE with a model for TestSettleAll, in place of its own; it is not drawn by the full loop")
	settleImages = flag.Int("settle-images", 400, "images of it")
)

// TestSettleAll: images of which the near ties alone are settled are those of which every symbol
// is drawn from exact outputs, while less and less of the bound counts as near.
func TestSettleAll(t *testing.T) {
	model := file(t, models.Config{Arch: "gated", Hidden: 8, Blocks: 2, Kernel: 3, Size: 8, Levels: 256}, 4)
	if *settleModel != "" {
		var err error
		if model, err = os.ReadFile(*settleModel); err != nil {
			t.Fatal(err)
		}
	}
	drawn := func(rt onnx.Runtime, cfg settings, all bool) ([]uint16, *set) {
		cfg.Seed = 3
		s, err := opened(rt, model, cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		if all {
			sampler.SettleAll(s.Sampler)
		}
		levels := make([]uint16, *settleImages*s.Signature().Symbols())
		if err := s.Fill(context.Background(), 0, levels); err != nil {
			t.Fatal(err)
		}
		return levels, s
	}
	want, exact := drawn(env, settings{Batch: 64}, true)
	if n := exact.NearTies(); n < int64(len(want)) {
		t.Fatalf("%d of %d symbols were settled", n, len(want))
	}
	orders(t, func(t *testing.T, rt onnx.Runtime, cfg settings) {
		if *settleModel != "" && cfg.Engine == sampler.Full {
			t.Skip("takes long")
		}
		cfg.Batch = 16
		got, s := drawn(rt, cfg, false)
		if !slices.Equal(got, want) {
			t.Error("other images")
		}
		if ties := s.NearTies(); *settleModel == "" && (ties < 8 || ties > 40) {
			t.Errorf("%d near ties were settled", ties)
		}
		t.Logf("%d symbols, %d near ties; then the margin is %+v", len(got), s.NearTies(), sampler.Margin(s.Sampler))
	})
}
