package signature

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"pixelcnn/internal/format"
	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature/encoding"
)

// The names of the heads.
const (
	Categorical = "categorical"
	Bernoulli   = "bernoulli"
	Mixture     = "logistic-mixture"
)

var heads = []string{Categorical, Bernoulli, Mixture}

// outputLayouts are the layouts that are tried, by head and rank.
var outputLayouts = map[string]map[int][]Layout{
	Categorical: {
		2: {"N(HWL)", "N(LHW)", "N(HWCL)"},
		3: {"N(HW)L", "NL(HW)", "N(HWC)L", "N(CHW)L", "NL(HWC)", "NL(CHW)", "N(HW)(CL)", "N(HW)(LC)", "N(CL)(HW)", "N(LC)(HW)"},
		4: {"NLHW", "NHWL", "N(CL)HW", "N(LC)HW", "NHW(CL)", "NHW(LC)", "N(HW)CL", "N(HW)LC", "NCL(HW)", "NLC(HW)", "NC(HW)L"},
		5: {"NLCHW", "NCLHW", "NHWCL", "NHWLC", "NCHWL"},
	},
	Bernoulli: {
		2: {"N(HW)", "N(HWC)", "N(CHW)"},
		3: {"NHW", "N(HW)C", "NC(HW)"},
		4: {"NCHW", "NHWC"},
	},
	Mixture: {
		3: {"NK(HW)", "N(HW)K"},
		4: {"NKHW", "NHWK"},
	},
}

// errLayout is wrapped by errors that say no more than that a layout does not fit.
var errLayout = errors.New("another layout")

// headOf is the head of a graph that ends in an operator.
var headOf = map[string]string{"Softmax": Categorical, "LogSoftmax": Categorical, "Sigmoid": Bernoulli}

// lastNode is the node that makes probabilities of an output, nil where none of headOf does.
func lastNode(v *onnx.Value) *onnx.Node {
	for v != nil && v.Node != nil {
		switch n := v.Node; n.Op {
		case "Identity", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Cast", "Slice":
			v = n.Inputs[0]
		default:
			if headOf[n.Op] == "" {
				return nil
			}
			return n
		}
	}
	return nil
}

// mixture tells how many outputs a component of a logistic mixture has, by channels; 0 where
// there is none.
func mixture(channels int) int { return map[int]int{1: 3, 3: 10}[channels] }

// levelsOf is the number of levels where a scale makes −1 of the first level and 1 of the last one,
// as a mixture counts them; 0 where it does not.
func levelsOf(s encoding.Scale) int {
	n := int(math.Round(2/s.Factor)) + 1
	if s.Offset != -1 || n < format.MinLevels || n > format.MaxLevels || math.Abs(s.Factor*float64(n-1)-2) > 1e-9 {
		return 0
	}
	return n
}

// withOutput lists the readings of an output for the picture of r.
func (r reading) withOutput(s *Signature, v *onnx.Value, opt Options) ([]reading, error) {
	shape := onnx.Sizes(v.Shape)
	if v.DType != onnx.Float32 && v.DType != onnx.Float64 && v.DType != onnx.Float16 {
		return nil, fmt.Errorf("output %q is %v, must be float32", v.Name, v.DType)
	}
	if len(shape) == 0 || slices.Contains(shape[1:], -1) && s.Meta.Format == "" {
		if inferred := s.inferred(r, v, len(opt.StartToken)); inferred != nil {
			shape = inferred
		}
	}
	var found []reading
	told := false // whether why says more than that no layout fits
	why := fmt.Errorf("output %q has shape %v, which does not fit pictures of %d×%d with %d channels", v.Name, shape, r.sizes['H'], r.sizes['W'], r.sizes['C'])
	end := lastNode(v)
	for _, head := range heads {
		if opt.Head != "" && head != opt.Head || opt.Head == "" && end != nil && head != headOf[end.Op] {
			continue
		}
		if opt.Head == "" && head == Mixture && entries(s.model.Graph, s.model.Graph.Inputs[r.picture]) > 0 {
			continue // levels that are looked up in a table have no order
		}
		layouts := outputLayouts[head][len(shape)]
		if opt.OutputLayout != "" {
			layouts = []Layout{opt.OutputLayout}
		}
		for _, layout := range layouts {
			next := r
			next.head, next.out, next.sizes = head, layout, r.sizes.clone()
			if err := next.fitOutput(shape, opt); err != nil {
				if !errors.Is(err, errLayout) && !told || opt.OutputLayout != "" {
					why, told = fmt.Errorf("output %q has shape %v: %w", v.Name, shape, err), true
				}
				continue
			}
			found = append(found, next)
		}
	}
	if found == nil {
		return nil, why
	}
	return found, nil
}

