package signature

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pixelcnn/internal/format"
	"pixelcnn/internal/onnx"
)

// Encoding is how a level becomes what a network reads.
type Encoding string

const (
	Scaled Encoding = "scaled"  // a number in proportion, see [encoding.Scale]
	Index  Encoding = "index"   // the level, an integer
	OneHot Encoding = "one-hot" // a number for each level, of which the level's is 1
)

// encodings are the encodings of inputs by their type, where they are not one-hot.
var encodings = map[onnx.DType]Encoding{
	onnx.Float32: Scaled, onnx.Float64: Scaled, onnx.Float16: Scaled,
	onnx.Int64: Index, onnx.Int32: Index, onnx.Int16: Index, onnx.Int8: Index, onnx.Uint16: Index, onnx.Uint8: Index,
}

// errSay is wrapped by errors that name a flag which would settle it.
var errSay = errors.New("say")

// reading is one way to read a file.
type reading struct {
	picture, output int // places among the graph's inputs and outputs
	in, out         Layout
	encoding        Encoding
	head            string
	sizes           sizes
	levels          int // that are drawn, where the outputs may have more; 0 where it is not said
}

// inputLayouts are the layouts that are tried, by rank. One with L is one-hot.
var inputLayouts = map[int][]Layout{
	2: {"N(HW)", "N(HWC)", "N(CHW)", "N(HWL)"},
	3: {"NHW", "N(HW)C", "NC(HW)", "N(HW)L", "NL(HW)"},
	4: {"NCHW", "NHWC", "NLHW", "NHWL"},
	5: {"NLCHW", "NCLHW", "NCHWL", "NHWCL"},
}

// named checks that one of the values has the name that was asked for, unless that is empty.
func named(what, name string, all []*onnx.Value) error {
	var names []string
	for _, v := range all {
		names = append(names, strconv.Quote(v.Name))
	}
	if name == "" || slices.Contains(names, strconv.Quote(name)) {
		return nil
	}
	return fmt.Errorf("it has no %s %q; it has %s", what, name, strings.Join(names, ", "))
}

// readings are all ways in which the file can be read under the options, the likeliest first. Where
// there is none, the error says what stands in the way of the one that came furthest.
func (s *Signature) readings(opt Options) ([]reading, error) {
	g := s.model.Graph
	if err := named("input", opt.Input, g.Inputs); err != nil {
		return nil, err
	}
	if err := named("output", opt.Output, g.Outputs); err != nil {
		return nil, err
	}
	why := fmt.Errorf("it has no input for a picture")
	depth := 0
	fails := func(at int, format string, args ...any) {
		if at > depth {
			depth, why = at, fmt.Errorf(format, args...)
		}
	}
	var found []reading
	for i, v := range g.Inputs {
		if _, condition := opt.Conditions[v.Name]; condition || opt.Input != "" && v.Name != opt.Input || v.Name == opt.Label {
			continue
		}
		shape := onnx.Sizes(v.Shape)
		layouts := inputLayouts[len(shape)]
		if opt.InputLayout != "" {
			layouts = []Layout{opt.InputLayout}
		}
		encoding, ok := encodings[v.DType]
		if !ok {
			fails(1, "input %q is %v, which is not a type of pictures", v.Name, v.DType)
			continue
		}
		fails(1, "input %q is %v %v, which is not a picture; known layouts are %s", v.Name, v.DType, shape, spelled(inputLayouts))
		var ask error // the error where a flag would settle it
		fits := false // whether it can be a picture that is not one-hot
		for _, layout := range layouts {
			r := reading{picture: i, in: layout, encoding: encoding}
			if layout.has('L') {
				r.encoding = OneHot
			}
			if err := r.fitInput(v, opt); err != nil {
				fails(2, "%w", err)
				if errors.Is(err, errSay) {
					ask = cmp.Or(ask, err)
				}
				continue
			}
			fits = fits || r.encoding != OneHot
			for k, out := range g.Outputs {
				if opt.Output != "" && out.Name != opt.Output {
					continue
				}
				if opt.StartToken != nil && (r.encoding != Index || len(r.in.dims()) != 2) {
					fails(3, "a start token is for networks that read a sequence of integers, [N, H·W], and input %q is %v %v", v.Name, v.DType, shape)
					continue
				}
				r.output = k
				more, err := r.withOutput(s, out, opt)
				if err != nil {
					fails(4, "%w", err)
				}
				for _, next := range more {
					if !slices.ContainsFunc(found, next.same) {
						found = append(found, next)
					}
				}
			}
		}
		if ask != nil && !fits {
			fails(5, "%w", ask)
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, why)
	}
	// A picture of one row or column is taken only where there is no other way: [N, 1, 4, 4] is not
	// a row of four pixels with four channels.
	if wide := slices.DeleteFunc(slices.Clone(found), reading.thin); len(wide) > 0 && opt.Height == 0 && opt.Width == 0 {
		found = wide
	}
	return found, nil
}

