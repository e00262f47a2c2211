package signature

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"pixelcnn/internal/format"
	"pixelcnn/internal/onnx"
)

// choose takes the reading that is right, or says why there is none.
func (s *Signature) choose(all []reading, told, opt Options, rt onnx.Runtime) (*Signature, error) {
	var candidates []*Signature
	var errs []error
	for _, r := range all {
		c := *s
		if len(all) > 1 {
			c.model = s.model.Clone()
		}
		if err := c.take(r, told, opt); err != nil {
			errs = append(errs, err)
			continue
		}
		candidates = append(candidates, &c)
	}
	switch {
	case len(candidates) == 0:
		return nil, errs[0]
	case len(candidates) == 1 && (rt == nil || s.Meta.Format != "" && (candidates[0].Channels == 1 || s.Meta.ColourOrder != "")):
		return candidates[0], nil
	}
	var right []*Signature
	var readings []reading
	errs = nil
	for _, c := range candidates {
		err := c.try(rt, len(candidates) > 1 || c.Channels > 1 && c.read.head != Mixture || c.maybeNext())
		if errors.Is(err, errUntried) && len(candidates) == 1 {
			return c, nil
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if c.Channels > 1 && c.read.head != Mixture {
			c.SetOrder(c.SubPixel, "at trial")
		}
		right, readings = append(right, c), append(readings, c.read)
	}
	switch len(right) {
	case 1:
		if len(candidates) > 1 {
			right[0].found("reading", fmt.Sprintf("picture %s, outputs %s", right[0].InputLayout, right[0].OutputLayout), "of %d the one whose pixels depend on earlier ones alone", len(candidates))
		}
		return right[0], nil
	case 0:
		for _, err := range errs { // a runtime that could not run it says nothing about the file
			if !errors.Is(err, errUntried) {
				return nil, err
			}
		}
		if len(candidates) == 1 {
			return nil, errs[0]
		}
		return nil, ambiguous(s.model.Graph, all)
	default:
		return nil, ambiguous(s.model.Graph, readings)
	}
}

// OrderOpen tells whether the outputs of a channel may depend on the pixel's earlier channels,
// though nothing says so.
func (s *Signature) OrderOpen() bool {
	return s.Channels > 1 && s.read.head != Mixture && s.Meta.ColourOrder == "" && !s.SubPixel
}

// SetOrder sets the order in which the channels of a pixel are drawn, and notes why.
func (s *Signature) SetOrder(subPixel bool, why string) {
	s.SubPixel = subPixel
	s.Findings = slices.DeleteFunc(s.Findings, func(f Finding) bool { return f.Part == "colour order" })
	value := "joint, all channels given earlier pixels alone"
	if subPixel {
		value = "sub-pixel, each channel given those before it"
	}
	s.found("colour order", value, "%s", why)
}

// maybeNext tells whether the network might be one that says at each place what comes next.
func (s *Signature) maybeNext() bool {
	return s.Encoding == Index && len(s.InputLayout.dims()) == 2 && s.StartToken == nil
}

// take makes s the signature of a reading, and rewrites its model into the one form.
func (s *Signature) take(r reading, told, opt Options) error {
	g := s.model.Graph
	in, out := g.Inputs[r.picture], g.Outputs[r.output]
	s.read, s.pictureAt, s.outputAt = r, r.picture, r.output
	s.Input, s.Output = in.Name, out.Name
	s.InputLayout, s.OutputLayout, s.Encoding = r.in, r.out, r.encoding
	s.Channels, s.Levels, s.StartToken = r.sizes['C'], cmp.Or(r.levels, 256), told.StartToken
	s.Height, s.Width = r.sizes['H'], r.sizes['W']
	if len(in.Shape) > 0 {
		s.Batch = max(0, in.Shape[0].Size)
	}
	if n := s.Levels; told.Levels == 0 && n > format.MinLevels && slices.Contains(told.StartToken, int64(n-1)) {
		return fmt.Errorf("%w: output %q has %d levels, of which the last is a start token: say --levels %d, or --levels %d if that is a level as well", ErrModel, out.Name, n, n-1, n)
	}
	for _, d := range []struct {
		name        string
		meta, sized int
	}{{"height", s.Meta.Height, s.Height}, {"width", s.Meta.Width, s.Width}} {
		if d.meta > 0 && d.meta != d.sized {
			return fmt.Errorf("%w: its metadata say %s %d, its input %q says %d", ErrModel, d.name, d.meta, in.Name, d.sized)
		}
	}
	s.SubPixel = s.Meta.ColourOrder == "sub-pixel"
	s.Findings = nil
	why := func(set, file bool, otherwise string) string {
		switch {
		case set:
			return "as it was set"
		case file:
			return "by its metadata"
		}
		return otherwise
	}
	s.found("picture", fmt.Sprintf("input %q, %s, %d×%d", s.Input, r.in, s.Height, s.Width), "%s",
		why(opt.InputLayout != "", s.Meta.InputLayout != "", "by its shape"))
	s.found("layout", r.out.String(), "%s", why(opt.OutputLayout != "", s.Meta.OutputLayout != "", fmt.Sprintf("by the picture's %d×%d", s.Height, s.Width)))
	if s.StartToken != nil {
		for _, token := range s.StartToken {
			if n := entries(g, in); n > 0 && (token < 0 || token >= int64(n)) {
				return fmt.Errorf("%w: the start token is %d, and the model knows the integers from 0 to %d", ErrConfig, token, n-1)
			}
		}
		s.found("start token", strings.Trim(fmt.Sprint(s.StartToken), "[]"), "%s", why(opt.StartToken != nil, true, ""))
	}
	if err := s.readOthers(told); err != nil {
		return err
	}
	if err := s.readClasses(); err != nil {
		return err
	}
	s.readHead(why(opt.Head != "", s.Meta.Head != "", ""), told)
	if err := s.readScale(); err != nil {
		return err
	}
	if err := s.resize(opt.Height, opt.Width); err != nil {
		return err
	}
	s.canonical()
	return nil
}

// readOthers reads the inputs beside the picture.
func (s *Signature) readOthers(told Options) error {
	s.classInput, s.ClassInput, s.Conditions = nil, "", nil
	for name := range told.Conditions {
		if name != "" && (s.input(name) < 0 || name == s.Input) {
			return fmt.Errorf("%w: it has no input %q beside the picture for a condition; it has %s", ErrConfig, name, s.others())
		}
	}
	if told.Label != "" && (s.input(told.Label) < 0 || told.Label == s.Input) {
		return fmt.Errorf("%w: its label is said to be input %q, which it is not; it has %s", ErrModel, told.Label, s.others())
	}
	unnamed, open := told.Conditions[""]
	for i, v := range s.model.Graph.Inputs {
		if i == s.pictureAt {
			continue
		}
		shape := onnx.Sizes(v.Shape)
		if len(shape) == 0 {
			return fmt.Errorf("%w: input %q has no dimension for the images", ErrModel, v.Name)
		}
		given, isCondition := told.Conditions[v.Name]
		if open && given == nil && v.Name != told.Label && (isCondition || told.Label != "" || !s.isNumber(v)) {
			given, isCondition, open = unnamed, true, false
		}
		switch {
		case v.Name == told.Label, !isCondition && told.Label == "" && s.isNumber(v) && s.classInput == nil:
			var err error
			if s.classInput, err = readClassInput(v, i); err != nil {
				return err
			}
			s.ClassInput = v.Name
		case isCondition || len(shape) > 2:
			c := Condition{Name: v.Name, DType: v.DType, Shape: shape[1:], at: i, table: entries(s.model.Graph, v)}
			if given != nil {
				if len(given) == len(c.Shape)+1 {
					given = given[1:]
				}
				if err := c.fits(given); err != nil {
					return err
				}
				c.Shape = given
				v.Shape = append(images(v), onnx.Shape(given...)...)
			}
			if slices.Contains(c.Shape, -1) {
				return fmt.Errorf("%w: condition %q is %v %v, of open size: it must be known when the model is read (--condition %s=FILE.npy)", ErrModel, c.Name, c.DType, shape, c.Name)
			}
			if c.tensor(1) == nil {
				return fmt.Errorf("%w: condition %q is %v, which is not known here", ErrModel, c.Name, c.DType)
			}
			s.Conditions = append(s.Conditions, c)
			s.found("condition", fmt.Sprintf("input %q, %v %v", v.Name, v.DType, c.Shape), "an input that is neither the picture nor a class")
		default:
			return fmt.Errorf("%w: input %q is %v %v, which may be a class or a condition: say --label %s, or --condition %s=FILE.npy",
				ErrModel, v.Name, v.DType, shape, v.Name, v.Name)
		}
		if n := v.Shape[0].Size; n > 0 && n != s.Batch {
			return fmt.Errorf("%w: input %q is for %d images, input %q is not", ErrModel, v.Name, n, s.Input)
		}
	}
	if open {
		return fmt.Errorf("%w: it has no input beside the picture for a condition", ErrConfig)
	}
	return nil
}

// isNumber tells whether an input is an integer for each image, as classes are.
func (s *Signature) isNumber(v *onnx.Value) bool {
	shape := onnx.Sizes(v.Shape)
	return (v.DType == onnx.Int64 || v.DType == onnx.Int32) && (len(shape) == 1 || len(shape) == 2 && shape[1] == 1)
}

// input is the place of an input, -1 where there is none of that name.
func (s *Signature) input(name string) int {
	for i, v := range s.model.Graph.Inputs {
		if v.Name == name {
			return i
		}
	}
	return -1
}

// others lists the inputs beside the picture.
func (s *Signature) others() string {
	var names []string
	for i, v := range s.model.Graph.Inputs {
		if i != s.pictureAt {
			names = append(names, fmt.Sprintf("%q", v.Name))
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}
