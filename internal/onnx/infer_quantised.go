package onnx

import (
	"fmt"
	"slices"
)

// quantisation lists the operators on quantised numbers, which only ONNX Runtime runs, by
// what infers their outputs. Those from QLinearAdd on are ONNX Runtime's own.
var quantisation = map[string]func(n *Node, shapes [][]int) error{
	"QuantizeLinear":   inferQuantize,
	"DequantizeLinear": inferQuantize,
	"DynamicQuantizeLinear": func(n *Node, s [][]int) error {
		n.infers(0, Uint8, s[0])
		n.infers(1, Float32, []int{})
		n.infers(2, Uint8, []int{})
		return nil
	},
	"ConvInteger": func(n *Node, s [][]int) error {
		if err := checkPoint(s, 2, -1); err != nil {
			return err
		}
		if err := checkPoint(s, 3, outputChannels(s[1])); err != nil {
			return err
		}
		shape, err := convShape(n, s[:2])
		n.infers(0, Int32, shape)
		return err
	},
	"MatMulInteger": func(n *Node, s [][]int) error {
		if err := checkPoint(s, 2, -1); err != nil {
			return err
		}
		if err := checkPoint(s, 3, last(s[1])); err != nil {
			return err
		}
		shape, err := matMulShape(s[0], s[1])
		n.infers(0, Int32, shape)
		return err
	},
	"QLinearConv": func(n *Node, s [][]int) error {
		channels := outputChannels(s[3])
		if err := checkPoints(n, s, map[int]int{1: -1, 2: -1, 4: channels, 5: channels, 6: -1, 7: -1}); err != nil {
			return err
		}
		args := [][]int{s[0], s[3]}
		if len(s) > 8 && s[8] != nil {
			args = append(args, s[8])
		}
		shape, err := convShape(n, args)
		n.infers(0, n.Inputs[7].DType, shape)
		return err
	},
	"QLinearMatMul": func(n *Node, s [][]int) error {
		if err := checkPoints(n, s, map[int]int{1: -1, 2: -1, 4: last(s[3]), 5: last(s[3]), 6: -1, 7: -1}); err != nil {
			return err
		}
		shape, err := matMulShape(s[0], s[3])
		n.infers(0, n.Inputs[7].DType, shape)
		return err
	},
	"QLinearAdd": inferQuantisedBinary,
	"QLinearMul": inferQuantisedBinary,
	"QLinearSigmoid": func(n *Node, s [][]int) error {
		n.infers(0, n.Inputs[0].DType, s[0])
		return checkPoints(n, s, map[int]int{1: -1, 2: -1, 3: -1, 4: -1})
	},
	"QLinearLeakyRelu": func(n *Node, s [][]int) error {
		n.infers(0, n.Inputs[0].DType, s[0])
		return checkPoints(n, s, map[int]int{1: -1, 2: -1, 3: -1, 4: -1})
	},
	"QGemm": func(n *Node, s [][]int) error {
		columns := last(s[3])
		if n.Attrs.Int("transB", 0) != 0 && len(s[3]) == 2 {
			columns = s[3][0]
		}
		if err := checkPoints(n, s, map[int]int{1: -1, 2: -1, 4: columns, 5: columns, 7: -1, 8: -1}); err != nil {
			return err
		}
		if len(s) > 6 && s[6] != nil && !slices.Equal(s[6], []int{columns}) && !slices.Equal(s[6], []int{1, columns}) {
			return fmt.Errorf("a summand of shape %v for %d columns", s[6], columns)
		}
		shape, err := inferShape(&Node{Op: "Gemm", Attrs: n.Attrs}, [][]int{s[0], s[3]})
		dtype := Float32
		if len(n.Inputs) > 8 && n.Inputs[8] != nil {
			dtype = n.Inputs[8].DType
		}
		n.infers(0, dtype, shape)
		return err
	},
}

// infers sets the type and shape of an output, where there is one.
func (n *Node) infers(i int, t DType, shape []int) {
	if i < len(n.Outputs) && n.Outputs[i] != nil && shape != nil {
		n.Outputs[i].DType, n.Outputs[i].Shape = t, Shape(shape...)
	}
}

