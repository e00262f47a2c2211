package format

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse: metadata are refused in one line that wraps ErrMetadata, or are written and
// read again as they are, up to the digits that are written, and keep their bounds.
func FuzzParse(f *testing.F) {
	p := meta.Props()
	add := func(p map[string]string) {
		f.Add(p["pixelcnn.levels"], p["pixelcnn.height"], p["pixelcnn.classes"], p["pixelcnn.class_prior"], p["pixelcnn.seed"],
			p["pixelcnn.epochs"], p["pixelcnn.nll_nats_per_dim"], p["pixelcnn.verify_readers"], p["pixelcnn.verify_max_diff"], p["pixelcnn.preprocess"], p["pixelcnn.pixel_scale"], p["pixelcnn.pixel_offset"],
			p["pixelcnn.channels"], p["pixelcnn.colour"], p["pixelcnn.palette"])
	}
	add(p)
	p["pixelcnn.classes"], p["pixelcnn.class_prior"] = `["a","\ud800"]`, "[1e-400,1]"
	add(p)
	p["pixelcnn.nll_nats_per_dim"], p["pixelcnn.verify_max_diff"] = "NaN", "inf"
	add(p)
	p["pixelcnn.classes"], p["pixelcnn.levels"], p["pixelcnn.height"] = "[[[[", "65537", "+16"
	add(p)
	f.Fuzz(func(t *testing.T, levels, height, classes, prior, seed, epochs, nats, readers, diff, preprocess, scale, offset, channels, colour, palette string) {
		m, err := Parse(map[string]string{
			"pixelcnn.format": Version, "pixelcnn.order": Order, "pixelcnn.levels": levels, "pixelcnn.height": height,
			"pixelcnn.width": height, "pixelcnn.classes": classes, "pixelcnn.class_prior": prior, "pixelcnn.seed": seed,
			"pixelcnn.epochs": epochs, "pixelcnn.nll_nats_per_dim": nats, "pixelcnn.verify_readers": readers,
			"pixelcnn.verify_max_diff": diff, "pixelcnn.preprocess": preprocess, "pixelcnn.pixel_scale": scale, "pixelcnn.pixel_offset": offset,
			"pixelcnn.channels": channels, "pixelcnn.colour": colour, "pixelcnn.palette": palette,
		})
		if err != nil {
			if !errors.Is(err, ErrMetadata) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %q", err)
			}
			return
		}
		if m.Levels < MinLevels || m.Levels > MaxLevels || m.Height < 1 || m.Height > 1<<15 || m.Width != m.Height || m.Channels > MaxChannels || len(m.Palette) > m.Levels {
			t.Fatalf("%+v", m)
		}
		for _, x := range []float64{m.NatsPerDim, m.VerifyMaxDiff, m.PixelScale, m.PixelOffset} {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				t.Fatalf("%v in %+v", x, m)
			}
		}
		again, err := Parse(m.Props())
		if err != nil {
			t.Fatalf("%+v is written and cannot be read: %v", m, err)
		}
		if math.Abs(again.NatsPerDim-m.NatsPerDim) > 1e-6 {
			t.Errorf("%v nats became %v", m.NatsPerDim, again.NatsPerDim)
		}
		// Rounded, or left out.
		m.NatsPerDim, m.VerifyMaxDiff = again.NatsPerDim, again.VerifyMaxDiff
		if len(m.Classes) == 0 {
			m.Classes = nil
		}
		if len(m.VerifyReaders) == 0 {
			m.VerifyReaders = nil
		}
		if diff := cmp.Diff(m, again); diff != "" {
			t.Error(diff)
		}
	})
}
