package likelihood

import "pixelcnn/internal/goruntime/kernel"

// Exp is e^x for x ≤ 0, the same bits on every processor.
func Exp(x float64) float64 { return kernel.Decay(x) }

// Exps writes Exp of x, element by element, to dst, which may be x.
func Exps(dst, x []float64) { kernel.Decay64(dst, x) }
