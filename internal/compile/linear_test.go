package compile_test

import (
	"errors"
	"runtime"
	"testing"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/onnx"
)

// TestLinear: four times the network takes about four times the memory, all that is
// allocated on the way counted, and not sixteen times. That goes for the time as well.
func TestLinear(t *testing.T) {
	const size = 4
	for _, c := range []struct {
		name  string
		build func(n *net, x *onnx.Value, k int) *onnx.Value
		k     int
	}{
		{"layers", func(n *net, x *onnx.Value, k int) *onnx.Value {
			x = n.conv(x, at{0, -1})
			for range k {
				w := onnx.Const("", onnx.NewTensor([]float32{1, 1}, 1, 1, 2, 1))
				x = n.Op("Tanh", nil, n.Op("Conv", onnx.Attrs{"pads": []int64{1, 0, 0, 0}}, x, w))
			}
			return x
		}, 250},
		{"layers that read zeros where others read values", func(n *net, x *onnx.Value, k int) *onnx.Value {
			x = n.conv(x, at{0, -1})
			for range k {
				low := n.Op("Slice", nil, x, ints(1), ints(size), ints(2))
				low = n.Op("Pad", nil, low, ints(0, 0, 1, 0, 0, 0, 0, 0))
				x = n.Op("Max", nil, x, low)
			}
			return x
		}, 100},
		{"taps", func(n *net, x *onnx.Value, k int) *onnx.Value {
			w := make([]float32, 2*k+1)
			for i := range k {
				w[i] = 1
			}
			pads := []int64{0, int64(k), 0, int64(k)}
			return n.Op("Conv", onnx.Attrs{"pads": pads}, x, onnx.Const("", onnx.NewTensor(w, 1, 1, 1, len(w))))
		}, 2000},
	} {
		t.Run(c.name, func(t *testing.T) {
			allocated := func(k int) float64 {
				n, x := newNet(size, size)
				y := c.build(n, x, k)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				if _, err := n.compile(y, size, size, compile.Options{}); err != nil {
					t.Fatal(err)
				}
				runtime.ReadMemStats(&after)
				return float64(after.TotalAlloc - before.TotalAlloc)
			}
			if few, many := allocated(c.k), allocated(4*c.k); many > 7*few {
				t.Errorf("%.0f bytes for %d, %.0f for %d", few, c.k, many, 4*c.k)
			}
		})
	}
}

// TestTooLarge: what would take too long to prove is refused by name.
func TestTooLarge(t *testing.T) {
	n, x := newNet(1024, 1024)
	y := n.conv(x, at{0, -1})
	for range 600 {
		y = n.Op("Tanh", nil, y)
	}
	_, err := n.compile(y, 1024, 1024, compile.Options{})
	var u *compile.UnsupportedError
	if !errors.As(err, &u) || u.Op != "Tanh" {
		t.Errorf("error is %v", err)
	}
}
