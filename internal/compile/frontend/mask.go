package frontend

import (
	"fmt"
	"math"
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// maskedScores is what a mask and all that is beside it come to.
type maskedScores struct {
	heads           []int
	readers, places int
	scale           float64
	summand         plane   // what is added to a score, the largest of each row 0
	live, counted   [][]int // by reader, the places that it looks at, and those that it takes values from
	factor          []float64
	self            bool
	why             string // that it cannot be computed so
}

// unseen is how much lower than the largest of its row a summand is that hides a place:
// float32's exp is zero below −104, and scores do not differ by the rest.
const unseen = 1000

// masked finds what is seen.
func masked(s *scores, heads []int, readers, places int) *maskedScores {
	m := &maskedScores{heads: heads, readers: readers, places: places, scale: math.NaN(), self: readers == places && !s.key.src.Static()}
	m.summand.size = [3]int{1, readers, places}
	if max(s.plus.size[0], s.by.size[0]) > 1 {
		m.summand.size[0] = len(heads)
	}
	m.summand.data = make([]float64, product(m.summand.size[:]))
	for i := range readers {
		m.hide(s, i)
		m.count(s, i)
		m.self = m.self && slices.Contains(m.counted[i], i)
	}
	if math.IsNaN(m.scale) {
		m.scale = 1
	}
	return m
}

// refuse notes the first reason that it cannot be computed.
func (m *maskedScores) refuse(format string, args ...any) {
	if m.why == "" {
		m.why = fmt.Sprintf(format, args...)
	}
}

// hide finds what reader i looks at, and what is added to the scores of that.
func (m *maskedScores) hide(s *scores, i int) {
	sees := make([]bool, m.places)
	for k := range m.summand.size[0] {
		h := m.heads[k]
		top := math.Inf(-1)
		for j := range m.places {
			top = math.Max(top, s.plus.at(h, i, j)) // a NaN stays
		}
		if math.IsNaN(top) || math.IsInf(top, 0) {
			if !math.IsInf(top, -1) || !s.safe {
				m.refuse("pixel %d has no scores that are numbers", i)
			}
			top = 0
		}
		for j := range m.places {
			b := s.plus.at(h, i, j) - top
			if b <= -unseen {
				b = math.Inf(-1)
			} else {
				sees[j] = true
			}
			m.summand.data[(k*m.readers+i)*m.places+j] = b
		}
	}
	m.live = append(m.live, where(sees))
}

// count finds of what reader i looks at what it takes values from, and by which factor.
func (m *maskedScores) count(s *scores, i int) {
	factor := math.NaN()
	var counted []int
	for _, j := range m.live[i] {
		counts := false
		for k := range s.weight.size[0] {
			f := s.weight.at(m.heads[k], i, j)
			if counts = counts || f != 0; math.IsNaN(factor) && f != 0 {
				factor = f
			} else if f != 0 && f != factor {
				m.refuse("its weights have different factors")
			}
		}
		if counts {
			counted = append(counted, j)
		}
	}
	if len(counted) == 0 { // nothing of what it looks at matters
		m.live[i], factor = nil, 0
	} else if len(counted) < len(m.live[i]) {
		m.refuse("it takes no values from some of the pixels that it looks at")
	}
	for _, j := range m.live[i] {
		for k := range m.summand.size[0] {
			if by := s.by.at(m.heads[k], i, j); math.IsNaN(m.scale) {
				m.scale = by
			} else if by != m.scale && !math.IsInf(m.summand.at(k, i, j), -1) {
				m.refuse("its scores have different scales")
			}
		}
	}
	m.counted, m.factor = append(m.counted, counted), append(m.factor, factor)
}

// where is the places that are set.
func where(set []bool) (at []int) {
	for j, s := range set {
		if s {
			at = append(at, j)
		}
	}
	return at
}

// keys is the mask of what is looked at, in rows of so many places.
func (m *maskedScores) keys(w int) *ir.Mask { return m.mask(m.live, w) }

// values is the mask of what values are taken from.
func (m *maskedScores) values(w int) *ir.Mask { return m.mask(m.counted, w) }

// mask leaves out the own place where that is apart.
func (m *maskedScores) mask(sees [][]int, w int) *ir.Mask {
	out := &ir.Mask{W: w, Sees: make([][]ir.Span, m.readers)}
	for i, at := range sees {
		if m.self {
			at = slices.DeleteFunc(slices.Clone(at), func(j int) bool { return j == i })
		}
		out.Sees[i] = spans(at)
	}
	return out
}

// spans are places in ascending order.
func spans(at []int) (out []ir.Span) {
	for _, j := range at {
		if n := len(out); n > 0 && out[n-1].To == j {
			out[n-1].To++
		} else {
			out = append(out, ir.Span{From: j, To: j + 1})
		}
	}
	return out
}

// most is how many places one of them looks at, at most.
func (m *maskedScores) most() (n int) {
	for _, at := range m.live {
		n = max(n, len(at))
	}
	return n
}

// bias is what is added to the scores; nil where that is the same for all that are seen.
func (m *maskedScores) bias() *onnx.Tensor {
	plain := m.summand.size[0] == 1
	for i := range m.readers {
		for _, j := range m.live[i] {
			plain = plain && m.summand.at(0, i, j) == 0
		}
	}
	if plain {
		return nil
	}
	out := make([]float32, len(m.summand.data))
	for k, x := range m.summand.data {
		out[k] = float32(x)
	}
	return onnx.NewTensor(out, m.summand.size[:]...)
}

// factors is what each result is multiplied by, for so many positions; nil for ones.
func (m *maskedScores) factors(positions int) []float32 {
	if !slices.ContainsFunc(m.factor, func(f float64) bool { return f != 1 }) {
		return nil
	}
	out := make([]float32, positions)
	for i, f := range m.factor {
		out[i] = float32(f)
	}
	return out
}

// refused is the error of what cannot be computed, nil where all can.
func (m *maskedScores) refused(n *onnx.Node) error {
	if m.why == "" {
		return nil
	}
	return &ir.UnsupportedError{Node: n.String(), Op: n.Op, Reason: m.why}
}
