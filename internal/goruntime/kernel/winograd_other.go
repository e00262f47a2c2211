//go:build !amd64

package kernel

func winogradInputs([]float32, int, [][]float32, int) int { return 0 }

func winogradSums(_ int, _ []float32, _ int, _ []float32, _ int, _ []float32, _, _ int) int {
	return 0
}

func (WinogradTile) inputs([]float32, [][]float32, int, int, int, int) int { return 0 }

func (WinogradTile) sums(_, _ []float32, _, _ int, _ []float32, _ int) int { return 0 }
