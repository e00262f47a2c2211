package signature

import (
	"fmt"

	"pixelcnn/internal/onnx"
)

// Condition is an input beside the picture and the class.
type Condition struct {
	Name  string
	DType onnx.DType
	Shape []int // of one image's, without the batch; -1 where the file leaves it open
	at    int   // its place among the graph's inputs
	table int   // entries of the table in which its integers are looked up; 0 where there is none
}

// fits tells whether a condition may have a shape.
func (c Condition) fits(shape []int) error {
	ok := len(shape) == len(c.Shape)
	for i := range shape {
		ok = ok && (c.Shape[i] < 0 || c.Shape[i] == shape[i])
	}
	if !ok {
		return fmt.Errorf("%w: condition %q has shape %v for an image, the model's input takes %v", ErrConfig, c.Name, shape, c.Shape)
	}
	return nil
}

// tensor makes room for the condition of n images, with ones in it; nil for a type that is not
// known here.
func (c Condition) tensor(n int) *onnx.Tensor {
	t := onnx.Zeros(c.DType, append([]int{n}, c.Shape...)...)
	if t == nil {
		return nil
	}
	for k := range t.Len() {
		t.SetNumber(k, 1)
	}
	return t
}

// Rows splits a tensor into the conditions of images, one for each row; without that dimension it
// is one image's. Its numbers may be of any type, if the input can hold them. The error wraps
// [ErrConfig].
func (c Condition) Rows(t *onnx.Tensor) ([]*onnx.Tensor, error) {
	if t.DType() == onnx.Undefined || t.Elements() != t.Len() {
		return nil, fmt.Errorf("%w: condition %q has the shape %v and %d numbers as data (%T)", ErrConfig, c.Name, t.Shape, t.Elements(), t.Data)
	}
	shape, n := t.Shape, 1
	if len(shape) == len(c.Shape)+1 {
		shape, n = shape[1:], shape[0]
	}
	if err := c.fits(shape); err != nil {
		return nil, err
	}
	if n < 1 {
		return nil, fmt.Errorf("%w: condition %q has no rows", ErrConfig, c.Name)
	}
	rows := make([]*onnx.Tensor, n)
	for i := range rows {
		rows[i] = c.tensor(1)
		for k := range rows[i].Len() {
			switch x := t.Number(i*rows[i].Len() + k); {
			case x != x:
				return nil, fmt.Errorf("%w: condition %q has %v, which is no number, in row %d", ErrConfig, c.Name, x, i)
			case !rows[i].SetNumber(k, x):
				return nil, fmt.Errorf("%w: condition %q has %v, which the model's input, %v, cannot hold", ErrConfig, c.Name, x, c.DType)
			case c.table > 0 && (x < -float64(c.table) || x >= float64(c.table)): // ONNX counts negative ones from the end
				return nil, fmt.Errorf("%w: condition %q has %v in row %d, and the model knows 0 to %d", ErrConfig, c.Name, x, i, c.table-1)
			}
		}
	}
	return rows, nil
}
