package ir

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"pixelcnn/internal/onnx"
)

// conforms checks what an access says against its own At, position by position. Each
// kind of access goes through it.
func conforms(t *testing.T, a Access, reader, source Rect, by, of Clock) {
	t.Helper()
	positions := func(a Access, y, x int) (list [][2]int) {
		for k := 0; ; k++ {
			yy, xx, ok := a.At(y, x, k)
			if !ok {
				return list
			}
			list = append(list, [2]int{yy, xx})
		}
	}
	from := make([]int32, source.H()*source.W())
	for p := range from {
		from[p] = int32(p*7%11 - 1)
	}
	want, got := make([]int32, reader.H()*reader.W()), make([]int32, reader.H()*reader.W())
	image := Rect{}
	least, most, reads := 1<<30, -1<<30, false
	for y := range reader.H() {
		for x := range reader.W() {
			p := y*reader.W() + x
			want[p] = int32(p % 3)
			got[p] = want[p]
			for _, q := range positions(a, y, x) {
				yy, xx := q[0], q[1]
				image = image.Cover(Rect{yy, xx, yy + 1, xx + 1})
				if source.Has(yy, xx) {
					want[p] = max(want[p], from[yy*source.W()+xx])
					lag := of.Y*yy + of.X*xx - by.Y*y - by.X*x
					least, most, reads = min(least, lag), max(most, lag), true
				}
			}
			before, after := Shift{2, -1}, Shift{-3, 5}
			moved := positions(a, y+before.DY, x+before.DX)
			for i := range moved {
				moved[i][0], moved[i][1] = moved[i][0]+after.DY, moved[i][1]+after.DX
			}
			if got := positions(a.Moved(before, after), y, x); !slices.Equal(got, moved) {
				t.Errorf("%v, moved by %v and %v, reads %v at (%d, %d), should be %v", a, before, after, got, y, x, moved)
			}
		}
	}
	if got := a.Image(reader); got != image {
		t.Errorf("%v of %v has image %v, should be %v", a, reader, got, image)
	}
	if a.Latest(got, from, reader, source); !slices.Equal(got, want) {
		t.Errorf("%v of %v from %v: latest %v, should be %v", a, reader, source, got, want)
	}
	if l, m := a.Lag(reader, source, by, of); reads && (l != least || m != most) {
		t.Errorf("%v of %v from %v, clocks %v and %v: lag %d to %d, should be %d to %d", a, reader, source, by, of, l, m, least, most)
	}
}

func TestShiftConforms(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		clock := func() Clock { return Clock{Y: 1 + rng.IntN(5), X: rng.IntN(2)} }
		a := Shift{rng.IntN(7) - 3, rng.IntN(9) - 4}
		conforms(t, a, Sized(1+rng.IntN(5), 1+rng.IntN(6)), Sized(1+rng.IntN(5), 1+rng.IntN(6)), clock(), clock())
	}
}

func TestFlatConforms(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	shift := func() Shift { return Shift{rng.IntN(3) - 1, rng.IntN(3) - 1} }
	for range 300 {
		w := 1 + rng.IntN(6)
		clock := func() Clock { return Clock{Y: 1 + rng.IntN(7), X: rng.IntN(2)} }
		var a Access = Flat{W: w, By: rng.IntN(9) - 4, Lo: rng.IntN(3), Hi: 5 + rng.IntN(20)}
		if rng.IntN(2) == 0 {
			a = a.Moved(shift(), shift())
		}
		conforms(t, a, Sized(1+rng.IntN(5), w), Sized(1+rng.IntN(5), w), clock(), clock())
	}
}