// thin tells whether the pictures have one row or one column.
func (r reading) thin() bool { return r.sizes['H'] == 1 || r.sizes['W'] == 1 }

// same tells whether two readings mean the same: where there is one channel, "N(HWC)" is "N(HW)".
func (r reading) same(o reading) bool {
	return r.picture == o.picture && r.output == o.output && r.encoding == o.encoding && r.head == o.head && r.levels == o.levels &&
		r.in.flat(r.sizes) == o.in.flat(o.sizes) && r.out.flat(r.sizes) == o.out.flat(o.sizes)
}

// spelled lists layouts.
func spelled(byRank map[int][]Layout) string {
	var all []string
	for _, rank := range slices.Sorted(maps.Keys(byRank)) {
		for _, l := range byRank[rank] {
			all = append(all, string(l))
		}
	}
	return strings.Join(all, ", ")
}

// fitInput finds the sizes of the picture.
func (r *reading) fitInput(v *onnx.Value, opt Options) error {
	shape := onnx.Sizes(v.Shape)
	r.sizes = sizes{}
	if opt.Channels > 0 {
		r.sizes['C'] = opt.Channels
	}
	if !r.in.has('C') {
		if opt.Channels > 1 {
			return fmt.Errorf("input %q is %v, which has no room for %d channels", v.Name, shape, opt.Channels)
		}
		r.sizes['C'] = 1
	}
	open := opt.symbols(r.in, shape)
	if !r.in.fit(open, r.sizes) {
		return fmt.Errorf("input %q is %v, which does not fit a picture of %s", v.Name, shape, describe(r.sizes))
	}
	for letter, set := range map[rune]int{'H': opt.Height, 'W': opt.Width} {
		if _, known := r.sizes[letter]; !known && set > 0 {
			r.sizes[letter] = set
		}
	}
	if !r.in.fit(open, r.sizes) {
		return fmt.Errorf("input %q is %v, which does not fit a picture of %s", v.Name, shape, describe(r.sizes))
	}
	if _, ok := r.sizes['C']; !ok {
		return fmt.Errorf("input %q is %v and does not fix its channels: %w --channels N", v.Name, shape, errSay)
	}
	for _, d := range []struct {
		letter rune
		name   string
	}{{'H', "height"}, {'W', "width"}} {
		if r.sizes[d.letter] < 1 {
			return fmt.Errorf("input %q is %v, which fixes no %s: %w --height N --width N", v.Name, shape, d.name, errSay)
		}
	}
	if c := r.sizes['C']; opt.Channels == 0 && c != 1 && c != 3 && c != 4 {
		return fmt.Errorf("input %q is %v, a picture of %d channels: %w --channels %d if it is so", v.Name, shape, c, errSay, c)
	}
	if levels := r.sizes['L']; r.encoding == OneHot && (levels < format.MinLevels || levels > format.MaxLevels || opt.Levels > 0 && levels != opt.Levels) {
		return fmt.Errorf("input %q is %v, which is not a one-hot picture", v.Name, shape)
	}
	return nil
}

// symbols turns the shape in the file into one that has a place for each symbol: that in the file
// has places for the start tokens as well, and none for the last symbol.
func (o Options) symbols(l Layout, shape []int) []int {
	return places(l, slices.Clone(shape), -max(0, len(o.StartToken)-1))
}

// places adds to the dimension of a shape along which the places of a sequence lie.
func places(l Layout, shape []int, more int) []int {
	for i, letters := range l.dims() {
		if i < len(shape) && strings.Contains(letters, "HW") && shape[i] > 0 {
			shape[i] += more
		}
	}
	return shape
}

// describe says what is known of sizes.
func describe(s sizes) string {
	var parts []string
	for _, d := range []struct {
		letter rune
		name   string
	}{{'C', "channels"}, {'H', "height"}, {'W', "width"}, {'L', "levels"}} {
		if n, ok := s[d.letter]; ok {
			parts = append(parts, fmt.Sprintf("%s %d", d.name, n))
		}
	}
	return strings.Join(parts, ", ")
}
