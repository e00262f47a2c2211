package train

import (
	"testing"

	"pixelcnn/models"
)

// TestMultiplyAdds counts the reference model by hand, per pixel: 24 taps to 64 in the
// stem; 64·32 + 5·32·32 + 32·64 in each of five blocks; 64·64 and 64·4 on top.
func TestMultiplyAdds(t *testing.T) {
	m, err := models.New(models.Config{})
	if err != nil {
		t.Fatal(err)
	}
	const pixel = 24*64 + 5*(64*32+5*32*32+32*64) + 64*64 + 64*4
	forward, step := MultiplyAdds(m)
	if forward != 256*pixel || step != 256*(3*pixel-24*64) {
		t.Errorf("%d and %d, want %d and %d", forward, step, 256*pixel, 256*(3*pixel-24*64))
	}
}