func TestAttendedConforms(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	shift := func() Shift { return Shift{rng.IntN(3) - 1, rng.IntN(3) - 1} }
	for range 300 {
		h, w := 1+rng.IntN(4), 1+rng.IntN(5)
		m := &Mask{W: w, Sees: make([][]Span, h*w)}
		kind := rng.IntN(3)
		for i := range m.Sees {
			switch {
			case kind < 2 && i+kind > 0:
				m.Sees[i] = []Span{{0, i + kind}}
			case kind == 2:
				for from := rng.IntN(3); from < h*w; {
					to := min(h*w, from+1+rng.IntN(2*w))
					m.Sees[i] = append(m.Sees[i], Span{from, to})
					from = to + 1 + rng.IntN(3)
				}
			}
		}
		clock := func() Clock { return Clock{Y: 1 + rng.IntN(5), X: rng.IntN(2)} }
		var a Access = Attend(m)
		if rng.IntN(2) == 0 {
			a = a.Moved(shift(), shift())
		}
		conforms(t, a, Sized(h, w), Sized(h, w), clock(), clock())
		readers, want, got := make([]bool, h*w), map[[2]int]bool{}, map[[2]int]bool{}
		for p := range readers {
			if readers[p] = rng.IntN(2) == 0; !readers[p] {
				continue
			}
			for k := 0; ; k++ {
				y, x, ok := a.At(p/w, p%w, k)
				if !ok {
					break
				}
				want[[2]int{y, x}] = true
			}
		}
		a.(Attended).Seen(readers, w, func(y, x int) { got[[2]int{y, x}] = true })
		if !maps.Equal(got, want) {
			t.Errorf("%v seen from %v: %v, should be %v", a, readers, got, want)
		}
	}
}

// TestFlat: a shift by one, by hand; and two of them, one after the other.
func TestFlat(t *testing.T) {
	f := Flat{W: 3, By: -1, Lo: 0, Hi: 6}
	for _, c := range []struct{ y, x, wantY, wantX int }{{0, 1, 0, 0}, {1, 0, 0, 2}, {1, 2, 1, 1}, {2, 0, 1, 2}} {
		if y, x, ok := f.At(c.y, c.x, 0); !ok || y != c.wantY || x != c.wantX {
			t.Errorf("(%d, %d) reads (%d, %d), should read (%d, %d)", c.y, c.x, y, x, c.wantY, c.wantX)
		}
	}
	for _, g := range []Flat{{W: 3, By: -2, Lo: 1, Hi: 5}, {W: 3, By: 4, Lo: 0, Hi: 9}} {
		both, ok := f.Then(g)
		for i := range 9 {
			// g says which place of the value between is read, f which one that is of the source.
			y, x, there := g.At(i/3, i%3, 0)
			if there {
				y, x, there = f.At(y, x, 0)
			}
			if gotY, gotX, got := both.At(i/3, i%3, 0); !ok || got != there || got && (gotY != y || gotX != x) {
				t.Errorf("%v by way of %v: place %d reads (%d, %d), should read (%d, %d)", f, g, i, gotY, gotX, y, x)
			}
		}
	}
}

// TestTap: the taps of kernels, worked out by hand: where they read, and their names.
func TestTap(t *testing.T) {
	three := onnx.Window{Kernel: 3, Stride: 1, Dilation: 1, Begin: 1}
	wide := onnx.Window{Kernel: 3, Stride: 1, Dilation: 2, Begin: 2}
	cut := onnx.Window{Kernel: 2, Stride: 1, Dilation: 1, Begin: 2} // padded by more than it needs
	for _, c := range []struct {
		k             int
		rows, columns onnx.Window
		want          Shift
		text, suffix  string
	}{
		{0, three, three, Shift{-1, -1}, "the tap (-1, -1)", "m1_m1"},
		{4, three, three, Shift{0, 0}, "the tap (0, 0), the pixel itself", "p0_p0"},
		{5, three, three, Shift{0, 1}, "the tap (+0, +1)", "p0_p1"},
		{2, three, wide, Shift{-1, 2}, "the tap (-1, +2)", "m1_p2"},
		{7, wide, three, Shift{2, 0}, "the tap (+2, +0)", "p2_p0"},
		{3, cut, cut, Shift{-1, -1}, "the tap (-1, -1)", "m1_m1"},
	} {
		got := Tap(c.k, c.rows, c.columns)
		if got != c.want || got.String() != c.text || got.Suffix() != c.suffix {
			t.Errorf("tap %d is %#v, %q, %q; should be %#v, %q, %q", c.k, got, got.String(), got.Suffix(), c.want, c.text, c.suffix)
		}
	}
}

// opaque is an access that composes with nothing but shifts.
type opaque struct{ Shift }

