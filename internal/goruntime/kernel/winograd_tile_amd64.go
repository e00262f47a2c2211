package kernel

import "unsafe"

// tile is what both transforms need.
func (t WinogradTile) tile(room, points []float32, step, n int) winogradTile {
	return winogradTile{
		length: bytes(n), points: unsafe.Pointer(&points[0]), stepPoints: bytes(step), stepRows: bytes(t.Points() * step),
		room: unsafe.Pointer(&room[0]),
	}
}

// inputs does the first elements, and tells how many.
func (t WinogradTile) inputs(room, dst []float32, step int, lines [][]float32, pixel, first, columns, n int) int {
	n &^= 15
	if !hasAVX2 || n == 0 || columns == 0 {
		return 0
	}
	if columns < t.Points() {
		clear(room[:t.Rows()*t.Points()*winogradSlot])
	}
	b := winogradIn{
		winogradTile: t.tile(room, dst, step, n), first: unsafe.Pointer(&room[first*winogradSlot]), columns: uintptr(columns), stepColumns: bytes(pixel),
	}
	for r := range t.Rows() {
		b.lines[r] = unsafe.Pointer(&lines[r][0])
	}
	switch two := !hasAVX512; {
	case t == WinogradTile{1, 2} && two:
		winogradIn1x2AVX2(&b)
	case t == WinogradTile{1, 2}:
		winogradIn1x2AVX512(&b)
	case t == WinogradTile{1, 3} && two:
		winogradIn1x3AVX2(&b)
	case t == WinogradTile{1, 3}:
		winogradIn1x3AVX512(&b)
	case t == WinogradTile{2, 2} && two:
		winogradIn2x2AVX2(&b)
	case t == WinogradTile{2, 2}:
		winogradIn2x2AVX512(&b)
	case t == WinogradTile{2, 3} && two:
		winogradIn2x3AVX2(&b)
	case t == WinogradTile{2, 3}:
		winogradIn2x3AVX512(&b)
	case t == WinogradTile{3, 2} && two:
		winogradIn3x2AVX2(&b)
	case t == WinogradTile{3, 2}:
		winogradIn3x2AVX512(&b)
	case two:
		winogradIn3x3AVX2(&b)
	default:
		winogradIn3x3AVX512(&b)
	}
	return n
}

// sums does the first elements, and tells how many.
func (t WinogradTile) sums(room, y, add []float32, line, pixel int, x []float32, step, n int) int {
	n &^= 15
	if !hasAVX2 || n == 0 {
		return 0
	}
	b := winogradOut{
		winogradTile: t.tile(room, x, step, n), pixels: unsafe.Pointer(&y[0]), stepLines: bytes(line), stepPixels: bytes(pixel),
	}
	if add != nil {
		b.adds = unsafe.Pointer(&add[0])
	}
	switch two := !hasAVX512; {
	case t == WinogradTile{1, 2} && two:
		winogradOut1x2AVX2(&b)
	case t == WinogradTile{1, 2}:
		winogradOut1x2AVX512(&b)
	case t == WinogradTile{1, 3} && two:
		winogradOut1x3AVX2(&b)
	case t == WinogradTile{1, 3}:
		winogradOut1x3AVX512(&b)
	case t == WinogradTile{2, 2} && two:
		winogradOut2x2AVX2(&b)
	case t == WinogradTile{2, 2}:
		winogradOut2x2AVX512(&b)
	case t == WinogradTile{2, 3} && two:
		winogradOut2x3AVX2(&b)
	case t == WinogradTile{2, 3}:
		winogradOut2x3AVX512(&b)
	case t == WinogradTile{3, 2} && two:
		winogradOut3x2AVX2(&b)
	case t == WinogradTile{3, 2}:
		winogradOut3x2AVX512(&b)
	case two:
		winogradOut3x3AVX2(&b)
	default:
		winogradOut3x3AVX512(&b)
	}
	return n
}