// inferQuantize serves both ways: a scale and a zero point for all, for each index of an
// axis, or for blocks along it.
func inferQuantize(n *Node, s [][]int) error {
	x, scale := s[0], s[1]
	block := n.Attrs.Int("block_size", 0)
	switch {
	case len(s) > 2 && s[2] != nil && !slices.Equal(s[2], scale) && (count(s[2]) != 1 || count(scale) != 1):
		return fmt.Errorf("a scale of shape %v and a zero point of shape %v", scale, s[2])
	case slices.Contains(scale, 0) || len(s) > 2 && slices.Contains(s[2], 0):
		return fmt.Errorf("a scale of shape %v or a zero point that has none", scale)
	case block < 0 || block > 0 && len(scale) != len(x):
		return fmt.Errorf("blocks of %d and a scale of shape %v", block, scale)
	case block > 0:
		axis, err := Axis(n.Attrs.Int("axis", 1), len(x))
		if err != nil {
			return err
		}
		for i, d := range x {
			if i == axis {
				d = (d + int(block) - 1) / int(block)
			}
			if scale[i] != d {
				return fmt.Errorf("a scale of shape %v for blocks of %d along axis %d of shape %v", scale, block, axis, x)
			}
		}
	case count(scale) != 1 || len(scale) > 1:
		axis, err := Axis(n.Attrs.Int("axis", 1), len(x))
		if err != nil || len(scale) != 1 || scale[0] != x[axis] {
			return fmt.Errorf("a scale of shape %v for axis %d of shape %v", scale, n.Attrs.Int("axis", 1), x)
		}
	}
	dtype := n.Inputs[1].DType
	if n.Op == "QuantizeLinear" {
		dtype = DType(n.Attrs.Int("output_dtype", int64(Uint8)))
		if len(n.Inputs) > 2 && n.Inputs[2] != nil {
			dtype = n.Inputs[2].DType
		}
	}
	n.infers(0, dtype, x)
	return nil
}

func inferQuantisedBinary(n *Node, s [][]int) error {
	if err := checkPoints(n, s, map[int]int{1: -1, 2: -1, 4: -1, 5: -1, 6: -1, 7: -1}); err != nil {
		return err
	}
	shape, err := broadcast(s[0], s[3])
	n.infers(0, n.Inputs[0].DType, shape)
	return err
}

func outputChannels(w []int) int {
	if len(w) == 0 {
		return -1
	}
	return w[0]
}

func last(s []int) int {
	if len(s) == 0 {
		return -1
	}
	return s[len(s)-1]
}

func checkPoints(n *Node, s [][]int, each map[int]int) error {
	for i, channels := range each {
		if err := checkPoint(s, i, channels); err != nil {
			return err
		}
	}
	return nil
}

// checkPoint refuses a scale or zero point that is neither one number nor, where channels is
// not -1, one for each of them.
func checkPoint(s [][]int, i, channels int) error {
	if i >= len(s) || s[i] == nil || len(s[i]) == 0 || slices.Equal(s[i], []int{1}) || channels > 0 && slices.Equal(s[i], []int{channels}) {
		return nil
	}
	return fmt.Errorf("a scale or zero point, input %d, of shape %v", i, s[i])
}

// dequantize is (x - zero)·scale in float32.
func dequantize(n *Node, in []*Tensor) (*Tensor, error) {
	x, scale := in[0], in[1]
	if scale == nil || scale.DType() != Float32 || n.Attrs.Int("output_dtype", int64(Float32)) != int64(Float32) {
		return nil, nil
	}
	// The place of each element's scale: those along the axis, or in its block.
	at := make([]int, x.Len())
	switch block := int(n.Attrs.Int("block_size", 0)); {
	case block > 0:
		axis, err := Axis(n.Attrs.Int("axis", 1), len(x.Shape))
		if err != nil {
			return nil, err
		}
		from, to := strides(x.Shape), strides(scale.Shape)
		for i := range at {
			for k, d := range x.Shape {
				place := i / from[k] % d
				if k == axis {
					place /= block
				}
				at[i] += place * to[k]
			}
		}
	case scale.Len() > 1:
		axis, err := Axis(n.Attrs.Int("axis", 1), len(x.Shape))
		if err != nil {
			return nil, err
		}
		inner := strides(x.Shape)[axis]
		for i := range at {
			at[i] = i / inner % x.Shape[axis]
		}
	}
	q, s := floats(x), scale.Floats()
	zero := make([]float64, len(s))
	if len(in) > 2 && in[2] != nil {
		zero = floats(in[2])
	}
	out := make([]float32, len(q))
	for i, k := range at {
		out[i] = float32(q[i]-zero[k]) * s[k]
	}
	return &Tensor{x.Shape, out}, nil
}