func (o opaque) Moved(before, after Shift) Access {
	return opaque{o.Shift.Moved(before, after).(Shift)}
}

// TestThrough: reading by way of another unit.
func TestThrough(t *testing.T) {
	picture := &Unit{Kind: Picture, Channels: 1}
	for _, c := range []struct {
		outer, inner, want Access // nil where they are none together
	}{
		{Shift{0, -1}, Shift{-2, 3}, Shift{-2, 2}},
		{opaque{Shift{0, -1}}, Shift{-2, 3}, opaque{Shift{-2, 2}}},
		{Shift{0, -1}, opaque{Shift{-2, 3}}, opaque{Shift{-2, 2}}},
		{opaque{Shift{0, -1}}, opaque{Shift{-2, 3}}, nil},
	} {
		middle := &Unit{Kind: Linear, Channels: 1, Args: []Arg{{Src: picture, Access: c.inner}}}
		got, ok := Arg{Src: middle, Access: c.outer}.Through()
		if ok != (c.want != nil) || ok && (got[0].Access != c.want || got[0].Src != picture) {
			t.Errorf("%#v by way of %#v is %#v, %v; should be %#v", c.inner, c.outer, got, ok, c.want)
		}
		if middle.Args[0].Access != c.inner {
			t.Error("the unit between is another one now")
		}
	}
}

// TestOrder: each unit comes after what it reads, and knows its readers.
func TestOrder(t *testing.T) {
	a := &Unit{Node: "a"}
	b := &Unit{Node: "b", Args: []Arg{{Src: a}}}
	c := &Unit{Node: "c", Args: []Arg{{Src: b}, {Src: a}, {Src: b}}}
	units := Order(c)
	text := ""
	for i, readers := range Readers(units) {
		text += fmt.Sprintf("%s %d:", units[i].Node, units[i].ID)
		for _, r := range readers {
			text += fmt.Sprintf(" %s.%d", r.Node, r.I)
			if r.Arg().Src != units[i] {
				t.Errorf("%s does not read %s there", r.Node, units[i].Node)
			}
		}
		text += "\n"
	}
	if want := "a 0: b.0 c.1\nb 1: c.0 c.2\nc 2:\n"; text != want {
		t.Errorf("readers are\n%s, should be\n%s", text, want)
	}
}

func TestScaledConforms(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	axis := func() Axis {
		add := rng.IntN(9) - 4
		return []Axis{Every(1+rng.IntN(4), add), Spread(1+rng.IntN(4), add), Nearest(1+rng.IntN(4), add), {3, 2, add, false}, {3, 2, add, true}}[rng.IntN(5)]
	}
	sized := func() Rect { return Sized(1+rng.IntN(9), 1+rng.IntN(9)) }
	for range 3000 {
		clock := func() Clock { return Clock{Y: 1 + rng.IntN(5), X: rng.IntN(3)} }
		conforms(t, Scaled{axis(), axis()}, sized(), sized(), clock(), clock())
	}
}

// TestAfter: two accesses one after the other are what they are together.
func TestAfter(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 4))
	axis := func() Axis {
		add := rng.IntN(9) - 4
		return []Axis{Every(1+rng.IntN(3), add), Spread(1+rng.IntN(3), add), Nearest(1+rng.IntN(3), add)}[rng.IntN(3)]
	}
	known := 0
	for range 3000 {
		outer, inner := Scale(axis(), axis()), Scale(axis(), axis())
		both, ok := After(outer, inner)
		if !ok {
			continue
		}
		known++
		for y := -7; y < 8; y++ {
			for x := -7; x < 8; x++ {
				wantY, wantX, want := outer.At(y, x, 0)
				if want {
					wantY, wantX, want = inner.At(wantY, wantX, 0)
				}
				gotY, gotX, got := both.At(y, x, 0)
				if got != want || want && (gotY != wantY || gotX != wantX) {
					t.Fatalf("%#v after %#v: %#v reads %d, %d, %v at %d, %d; should be %d, %d, %v", outer, inner, both, gotY, gotX, got, y, x, wantY, wantX, want)
				}
			}
		}
	}
	if known < 1000 {
		t.Errorf("only %d are known", known)
	}
}
