package signature

import (
	"fmt"
	"slices"
	"strings"
)

// Layout is the order of a tensor's dimensions, a letter for each: N images, C channels,
// H rows, W columns, L levels, K outputs of a pixel. Letters in parentheses share a dimension,
// of which the last letter changes fastest: [N, H·W, L] is "N(HW)L".
type Layout string

// The layouts that every network is rewritten to.
const (
	pictures Layout = "NCHW"
	outputs  Layout = "NKHW"
)

// dims are the letters of each dimension.
func (l Layout) dims() []string {
	var dims []string
	open := false
	for _, c := range string(l) {
		switch {
		case c == '(':
			open = true
			dims = append(dims, "")
		case c == ')':
			open = false
		case open:
			dims[len(dims)-1] += string(c)
		default:
			dims = append(dims, string(c))
		}
	}
	return dims
}

// letters are those of all dimensions in turn.
func (l Layout) letters() string { return strings.NewReplacer("(", "", ")", "").Replace(string(l)) }

// has tells whether a letter is one of the layout's.
func (l Layout) has(letter rune) bool { return strings.ContainsRune(string(l), letter) }

// String spells the layout out, as [batch, levels, height, width].
func (l Layout) String() string {
	words := strings.NewReplacer("N", "batch·", "C", "channels·", "H", "height·", "W", "width·", "L", "levels·", "K", "outputs·")
	var dims []string
	for _, d := range l.dims() {
		dims = append(dims, strings.TrimSuffix(words.Replace(d), "·"))
	}
	return "[" + strings.Join(dims, ", ") + "]"
}

// check tells whether the layout has N first and each letter of allowed once, H and W among
// them.
func (l Layout) check(allowed string) error {
	letters, depth := l.letters(), 0
	for _, c := range string(l) {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth < 0 || depth > 1 {
			return fmt.Errorf("%w: layout %q has parentheses that do not fit", ErrConfig, string(l))
		}
	}
	ok := depth == 0 && !slices.Contains(l.dims(), "") && len(l) > 0 && l[0] == 'N' && strings.Contains(letters, "H") && strings.Contains(letters, "W")
	for i, c := range letters {
		ok = ok && strings.ContainsRune(allowed, c) && strings.IndexRune(letters, c) == i
	}
	if !ok {
		return fmt.Errorf("%w: layout is %q, must be letters of %s, each once, N first, with H and W, as %q or %q", ErrConfig, string(l), allowed, "NCHW", "N(HW)C")
	}
	return nil
}

// sizes are the sizes of a layout's letters; a letter whose size is not known is not in it.
type sizes map[rune]int

func (s sizes) clone() sizes {
	c := sizes{}
	for k, v := range s {
		c[k] = v
	}
	return c
}

// fit adds to s what a shape says of the layout's letters. It is false where a tensor of that shape
// does not have this layout and these sizes. A dimension of -1 may be anything.
func (l Layout) fit(shape []int, s sizes) bool {
	dims := l.dims()
	if len(dims) != len(shape) {
		return false
	}
	for i, letters := range dims {
		if letters == "N" || shape[i] < 0 {
			continue
		}
		known, open := 1, ""
		for _, c := range letters {
			if n, ok := s[c]; ok {
				known *= n
			} else {
				open += string(c)
			}
		}
		switch len(open) {
		case 0:
			if shape[i] != known {
				return false
			}
		case 1:
			if known < 1 || shape[i] < 1 || shape[i]%known != 0 {
				return false
			}
			s[rune(open[0])] = shape[i] / known
		}
	}
	return true
}

// shape is that of a tensor of n images. All letters must be known.
func (l Layout) shape(n int, s sizes) []int {
	var shape []int
	for _, letters := range l.dims() {
		size := 1
		for _, c := range letters {
			if c == 'N' {
				size = n
			} else {
				size *= s[c]
			}
		}
		shape = append(shape, size)
	}
	return shape
}

// flat is the layout with a dimension for each letter, those of size 1 left out.
func (l Layout) flat(s sizes) Layout {
	var flat []rune
	for _, c := range l.letters() {
		if c == 'N' || s[c] != 1 {
			flat = append(flat, c)
		}
	}
	return Layout(flat)
}
