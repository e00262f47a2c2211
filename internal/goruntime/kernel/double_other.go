//go:build !amd64

package kernel

func addProduct64(_ []float64, _ int, _ []float64, _ int, _ []float64, _, _, _, _ int) int { return 0 }
