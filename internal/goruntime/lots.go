package goruntime

import (
	"pixelcnn/internal/goruntime/kernel"
	"pixelcnn/internal/onnx"
)

// sparse is a factor that is moved from elsewhere, such as the neighbours of each pixel,
// where its rows have much in common: it need not be laid out, since the product reads
// what is moved where it is, and skips what is zero.
type sparse struct {
	right bool // which factor it is
	lots  []lot
	rowB  int // of a right factor, the elements from one of its source's rows to the next

	border int // of a picture, pixels of zeros to the left and the right of its lines
}

// A lot is a part of a product: some rows and columns of the result, over some of the
// columns of A. It may be repeated further down.
type lot struct {
	row, rows int // of the result
	apart     int // rows of the result from one of them to the next
	col, cols int
	times     int // how often it is there
	down      int // rows of the result from one to the next
	downA     int // elements of A from one to the next
	rowA      int // elements of A from row to row
	b         int // where B begins
	stretches []stretch
}

// A stretch is some consecutive columns of A.
type stretch struct {
	a, step int // its first element, and the distance to the next
	k       int
	skip    int // rows of B before its own
}

// Where lots are smaller than that on average, reading them one by one takes longer
// than laying the factor out.
const (
	leastRows  = 4
	leastDepth = 4
)

// maxPlaces bounds the elements of a factor that are looked at to find lots.
const maxPlaces = 1 << 22

// leftLots finds the lots of a product whose left factor has its elements from places.
// It is nil where they do not pay.
func leftLots(places []int32, f *factors) []lot {
	lots := lotsOf(places, f.m, f.k, f.rowA, f.stepA, 0)
	rows, all, stretches, depth := 0, 0, 0, 0
	for i := range lots {
		l := &lots[i]
		l.cols = f.n
		rows, all = rows+l.times*l.rows, all+l.times
		stretches += l.times * len(l.stretches)
		for _, s := range l.stretches {
			depth += l.times * s.k
		}
	}
	if rows < leastRows*all || depth < leastDepth*stretches {
		return nil
	}
	for i := range lots {
		lots[i] = lots[i].turned()
	}
	return lots
}

// lotsOf finds the rows of an m×k matrix that are alike; element (i, j) of it is from
// places[i·row + j·step]. The rows of a lot are apart places from each other, where that is
// not 0.
func lotsOf(places []int32, m, k, row, step, apart int) []lot {
	at := func(i, j int) int32 { return places[i*row+j*step] }
	var lots []lot
	for i := 0; i < m; {
		l := lot{row: i, rows: 1, apart: 1, times: 1}
		skip := 0
		for j := 0; j < k; {
			if at(i, j) < 0 {
				skip++
				j++
				continue
			}
			s := stretch{a: int(at(i, j)), step: 1, k: 1, skip: skip}
			skip = 0
			if j+1 < k && at(i, j+1) > at(i, j) {
				s.step = int(at(i, j+1) - at(i, j))
			}
			for j++; j < k && int(at(i, j)) == s.a+s.k*s.step; j++ {
				s.k++
			}
			l.stretches = append(l.stretches, s)
		}
		// The rows below that are alike, so much further on.
		for i++; i < m; i++ {
			d, ok := shift(at, i-1, i, k)
			if !ok || d != apart && apart > 0 && len(l.stretches) > 0 || d != l.rowA && l.rows > 1 {
				break
			}
			l.rowA = d
			l.rows++
		}
		lots = append(lots, l)
	}
	return repeated(lots)
}

// turned is the lot with its rows and its times the other way round, where that makes more
// rows of very few. Then the rows lie far apart, which a cache takes badly, but the kernel
// takes less than four rows worse.
func (l lot) turned() lot {
	if l.rows < leastRows && l.times > l.rows {
		l.rows, l.times = l.times, l.rows
		l.apart, l.down = l.down, l.apart
		l.rowA, l.downA = l.downA, l.rowA
	}
	return l
}

// shift is how much further on than those of row i the elements of row j are; ok is
// false where that is not the same for all, or not further on.
func shift(at func(i, j int) int32, i, j, k int) (d int, ok bool) {
	first := true
	for c := range k {
		x, y := at(i, c), at(j, c)
		switch {
		case x < 0 && y < 0:
		case x < 0 || y < x:
			return 0, false
		case first:
			d, first = int(y-x), false
		case int(y-x) != d:
			return 0, false
		}
	}
	return d, true
}

