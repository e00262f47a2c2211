package kernel

//go:noescape
func tile1x16AVX2(t *tile)

//go:noescape
func tile2x16AVX2(t *tile)

//go:noescape
func tile3x16AVX2(t *tile)

//go:noescape
func tile4x16AVX2(t *tile)

//go:noescape
func tile6x16AVX2(t *tile)

//go:noescape
func tile1x16AVX512(t *tile)

//go:noescape
func tile1x32AVX512(t *tile)

//go:noescape
func tile2x16AVX512(t *tile)

//go:noescape
func tile2x32AVX512(t *tile)

//go:noescape
func tile3x16AVX512(t *tile)

//go:noescape
func tile3x32AVX512(t *tile)

//go:noescape
func tile4x16AVX512(t *tile)

//go:noescape
func tile4x32AVX512(t *tile)

//go:noescape
func tile6x16AVX512(t *tile)

//go:noescape
func tile6x32AVX512(t *tile)

//go:noescape
func tile8x16AVX512(t *tile)

//go:noescape
func tile8x32AVX512(t *tile)

//go:noescape
func tile12x16AVX512(t *tile)

//go:noescape
func tile12x32AVX512(t *tile)

//go:noescape
func pack8AVX2(dst, src *float32, step uintptr, blocks int)

//go:noescape
func addAVX2(dst, a, b *float32, n int)

//go:noescape
func mulAVX2(dst, a, b *float32, n int)

//go:noescape
func reluAVX2(dst, a *float32, n int)

//go:noescape
func sqrtAVX2(dst, a *float32, n int)

//go:noescape
func expAVX2(dst, a *float32, n int)

//go:noescape
func sigmoidAVX2(dst, a *float32, n int)

//go:noescape
func tanhAVX2(dst, a *float32, n int)

//go:noescape
func addAVX512(dst, a, b *float32, n int)

//go:noescape
func subAVX512(dst, a, b *float32, n int)

//go:noescape
func mulAVX512(dst, a, b *float32, n int)

//go:noescape
func expAVX512(dst, a *float32, n int)

//go:noescape
func sigmoidAVX512(dst, a *float32, n int)

//go:noescape
func tanhAVX512(dst, a *float32, n int)

//go:noescape
func subAVX2(dst, a, b *float32, n int)

//go:noescape
func divAVX2(dst, a, b *float32, n int)

//go:noescape
func maxAVX2(dst, a, b *float32, n int)

//go:noescape
func minAVX2(dst, a, b *float32, n int)

//go:noescape
func row4AVX512(c *float32, n int, a *float32, stepA uintptr, b *float32, stepB uintptr, k int)

//go:noescape
func double1x8AVX2(c *float64, stepC uintptr, a *float64, stepA uintptr, b *float64, stepB uintptr, k int)

//go:noescape
func double4x8AVX2(c *float64, stepC uintptr, a *float64, stepA uintptr, b *float64, stepB uintptr, k int)

//go:noescape
func double8x8AVX512(c *float64, stepC uintptr, a *float64, stepA uintptr, b *float64, stepB uintptr, k int)

//go:noescape
func double8x16AVX512(c *float64, stepC uintptr, a *float64, stepA uintptr, b *float64, stepB uintptr, k int)

//go:noescape
func double8x24AVX512(c *float64, stepC uintptr, a *float64, stepA uintptr, b *float64, stepB uintptr, k int)

//go:noescape
func widen64AVX2(dst *float64, a *float32, n int)

//go:noescape
func widen64AVX512(dst *float64, a *float32, n int)

//go:noescape
func decay64AVX2(dst, a *float64, n int)

//go:noescape
func decay64AVX512(dst, a *float64, n int)

//go:noescape
func log64AVX2(dst, a *float64, n int)

//go:noescape
func log64AVX512(dst, a *float64, n int)

//go:noescape
func erf64AVX2(dst, a *float64, n int)

//go:noescape
func erf64AVX512(dst, a *float64, n int)

//go:noescape
func exp64AVX2(dst, a *float64, n int)

//go:noescape
func exp64AVX512(dst, a *float64, n int)

//go:noescape
func elu64AVX2(dst, a *float64, n int)

//go:noescape
func elu64AVX512(dst, a *float64, n int)

//go:noescape
func sigmoid64AVX2(dst, a *float64, n int)

//go:noescape
func sigmoid64AVX512(dst, a *float64, n int)

//go:noescape
func tanh64AVX2(dst, a *float64, n int)

//go:noescape
func tanh64AVX512(dst, a *float64, n int)

//go:noescape
func eluAVX2(dst, a *float32, n int)

//go:noescape
func eluAVX512(dst, a *float32, n int)

//go:noescape
func erfAVX2(dst, a *float32, n int)

//go:noescape
func erfAVX512(dst, a *float32, n int)

//go:noescape
func addRowsAVX2(dst, a, row *float32, columns, rows, lots int, step, nextDst, nextA, nextRow uintptr)

//go:noescape
func addRowsAVX512(dst, a, row *float32, columns, rows, lots int, step, nextDst, nextA, nextRow uintptr)

//go:noescape
func tanhSigmoidAVX2(dst, a, b *float32, n int)

//go:noescape
func tanhSigmoidAVX512(dst, a, b *float32, n int)

//go:noescape
func fastTanhSigmoidAVX2(dst, a, b *float32, n int)

//go:noescape
func fastTanhSigmoidAVX512(dst, a, b *float32, n int)

//go:noescape
func winogradIn1x2AVX2(b *winogradIn)

//go:noescape
func winogradOut1x2AVX2(b *winogradOut)

//go:noescape
func winogradIn1x3AVX2(b *winogradIn)

//go:noescape
func winogradOut1x3AVX2(b *winogradOut)

//go:noescape
func winogradIn2x2AVX2(b *winogradIn)

//go:noescape
func winogradOut2x2AVX2(b *winogradOut)

//go:noescape
func winogradIn2x3AVX2(b *winogradIn)

//go:noescape
func winogradOut2x3AVX2(b *winogradOut)

//go:noescape
func winogradIn3x2AVX2(b *winogradIn)

//go:noescape
func winogradOut3x2AVX2(b *winogradOut)

//go:noescape
func winogradIn3x3AVX2(b *winogradIn)

//go:noescape
func winogradOut3x3AVX2(b *winogradOut)

//go:noescape
func winogradIn1x2AVX512(b *winogradIn)

//go:noescape
func winogradOut1x2AVX512(b *winogradOut)

//go:noescape
func winogradIn1x3AVX512(b *winogradIn)

//go:noescape
func winogradOut1x3AVX512(b *winogradOut)

//go:noescape
func winogradIn2x2AVX512(b *winogradIn)

//go:noescape
func winogradOut2x2AVX512(b *winogradOut)

//go:noescape
func winogradIn2x3AVX512(b *winogradIn)

//go:noescape
func winogradOut2x3AVX512(b *winogradOut)

//go:noescape
func winogradIn3x2AVX512(b *winogradIn)

//go:noescape
func winogradOut3x2AVX512(b *winogradOut)

//go:noescape
func winogradIn3x3AVX512(b *winogradIn)

//go:noescape
func winogradOut3x3AVX512(b *winogradOut)
