package kernel

import (
	"testing"
	"unsafe"
)

// The assembly counts the fields of tile and segment in words.
func TestTileLayout(t *testing.T) {
	var x tile
	for i, got := range []uintptr{
		unsafe.Offsetof(x.stepB), unsafe.Offsetof(x.nextB),
		unsafe.Offsetof(x.c), unsafe.Offsetof(x.rowC), unsafe.Offsetof(x.init), unsafe.Offsetof(x.rowInit),
		unsafe.Offsetof(x.gate), unsafe.Offsetof(x.rowGate), unsafe.Offsetof(x.slope), unsafe.Offsetof(x.add), unsafe.Offsetof(x.rowAdd), unsafe.Offsetof(x.mask), unsafe.Offsetof(x.flags),
		unsafe.Offsetof(x.row), unsafe.Offsetof(x.end), unsafe.Offsetof(x.a), unsafe.Offsetof(x.b), unsafe.Offsetof(x.count), unsafe.Offsetof(x.segments),
	} {
		if got != uintptr(8*i) {
			t.Errorf("field %d of tile is at %d, want %d", i, got, 8*i)
		}
	}
	var y segment
	for i, got := range []uintptr{unsafe.Offsetof(y.a), unsafe.Offsetof(y.row), unsafe.Offsetof(y.step), unsafe.Offsetof(y.k), unsafe.Offsetof(y.b), unsafe.Sizeof(y)} {
		if got != uintptr(8*i) {
			t.Errorf("field %d of segment is at %d, want %d", i, got, 8*i)
		}
	}
	var in winogradIn
	var out winogradOut
	for name, list := range map[string][]uintptr{
		"winogradIn": {
			unsafe.Offsetof(in.length), unsafe.Offsetof(in.done), unsafe.Offsetof(in.points), unsafe.Offsetof(in.stepPoints), unsafe.Offsetof(in.stepRows), unsafe.Offsetof(in.room),
			unsafe.Offsetof(in.first), unsafe.Offsetof(in.columns), unsafe.Offsetof(in.stepColumns), unsafe.Offsetof(in.lines),
		},
		"winogradOut": {
			unsafe.Offsetof(out.length), unsafe.Offsetof(out.done), unsafe.Offsetof(out.points), unsafe.Offsetof(out.stepPoints), unsafe.Offsetof(out.stepRows), unsafe.Offsetof(out.room),
			unsafe.Offsetof(out.pixels), unsafe.Offsetof(out.adds), unsafe.Offsetof(out.stepLines), unsafe.Offsetof(out.stepPixels),
		},
	} {
		for i, got := range list {
			if got != uintptr(8*i) {
				t.Errorf("field %d of %s is at %d, want %d", i, name, got, 8*i)
			}
		}
	}
}
