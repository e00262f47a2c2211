package onnx

import (
	"fmt"
	"math"
)

// Nearest tells which of from elements of a dimension a Resize or Upsample node takes for each
// of to.
func Nearest(n *Node, from, to int) (func(i int) int, error) {
	transform, round := n.Attrs.String("coordinate_transformation_mode", "half_pixel"), n.Attrs.String("nearest_mode", "round_prefer_floor")
	if n.Op == "Upsample" {
		transform, round = "asymmetric", "floor"
	}
	if mode := n.Attrs.String("mode", "nearest"); mode != "nearest" {
		return nil, fmt.Errorf("it interpolates by mode %q", mode)
	}
	scale := float64(to) / float64(from)
	at := map[string]func(i float64) float64{
		"asymmetric":           func(i float64) float64 { return i / scale },
		"half_pixel":           func(i float64) float64 { return (i+0.5)/scale - 0.5 },
		"half_pixel_symmetric": func(i float64) float64 { return (i+0.5)/scale - 0.5 },
		"pytorch_half_pixel":   func(i float64) float64 { return (i+0.5)/scale - 0.5 },
		"align_corners":        func(i float64) float64 { return i * float64(from-1) / float64(max(1, to-1)) },
	}[transform]
	whole := map[string]func(x float64) float64{
		"floor":              math.Floor,
		"ceil":               math.Ceil,
		"round_prefer_floor": func(x float64) float64 { return math.Ceil(x - 0.5) },
		"round_prefer_ceil":  func(x float64) float64 { return math.Floor(x + 0.5) },
	}[round]
	if at == nil || whole == nil {
		return nil, fmt.Errorf("it resizes by %q and %q", transform, round)
	}
	return func(i int) int { return min(max(int(whole(at(float64(i)))), 0), from-1) }, nil
}