// repeated joins lots that are alike and equally far apart.
func repeated(lots []lot) []lot {
	var out []lot
next:
	for _, l := range lots {
		for i := range out {
			o := &out[i]
			if !o.alike(&l) {
				continue
			}
			down, downA := l.row-o.row, 0
			if len(l.stretches) > 0 {
				downA = l.stretches[0].a - o.stretches[0].a
			}
			if o.times > 1 && (down != o.times*o.down || downA != o.times*o.downA) || downA < 0 {
				continue
			}
			if o.times == 1 {
				o.down, o.downA = down, downA
			}
			o.times++
			continue next
		}
		out = append(out, l)
	}
	return out
}

// alike tells whether two lots differ in where they begin only.
func (l *lot) alike(o *lot) bool {
	if l.rows != o.rows || l.rowA != o.rowA || len(l.stretches) != len(o.stretches) {
		return false
	}
	for i, p := range l.stretches {
		q := o.stretches[i]
		p.a += o.stretches[0].a - l.stretches[0].a
		if p != q {
			return false
		}
	}
	return true
}

// rightLots finds the lots of a product whose right factor has its elements from places,
// and the distance between rows there. lots is nil where they do not pay, or the kernel
// cannot read them.
func rightLots(places []int32, f *factors) (lots []lot, rowB int) {
	at := func(i, j int) int { return int(places[i*f.rowB+j*f.stepB]) }
	for j := 0; j < f.n; {
		l := lot{rows: f.m, apart: 1, col: j, cols: 1, times: 1, rowA: f.rowA}
		for ; j+l.cols < f.n; l.cols++ { // as many columns as lie side by side in all rows
			beside := true
			for i := 0; beside && i < f.k; i++ {
				x, y := at(i, j+l.cols-1), at(i, j+l.cols)
				beside = x < 0 && y < 0 || x >= 0 && y == x+1
			}
			if !beside {
				break
			}
		}
		last := -1 // row of B that was read last, counted from the first
		for i := 0; i < f.k; {
			if at(i, j) < 0 {
				i++
				continue
			}
			p := stretch{a: i * f.stepA, step: f.stepA, k: 1}
			if i+1 < f.k && at(i+1, j) > at(i, j) && rowB == 0 {
				rowB = at(i+1, j) - at(i, j)
			}
			if len(l.stretches) == 0 {
				l.b = at(i, j)
			}
			from := at(i, j) - l.b
			if rowB == 0 || from%rowB != 0 || from/rowB <= last {
				return nil, 0
			}
			p.skip = from/rowB - last - 1
			for i++; i < f.k && at(i, j) == l.b+from+p.k*rowB; i++ {
				p.k++
			}
			last = from/rowB + p.k - 1
			l.stretches = append(l.stretches, p)
		}
		if l.cols%kernel.Panel != 0 || f.k < leastDepth*len(l.stretches) {
			return nil, 0
		}
		lots = append(lots, l)
		j += l.cols
	}
	return lots, rowB
}

// sparseKey is what the lots of a product depend on.
type sparseKey struct {
	node   *onnx.Node
	shapes string // of the graph's inputs
}

// sparse finds the lots of a product one of whose factors is moved from elsewhere. It
// returns none where it is not, or they do not pay.
func (p *binder) sparse(n *node, f *factors) *sparse {
	if len(f.at) != 1 || f.m == 0 || f.n == 0 || f.k == 0 || f.a.source() == f.a && f.b.source() == f.b {
		return nil
	}
	key := sparseKey{n.Node, p.shapes}
	p.packs.mu.Lock()
	defer p.packs.mu.Unlock()
	s, ok := p.packs.sparse[key]
	if !ok {
		s = findSparse(f)
		p.packs.sparse[key] = s
	}
	return s
}

func findSparse(f *factors) *sparse {
	if f.a.source() != f.a {
		if lots := leftLots(f.a.places(), f); lots != nil {
			return &sparse{lots: lots}
		}
	}
	if f.b.source() != f.b {
		if lots, rowB := rightLots(f.b.places(), f); lots != nil {
			return &sparse{lots: lots, right: true, rowB: rowB}
		}
	}
	return nil
}
