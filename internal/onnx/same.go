package onnx

// Same tells whether a value is known to be the same all along dimension d: repeated by an
// Expand, and at most changed element by element since.
func Same(v *Value, d int) bool {
	if v == nil || d < 0 || d >= len(v.Shape) || v.Shape[d].Size == 1 {
		return true
	}
	if v.Node == nil || v.Const != nil {
		return false
	}
	of := v.Node.Inputs
	if v.Node.Op == "Expand" {
		of = of[:1]
	} else if _, each := Real(v.Node.Op, v.Node.Attrs); !each {
		return false
	}
	for _, in := range of {
		if in != nil && !Same(in, d-len(v.Shape)+len(in.Shape)) {
			return false
		}
	}
	return true
}
