package goruntime

import (
	"slices"

	"pixelcnn/internal/onnx"
)

// window is one spatial dimension of a convolution.
type window struct{ in, out, kernel, stride, dilation, begin int }

// maxWindow bounds strides, dilations, pads and kernels, so that no sum overflows.
const maxWindow = 1 << 24

// windows reads a Conv node: one window per spatial dimension.
func (n *node) windows(x, w []int) ([]window, error) {
	rank := len(x) - 2
	get := func(name string, count int, def int64) ([]int64, error) {
		v, ok := n.Attrs[name].([]int64)
		if !ok {
			return slices.Repeat([]int64{def}, count), nil
		}
		if len(v) != count {
			return nil, errorf("%d %s, should be %d", len(v), name, count)
		}
		for _, k := range v {
			if k < def || k > maxWindow {
				return nil, errorf("%s %v out of range", name, v)
			}
		}
		return v, nil
	}
	stride, err := get("strides", rank, 1)
	if err != nil {
		return nil, err
	}
	dilation, err := get("dilations", rank, 1)
	if err != nil {
		return nil, err
	}
	pads, err := get("pads", 2*rank, 0)
	if err != nil {
		return nil, err
	}
	if k, ok := n.Attrs["kernel_shape"].([]int64); ok && !slices.EqualFunc(k, w[2:], func(a int64, b int) bool { return a == int64(b) }) {
		return nil, errorf("kernel_shape %v for a weight of shape %v", k, w)
	}
	auto := n.Attrs.String("auto_pad", "NOTSET")
	out := make([]window, rank)
	for i := range out {
		o := window{in: x[i+2], kernel: w[i+2], stride: int(stride[i]), dilation: int(dilation[i]), begin: int(pads[i])}
		if o.in > maxWindow || o.kernel > maxWindow || o.kernel < 1 {
			return nil, errorf("a kernel of shape %v on shape %v", w, x)
		}
		reach := (o.kernel-1)*o.dilation + 1
		end := int(pads[i+rank])
		switch auto {
		case "NOTSET":
		case "VALID":
			o.begin, end = 0, 0
		case "SAME_UPPER", "SAME_LOWER":
			total := max(0, ((o.in+o.stride-1)/o.stride-1)*o.stride+reach-o.in)
			o.begin, end = total/2, total-total/2
			if auto == "SAME_LOWER" {
				o.begin, end = end, o.begin
			}
		default:
			return nil, errorf("auto_pad %q", auto)
		}
		if o.out = (o.in+o.begin+end-reach)/o.stride + 1; o.in+o.begin+end < reach {
			return nil, errorf("a kernel of shape %v on shape %v with its pads", w, x)
		}
		out[i] = o
	}
	return out, nil
}

// piece is a part of what one tap reads: n pixels from pixel from on, the image's
// last dimension being read by steps; they go to pixels to, to+1, …. The padding has
// from = -1.
type piece struct{ to, from, n int32 }

// tap lists what a kernel position reads, for the pixels of each strip of a result.
// A piece may cover pixels that a later piece of padding clears.
func tap(windows []window, position, strip, pixels int) [][]piece {
	// Offsets of the position, and the sizes of one row.
	k := make([]int, len(windows))
	for i, w := range slices.Backward(windows) {
		k[i] = position % w.kernel
		position /= w.kernel
	}
	last := len(windows) - 1
	row := windows[last]
	first := k[last]*row.dilation - row.begin // input column of output column 0
	lo := min(max(0, (-first+row.stride-1)/row.stride), row.out)
	hi := lo
	if first < row.in {
		hi = min(max(lo, (row.in-1-first)/row.stride+1), row.out)
	}

	var copies, zeros []piece
	for y := 0; y < pixels; y += row.out {
		from, inside := 0, true
		rest := y / row.out
		scale := row.in
		for i := last - 1; i >= 0; i-- {
			w := windows[i]
			at := rest%w.out*w.stride + k[i]*w.dilation - w.begin
			inside = inside && at >= 0 && at < w.in
			from += at * scale
			scale *= w.in
			rest /= w.out
		}
		if !inside || lo >= hi {
			zeros = join(zeros, piece{int32(y), -1, int32(row.out)}, 1)
			continue
		}
		zeros = join(zeros, piece{int32(y), -1, int32(lo)}, 1)
		zeros = join(zeros, piece{int32(y + hi), -1, int32(row.out - hi)}, 1)
		copies = join(copies, piece{int32(y + lo), int32(from + first + lo*row.stride), int32(hi - lo)}, row.stride)
	}
	parts := make([][]piece, (pixels+strip-1)/strip)
	for _, r := range slices.Concat(copies, zeros) {
		for r.n > 0 {
			s := int(r.to) / strip
			n := min(int(r.n), (s+1)*strip-int(r.to))
			parts[s] = append(parts[s], piece{r.to - int32(s*strip), r.from, int32(n)})
			r.to, r.n = r.to+int32(n), r.n-int32(n)
			if r.from >= 0 {
				r.from += int32(n * row.stride)
			}
		}
	}
	return parts
}

// join appends a run, or lengthens the last one. Two copies that are a few columns
// of padding apart become one where their pixels are equally far apart on both
// sides: one long copy and some zeros are faster than many short copies.
func join(runs []piece, r piece, stride int) []piece {
	if r.n == 0 {
		return runs
	}
	if len(runs) > 0 {
		l := &runs[len(runs)-1]
		gap := r.to - l.to - l.n
		touches := gap == 0 && r.from < 0
		if touches || r.from >= 0 && stride == 1 && gap <= maxGap && r.from-l.from == r.to-l.to {
			l.n = r.to + r.n - l.to
			return runs
		}
	}
	return append(runs, r)
}

// maxGap is how many columns of padding a copy may run over.
const maxGap = 8

// live lists the rows of a group's weights, [channels·positions], that are not zero
// throughout: a masked convolution has many that are.
func live(w *value, group, outs, rows int) []int {
	all := make([]int, 0, rows)
	for r := range rows {
		keep := !w.known
		if w.known {
			d := w.floats()[group*outs*rows:]
			for o := 0; o < outs && !keep; o++ {
				keep = d[o*rows+r] != 0
			}
		}
		if keep {
			all = append(all, r)
		}
	}
	return all
}

// wantWeights checks a weight and a bias against an argument.
func wantWeights(x, w, b *value, groups int) error {
	for _, v := range present([]*value{x, w, b}) {
		if err := wantType(v, onnx.Float32); err != nil {
			return err
		}
	}
	if x.rank() < 3 || w.rank() != x.rank() {
		return errorf("a weight of shape %v for shape %v", w.shape, x.shape)
	}
	if groups < 1 || groups > max(1, w.shape[0]) || w.shape[0]%groups != 0 || x.shape[1] != w.shape[1]*groups {
		return errorf("a weight of shape %v in %d groups for shape %v", w.shape, groups, x.shape)
	}
	if b != nil && (b.rank() != 1 || b.count != w.shape[0]) {
		return errorf("a bias of shape %v for a weight of shape %v", b.shape, w.shape)
	}
	return nil
}
