package goruntime

import (
	"errors"

	"pixelcnn/internal/onnx"
)

// bindTrilu: the upper or lower triangle of each matrix, zero elsewhere. The diagonal
// from which on it is kept must be known.
func bindTrilu(p *binder, n *node) error {
	x := n.in[0]
	if x.rank() < 2 {
		return errors.New("a rank below 2")
	}
	diagonal := 0
	if k := n.input(1); k != nil {
		if !k.known || k.dtype != onnx.Int64 || k.count != 1 {
			return errors.New("its diagonal is not known beforehand")
		}
		diagonal = int(elements[int64](k)[0])
	}
	y, err := p.output(n, 0, x.dtype, x.shape)
	if err != nil {
		return err
	}
	upper := n.Attrs.Int("upper", 1) != 0
	return p.addByType(n, y, []*value{x}, runs{
		triangle[float32](y, x, upper, diagonal), triangle[float64](y, x, upper, diagonal), triangle[int64](y, x, upper, diagonal),
		triangle[int32](y, x, upper, diagonal), triangle[int8](y, x, upper, diagonal), triangle[uint8](y, x, upper, diagonal),
		triangle[bool](y, x, upper, diagonal),
	})
}

func triangle[T onnx.Element](y, x *value, upper bool, diagonal int) func(*workers) error {
	h, w := x.shape[x.rank()-2], x.shape[x.rank()-1]
	return func(*workers) error {
		dst, src := elements[T](y), elements[T](x)
		clear(dst)
		for i := range dst {
			if ahead := i%w - i/w%h; upper && ahead >= diagonal || !upper && ahead <= diagonal {
				dst[i] = src[i]
			}
		}
		return nil
	}
}
