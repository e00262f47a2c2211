package goruntime

import (
	"math"

	"pixelcnn/internal/onnx"
)

func bindCast(p *binder, n *node) error {
	x := n.in[0]
	to := onnx.DType(n.Attrs.Int("to", 0))
	if n.Op == "CastLike" {
		to = n.in[1].dtype
	}
	if to == x.dtype {
		p.view(n, 0, x, x.shape, 0)
		return nil
	}
	y, err := p.output(n, 0, to, x.shape)
	if err != nil {
		return err
	}
	return p.cast(n, y, x)
}

// cast adds a step that converts x to y's type. Numbers lose their fractions;
// those out of range become the nearest that there is, and what is no number 0.
func (p *binder) cast(n *node, y, x *value) error {
	return p.addByType(n, y, []*value{x}, runs{
		caster[float32](y, x), caster[float64](y, x), caster[int64](y, x), caster[int32](y, x),
		caster[int8](y, x), caster[uint8](y, x), casterOfBool(y, x),
	})
}

// number is a Go type of ONNX's numbers.
type number interface {
	float32 | float64 | int64 | int32 | int8 | uint8
}

func caster[T number](y, x *value) func(*workers) error {
	switch y.dtype {
	case onnx.Float32:
		return convert(y, x, func(v T) float32 { return float32(v) })
	case onnx.Float64:
		return convert(y, x, func(v T) float64 { return float64(v) })
	case onnx.Int64:
		return convert(y, x, toInteger[T, int64](math.MinInt64, math.MaxInt64))
	case onnx.Int32:
		return convert(y, x, toInteger[T, int32](math.MinInt32, math.MaxInt32))
	case onnx.Int8:
		return convert(y, x, toInteger[T, int8](math.MinInt8, math.MaxInt8))
	case onnx.Uint8:
		return convert(y, x, toInteger[T, uint8](0, math.MaxUint8))
	default:
		return convert(y, x, func(v T) bool { return v != 0 })
	}
}

// toInteger converts numbers to integers: those from integers wrap around, as
// ONNX wants, and others stop at the ends of the range.
func toInteger[T number, I int64 | int32 | int8 | uint8](lo, hi I) func(T) I {
	if half := 0.5; T(half) == 0 {
		return func(v T) I { return I(v) }
	}
	return func(v T) I {
		switch f := float64(v); {
		case f != f:
			return 0
		case f <= float64(lo):
			return lo
		case f >= float64(hi):
			return hi
		default:
			return I(f)
		}
	}
}

func casterOfBool(y, x *value) func(*workers) error {
	switch y.dtype {
	case onnx.Float32:
		return convert(y, x, truth[float32])
	case onnx.Float64:
		return convert(y, x, truth[float64])
	case onnx.Int64:
		return convert(y, x, truth[int64])
	case onnx.Int32:
		return convert(y, x, truth[int32])
	case onnx.Int8:
		return convert(y, x, truth[int8])
	default:
		return convert(y, x, truth[uint8])
	}
}

func truth[T number](b bool) T {
	if b {
		return 1
	}
	return 0
}

func convert[T, U onnx.Element](y, x *value, f func(T) U) func(*workers) error {
	return func(*workers) error {
		dst := elements[U](y)
		for i, v := range elements[T](x) {
			dst[i] = f(v)
		}
		return nil
	}
}

// scalar is a known value of one number.
func scalar(v *value) (float64, error) {
	if !v.known {
		return 0, errNotKnown
	}
	if v.count != 1 {
		return 0, errorf("shape %v where there should be one number", v.shape)
	}
	switch d := v.data.(type) {
	case *[]float32:
		return float64((*d)[0]), nil
	case *[]float64:
		return (*d)[0], nil
	case *[]int64:
		return float64((*d)[0]), nil
	case *[]int32:
		return float64((*d)[0]), nil
	case *[]int8:
		return float64((*d)[0]), nil
	case *[]uint8:
		return float64((*d)[0]), nil
	}
	return 0, errorf("%v where there should be a number", v.dtype)
}
