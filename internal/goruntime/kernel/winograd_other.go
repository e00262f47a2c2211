//go:build !amd64

package kernel

func winogradInputs([]float32, int, [][]float32) int { return 0 }

func winogradSums(int, *[WinogradOutputs][]float32, *[WinogradOutputs][]float32, []float32, int) int {
	return 0
}
