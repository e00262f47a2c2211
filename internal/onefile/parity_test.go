package onefile_test

import (
	"context"
	"flag"
	"fmt"
	"testing"

	"pixelcnn/internal/onefile/onefiletest"
	"pixelcnn/sampler"
)

var parity = flag.Int("parity", 64, "images of each model to compare with the sampler's")

// TestParity draws the sampler's images, but for near ties, which are counted. For all
// that the project promises, also of another ONNX Runtime:
//
//	PIXELCNN_ORT_LIB=… go test ./internal/onefile -run Parity -parity 256 -v
func TestParity(t *testing.T) {
	for name, model := range onefiletest.Trained(t) {
		one := onefiletest.Make(t, model, false)
		for _, temperature := range []float64{1, 0.7} {
			t.Run(fmt.Sprintf("%s T=%g", name, temperature), func(t *testing.T) {
				s, err := sampler.Open(env, one, sampler.Config{})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				req := sampler.Request{N: *parity, Parameters: sampler.Parameters{Seed: 1, Temperature: temperature}}
				levels := make([]uint16, *parity*s.Signature().Pixels())
				if err := s.Draw(context.Background(), req, levels); err != nil {
					t.Fatal(err)
				}
				differ := onefiletest.Compare(t, env, model, sampler.Config{}, req, levels)
				t.Logf("ONNX Runtime %s: %d of %d images differ", env.Version(), differ, *parity)
			})
		}
	}
}
