// Package export writes a trained model as pixelcnn.onnx, a file that any ONNX
// runtime reads: opset 17, IR 8, default domain, ordinary convolutions whose masks
// are already multiplied into the weights. It reads the weights of such a file back, too.
//
// Errors wrap [models.ErrWeights], or are those of the writer that was given.
package export

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"pixelcnn/internal/format"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature/encoding"
	"pixelcnn/models"
)

// Producer names the program in the files that it writes.
const (
	Producer = "pixelcnn"
	Version  = "0.1.0"
)

// Meta is what is known of how the model was trained. Write fills in what follows
// from the model: architecture, sizes and levels, the input's scale and the label. It
// leaves out the classes of a model that takes none.
type Meta = format.Meta

// Write writes the model as an ONNX file. It fails where the model has no weights,
// or weights of wrong sizes, and where w does.
func Write(w io.Writer, m *models.Model, meta Meta) error {
	file, err := Model(m, meta)
	if err != nil {
		return err
	}
	b, err := onnx.Marshal(file)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// Model builds what Write writes.
func Model(m *models.Model, meta Meta) (*onnx.Model, error) {
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	b := &builder{graph: &onnx.Graph{Name: "pixelcnn"}, model: m}
	logits := m.Build(b)
	n := onnx.Free(format.Batch)
	size := onnx.Fixed(m.Size)
	b.graph.Output(b.values[logits], format.Logits, onnx.Float32, n, onnx.Fixed(m.Levels), size, size)
	meta.Arch, meta.Levels, meta.Height, meta.Width = m.Arch, m.Levels, m.Size, m.Size
	meta.PixelScale, meta.PixelOffset, meta.Label = encoding.Unit(m.Levels), 0, format.Label
	if m.Classes == 0 {
		meta.Label, meta.Classes, meta.ClassPrior = "", nil, nil
	}
	return &onnx.Model{
		IRVersion:       format.IRVersion,
		Opsets:          map[string]int64{"": format.Opset},
		ProducerName:    Producer,
		ProducerVersion: Version,
		Doc:             doc(m, meta),
		Metadata:        meta.Props(),
		Graph:           b.graph,
	}, nil
}

// builder implements [models.Builder] with ONNX nodes.
type builder struct {
	graph  *onnx.Graph
	model  *models.Model
	values []*onnx.Value
	counts map[string]int // nodes so far, by operator, for names
	image  *onnx.Value
	class  *onnx.Value
}

func (b *builder) keep(v *onnx.Value) models.Value {
	b.values = append(b.values, v)
	return models.Value(len(b.values) - 1)
}

// op adds a node and names it and its output.
func (b *builder) op(name, op string, attrs onnx.Attrs, inputs ...*onnx.Value) models.Value {
	v := b.graph.Op(op, attrs, inputs...)
	if name == "" {
		if b.counts == nil {
			b.counts = map[string]int{}
		}
		b.counts[op]++
		name = fmt.Sprintf("%s%d", strings.ToLower(op), b.counts[op])
	}
	v.Node.Name, v.Name = name, name+"_out"
	return b.keep(v)
}

func (b *builder) Image() models.Value {
	size := onnx.Fixed(b.model.Size)
	b.image = b.graph.Input(format.Image, onnx.Float32, onnx.Free(format.Batch), onnx.Fixed(1), size, size)
	return b.keep(b.image)
}

// The convolutions that have no weights of the model.
const hinges, oneHotConv = "hinges", "onehot"

// OneHot makes the channels out of the image. With z = level − k, channel k is
// relu(z+1) − 2·relu(z) + relu(z−1), which is 1 at z = 0 and 0 at the other whole numbers.
func (b *builder) OneHot() models.Value {
	n := b.model.Levels
	hinge := func(k int) int { return k + 1 } // the channel of relu(level − k), k from −1 to n−2
	steep, shift := make([]float32, n), make([]float32, n)
	mix := make([]float32, n*n)
	for k := range n {
		steep[k], shift[k] = float32(encoding.Steps(n)), float32(1-k)
		for step, by := range map[int]float32{-1: 1, 0: -2, 1: 1} {
			if i := hinge(k + step); i < n {
				mix[k*n+i] = by
			}
		}
	}
	x := b.conv(hinges, b.values[b.Image()], 1, steep, shift)
	x = b.Relu(x)
	return b.conv(oneHotConv, b.values[x], 1, mix, make([]float32, n))
}

// Embed adds the class's row of the table, at every pixel.
func (b *builder) Embed(x models.Value, e models.Embedding) models.Value {
	if b.class == nil {
		b.class = b.graph.Input(format.Label, onnx.Int64, onnx.Free(format.Batch))
	}
	table := onnx.Const(e.Name+"_table", onnx.NewTensor(b.model.Weights[e.Name+"_table"], e.Classes, e.Channels))
	row := b.op(e.Name, "Gather", onnx.Attrs{"axis": int64(0)}, table, b.class)
	axes := onnx.Const(e.Name+"_axes", onnx.NewTensor([]int64{2, 3}, 2))
	plane := b.op(e.Name+"_plane", "Unsqueeze", nil, b.values[row], axes)
	return b.Add(x, plane)
}

// Conv adds a convolution. Where it reads the image, its weights make up for the scale that the
// first layer was trained with.
func (b *builder) Conv(x models.Value, c models.Conv) models.Value {
	weight, bias := b.model.Weights[c.Name+"_weight"], b.model.Weights[c.Name+"_bias"]
	if b.values[x] == b.image {
		weight = slices.Clone(weight)
		for i := range weight {
			weight[i] *= inputFactor(b.model)
		}
	}
	return b.conv(c.Name, b.values[x], c.Kernel, weight, bias)
}

// conv adds a convolution with one bias for each output channel.
func (b *builder) conv(name string, x *onnx.Value, kernel int, weight, bias []float32) models.Value {
	k, pad := int64(kernel), int64(kernel/2)
	in := len(weight) / (len(bias) * kernel * kernel)
	return b.op(name, "Conv", onnx.Attrs{
		"kernel_shape": []int64{k, k},
		"pads":         []int64{pad, pad, pad, pad},
		"strides":      []int64{1, 1},
		"dilations":    []int64{1, 1},
		"group":        int64(1),
	},
		x,
		onnx.Const(name+"_weight", onnx.NewTensor(weight, len(bias), in, kernel, kernel)),
		onnx.Const(name+"_bias", onnx.NewTensor(bias, len(bias))))
}

func (b *builder) Relu(x models.Value) models.Value {
	return b.op("", "Relu", nil, b.values[x])
}

func (b *builder) Tanh(x models.Value) models.Value {
	return b.op("", "Tanh", nil, b.values[x])
}

func (b *builder) Sigmoid(x models.Value) models.Value {
	return b.op("", "Sigmoid", nil, b.values[x])
}

func (b *builder) Mul(x, y models.Value) models.Value {
	return b.op("", "Mul", nil, b.values[x], b.values[y])
}

func (b *builder) Add(x, y models.Value) models.Value {
	return b.op("", "Add", nil, b.values[x], b.values[y])
}

// doc is the file's own description, in Markdown.
func doc(m *models.Model, meta Meta) string {
	var s strings.Builder
	fmt.Fprintf(&s, "# PixelCNN\n\nAn autoregressive model of %d×%d images in %d grey levels: `%s`, %d filters, %d blocks.\n\n",
		m.Size, m.Size, m.Levels, m.Arch, m.Hidden, m.Blocks)
	fmt.Fprintf(&s, "- Input `%s`: float32 [batch, 1, %d, %d], level/%d, so in [0, 1].\n", format.Image, m.Size, m.Size, int(encoding.Steps(m.Levels)))
	fmt.Fprintf(&s, "- Output `%s`: float32 [batch, %d, %d, %d], unnormalised log-probabilities of each pixel's level given the pixels before it in raster order.\n",
		format.Logits, m.Levels, m.Size, m.Size)
	label := ""
	if m.Classes > 0 {
		fmt.Fprintf(&s, "- Input `%s`: int64 [batch], the class of each image, 0 to %d.\n", format.Label, m.Classes-1)
		label = fmt.Sprintf(" and a class for each in `%s`", format.Label)
	}
	fmt.Fprintf(&s, "\nTo draw, begin with an `%s` of zeros%s. For each pixel in raster order, row by row and from left to right, "+
		"run the model, divide the pixel's `%s` by the temperature (1 for the model as it is) and take their softmax, "+
		"which is the probability of each level. Draw a random number in [0, 1), and take the first level up to which the "+
		"probabilities add up to more. Write level/%d into the `%s` at the pixel. After the last pixel it is drawn.\n\n",
		format.Image, label, format.Logits, m.Levels-1, format.Image)
	if meta.Dataset != "" {
		fmt.Fprintf(&s, "- Trained on %s (%s), %d epochs, seed %d.\n", meta.Dataset, meta.Preprocess, meta.Epochs, meta.Seed)
	}
	if meta.NatsPerDim != 0 {
		fmt.Fprintf(&s, "- Test likelihood: %.4f nats/dim, %.4f bits/dim.\n", meta.NatsPerDim, meta.BitsPerDim())
	}
	return s.String()
}
