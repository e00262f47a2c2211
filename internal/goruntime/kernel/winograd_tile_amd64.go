package kernel

import "unsafe"

// tile is what both transforms need.
func (t WinogradTile) tile(n int, points []float32) winogradTile {
	return winogradTile{
		length: bytes(n), points: unsafe.Pointer(&points[0]), stepPoints: bytes(t.Step), stepRows: bytes(t.Points * t.Step),
		room: unsafe.Pointer(&t.Room[0]),
	}
}

// inputs does the first elements, and tells how many.
func (t WinogradTile) inputs(dst []float32, lines [][]float32, pixel, first, columns, n int) int {
	n &^= 15
	if !hasAVX2 || n == 0 || columns == 0 {
		return 0
	}
	if columns < t.Points {
		clear(t.Room[:t.Rows*t.Points*winogradSlot])
	}
	b := winogradTileIn{
		winogradTile: t.tile(n, dst), first: unsafe.Pointer(&t.Room[first*winogradSlot]), columns: uintptr(columns), stepColumns: bytes(pixel),
	}
	for r := range t.Rows {
		b.lines[r] = unsafe.Pointer(&lines[r][0])
	}
	switch two := !hasAVX512; {
	case t.Rows == 5 && t.Points == 5 && two:
		winogradTileIn42x42AVX2(&b)
	case t.Rows == 5 && t.Points == 5:
		winogradTileIn42x42AVX512(&b)
	case t.Rows == 5 && t.Points == 6 && two:
		winogradTileIn43x42AVX2(&b)
	case t.Rows == 5 && t.Points == 6:
		winogradTileIn43x42AVX512(&b)
	case t.Rows == 5 && t.Points == 9 && two:
		winogradTileIn82x42AVX2(&b)
	case t.Rows == 5 && t.Points == 9:
		winogradTileIn82x42AVX512(&b)
	case t.Rows == 5 && t.Points == 10 && two:
		winogradTileIn83x42AVX2(&b)
	case t.Rows == 5 && t.Points == 10:
		winogradTileIn83x42AVX512(&b)
	case t.Rows == 6 && t.Points == 5 && two:
		winogradTileIn42x43AVX2(&b)
	case t.Rows == 6 && t.Points == 5:
		winogradTileIn42x43AVX512(&b)
	case t.Rows == 6 && t.Points == 6 && two:
		winogradTileIn43x43AVX2(&b)
	case t.Rows == 6 && t.Points == 6:
		winogradTileIn43x43AVX512(&b)
	case t.Rows == 6 && t.Points == 9 && two:
		winogradTileIn82x43AVX2(&b)
	case t.Rows == 6 && t.Points == 9:
		winogradTileIn82x43AVX512(&b)
	case two:
		winogradTileIn83x43AVX2(&b)
	default:
		winogradTileIn83x43AVX512(&b)
	}
	return n
}

// sums does the first elements, and tells how many.
func (t WinogradTile) sums(y, add []float32, line, pixel int, x []float32, n int) int {
	n &^= 15
	if !hasAVX2 || n == 0 {
		return 0
	}
	b := winogradTileOut{
		winogradTile: t.tile(n, x), pixels: unsafe.Pointer(&y[0]), stepLines: bytes(line), stepAdds: bytes(line), stepPixels: bytes(pixel),
	}
	if add != nil {
		b.adds = unsafe.Pointer(&add[0])
	}
	switch two := !hasAVX512; {
	case t.Rows == 5 && t.Points == 5 && two:
		winogradTileOut42x42AVX2(&b)
	case t.Rows == 5 && t.Points == 5:
		winogradTileOut42x42AVX512(&b)
	case t.Rows == 5 && t.Points == 6 && two:
		winogradTileOut43x42AVX2(&b)
	case t.Rows == 5 && t.Points == 6:
		winogradTileOut43x42AVX512(&b)
	case t.Rows == 5 && t.Points == 9 && two:
		winogradTileOut82x42AVX2(&b)
	case t.Rows == 5 && t.Points == 9:
		winogradTileOut82x42AVX512(&b)
	case t.Rows == 5 && t.Points == 10 && two:
		winogradTileOut83x42AVX2(&b)
	case t.Rows == 5 && t.Points == 10:
		winogradTileOut83x42AVX512(&b)
	case t.Rows == 6 && t.Points == 5 && two:
		winogradTileOut42x43AVX2(&b)
	case t.Rows == 6 && t.Points == 5:
		winogradTileOut42x43AVX512(&b)
	case t.Rows == 6 && t.Points == 6 && two:
		winogradTileOut43x43AVX2(&b)
	case t.Rows == 6 && t.Points == 6:
		winogradTileOut43x43AVX512(&b)
	case t.Rows == 6 && t.Points == 9 && two:
		winogradTileOut82x43AVX2(&b)
	case t.Rows == 6 && t.Points == 9:
		winogradTileOut82x43AVX512(&b)
	case two:
		winogradTileOut83x43AVX2(&b)
	default:
		winogradTileOut83x43AVX512(&b)
	}
	return n
}
