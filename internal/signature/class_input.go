package signature

import (
	"fmt"

	"pixelcnn/internal/onnx"
)

// classInput is how a class-conditional model takes the classes of a run's images.
type classInput struct {
	name  string
	at    int // its place among the graph's inputs
	dtype onnx.DType
	shape []int // of the input; shape[0] is the number of images, -1 where it is free
	hot   int   // elements for an image: 1, the class's number, or one for each class, of which one is 1
}

// readClassInput reads a model's second input.
func readClassInput(v *onnx.Value, at int) (*classInput, error) {
	l := &classInput{name: v.Name, at: at, dtype: v.DType, shape: onnx.Sizes(v.Shape), hot: 1}
	known := l.dtype == onnx.Int64 || l.dtype == onnx.Int32 || l.dtype == onnx.Float32
	wide := 0
	for i, d := range l.shape {
		if i > 0 && d != 1 {
			l.hot = d
			wide++
		}
	}
	if !known || len(l.shape) == 0 || wide > 1 || l.hot < 1 {
		return nil, fmt.Errorf("%w: input %q is %v %v, must be a class: int64, int32 or float32, [batch] or [batch, classes]",
			ErrModel, v.Name, l.dtype, l.shape)
	}
	return l, nil
}

// tensor makes room for the classes of n images.
func (l *classInput) tensor(n int) *onnx.Tensor {
	shape := append([]int{n}, l.shape[1:]...)
	switch l.dtype {
	case onnx.Int64:
		return onnx.NewTensor(make([]int64, n*l.hot), shape...)
	case onnx.Int32:
		return onnx.NewTensor(make([]int32, n*l.hot), shape...)
	default:
		return onnx.NewTensor(make([]float32, n*l.hot), shape...)
	}
}

// set writes the class of image i into t.
func (l *classInput) set(t *onnx.Tensor, i, class int) {
	switch data := t.Data.(type) {
	case []int64:
		setClass(data[i*l.hot:(i+1)*l.hot], class)
	case []int32:
		setClass(data[i*l.hot:(i+1)*l.hot], class)
	case []float32:
		setClass(data[i*l.hot:(i+1)*l.hot], class)
	}
}

func setClass[T int64 | int32 | float32](data []T, class int) {
	if len(data) == 1 {
		data[0] = T(class)
		return
	}
	clear(data)
	data[class] = 1
}

// of is the class of one image, as the model takes it.
func (l *classInput) of(class int) []*onnx.Tensor {
	t := l.tensor(1)
	l.set(t, 0, class)
	return []*onnx.Tensor{t}
}

// classes counts the classes of a graph: the entries of a one-hot class or of the
// tables that a numbered one is looked up in. It is 0 where the graph does not tell.
func (l *classInput) classes(g *onnx.Graph) int {
	if l.hot > 1 {
		return l.hot
	}
	return entries(g, g.Inputs[l.at])
}

// entries are those of the tables in which the integers of an input are looked up, or of what is
// made of them one-hot: the fewest. It is 0 where the graph does not tell.
func entries(g *onnx.Graph, input *onnx.Value) int {
	count := 0
	least := func(n int) {
		if count == 0 || n < count {
			count = n
		}
	}
	same := map[*onnx.Value]bool{input: true} // the input's values, and others with the same numbers in another form
	for _, n := range g.Nodes {
		for i, v := range n.Inputs {
			if !same[v] {
				continue
			}
			switch {
			case n.Op == "Cast" || n.Op == "Identity" || n.Op == "Reshape" || n.Op == "Squeeze" || n.Op == "Unsqueeze" || n.Op == "Flatten" || n.Op == "Transpose":
				if i == 0 && n.Outputs[0] != nil {
					same[n.Outputs[0]] = true
				}
			case n.Op == "Gather" && i == 1 && n.Inputs[0].Const != nil && n.Attrs.Int("axis", 0) == 0 && len(n.Inputs[0].Const.Shape) > 0:
				least(n.Inputs[0].Const.Shape[0])
			case n.Op == "OneHot" && i == 0 && n.Inputs[1].Const != nil && len(n.Inputs[1].Const.Ints()) == 1:
				least(int(n.Inputs[1].Const.Ints()[0]))
			}
		}
	}
	return count
}