// fitOutput finds out the number of levels and of outputs.
func (r *reading) fitOutput(shape []int, opt Options) error {
	c, set := r.sizes['C'], opt.Levels
	shape = opt.symbols(r.out, shape)
	if c > 1 && !r.out.has('C') && r.head != Mixture || r.out.has('K') != (r.head == Mixture) {
		return fmt.Errorf("%w: %s is not one of a %s head for %d channels", errLayout, r.out, r.head, c)
	}
	if !r.out.fit(shape, r.sizes) {
		return fmt.Errorf("%w: it is not %s", errLayout, r.out)
	}
	switch r.head {
	case Categorical:
		levels, ok := r.sizes['L']
		switch {
		case !ok || levels < format.MinLevels:
			return fmt.Errorf("it has %d levels", levels)
		case levels > format.MaxLevels:
			return fmt.Errorf("it has %d levels, %d are the most", levels, format.MaxLevels)
		case set > levels || set > 0 && set < levels && r.encoding != Index:
			return fmt.Errorf("it has %d levels, not %d", levels, set)
		}
		if r.levels = set; set == 0 {
			r.levels = levels
		}
	case Bernoulli:
		if set > 0 && set != 2 {
			return fmt.Errorf("a Bernoulli head has 2 levels, and %d are asked for", set)
		}
		if r.encoding == OneHot {
			return fmt.Errorf("a Bernoulli head needs no one-hot input")
		}
		r.levels = 2
	case Mixture:
		per := mixture(c)
		k := r.sizes['K']
		if per == 0 || k < per || k%per != 0 {
			return fmt.Errorf("%d outputs are not a logistic mixture for %d channels", k, c)
		}
		if r.encoding == OneHot || opt.StartToken != nil {
			return fmt.Errorf("a logistic mixture needs a picture of numbers")
		}
		if k > format.MaxLevels && opt.Head == "" {
			return fmt.Errorf("it has %d outputs", k)
		}
		r.levels = cmp.Or(set, levelsOf(opt.Scale))
	}
	return nil
}

// inferred is the shape that an output gets for the picture of a reading, after so many start
// tokens; nil where that cannot be told.
func (s *Signature) inferred(r reading, v *onnx.Value, starts int) []int {
	input := map[string][]int{}
	for i, in := range s.model.Graph.Inputs {
		shape := onnx.Sizes(in.Shape)
		if i == r.picture {
			if len(shape) != 2 || shape[1] < 0 {
				shape = places(r.in, r.in.shape(1, r.sizes), max(0, starts-1))
			}
		}
		if len(shape) > 0 && shape[0] < 0 {
			shape[0] = 1
		}
		input[in.Name] = shape
	}
	simple, err := onnx.Simplify(s.model, input)
	if err != nil {
		return nil
	}
	for i, out := range s.model.Graph.Outputs {
		if got := simple.Graph.Outputs[i]; out == v && got.Shape != nil {
			return onnx.Sizes(got.Shape)
		}
	}
	return nil
}

// readHead makes the head.
func (s *Signature) readHead(why string, told Options) {
	form, end := s.end()
	for f := range likelihood.Probabilities + 1 {
		if s.Meta.Outputs == f.String() {
			form, end = f, "by its metadata"
		}
	}
	r := s.read
	switch r.head {
	case Categorical:
		s.Head = likelihood.Categorical{Depth: s.Levels, Channels: s.Channels, Form: form}
		if why == "" {
			why = "an output for each level"
		}
	case Bernoulli:
		s.Head = likelihood.Bernoulli{Channels: s.Channels, Form: form}
		if why == "" {
			why = "an output for each symbol"
		}
	case Mixture:
		s.Head = likelihood.Mixture{Depth: s.Levels, Channels: s.Channels, Components: r.sizes['K'] / mixture(s.Channels)}
		if why == "" {
			why = fmt.Sprintf("%d outputs, %d for each component", r.sizes['K'], mixture(s.Channels))
		}
		if told.Levels == 0 {
			s.found("levels", fmt.Sprint(s.Levels), "by the input's scale, with −1 for the first level and 1 for the last")
		}
	}
	s.found("head", s.Head.Name(), "%s", why)
	if r.head != Mixture {
		if end == "" {
			end = "the graph does not end in Softmax, LogSoftmax or Sigmoid"
		}
		s.found("outputs", form.String(), "%s", end)
	}
}

// end tells by the graph's last operator what the outputs are.
func (s *Signature) end() (likelihood.Form, string) {
	n := lastNode(s.model.Graph.Outputs[s.outputAt])
	switch {
	case n == nil || headOf[n.Op] != s.read.head:
		return likelihood.Logits, ""
	case n.Op == "LogSoftmax":
		return likelihood.LogProbabilities, "the graph ends in " + n.String()
	}
	return likelihood.Probabilities, "the graph ends in " + n.String()
}

// readForm tells by values whether outputs, by image, are probabilities.
func (s *Signature) readForm(outputs [][]float32) error {
	if s.read.head == Mixture {
		return nil
	}
	per := s.Head.Outputs() / s.Channels
	within, sums := true, true
	for _, all := range outputs {
		for at := 0; at < len(all); at += per {
			sum := 0.0
			for _, x := range all[at : at+per] {
				within = within && x >= 0 && x <= 1
				sum += float64(x)
			}
			sums = sums && math.Abs(sum-1) <= 1e-3
		}
	}
	form, by := s.end()
	are := within && (per == 1 || sums)
	switch {
	case form == likelihood.Probabilities && !are:
		return fmt.Errorf("%w: %s, but its outputs do not sum to 1 over the levels", ErrModel, by)
	case form == likelihood.Logits && are:
		s.setForm(likelihood.Probabilities, "at trial they are from 0 to 1, with sum 1")
	}
	return nil
}

// setForm corrects what was read of the graph's end.
func (s *Signature) setForm(form likelihood.Form, why string) {
	switch h := s.Head.(type) {
	case likelihood.Categorical:
		h.Form = form
		s.Head = h
	case likelihood.Bernoulli:
		h.Form = form
		s.Head = h
	}
	for i, f := range s.Findings {
		if f.Part == "outputs" {
			s.Findings[i].Value, s.Findings[i].Why = form.String(), why
		}
	}
}
