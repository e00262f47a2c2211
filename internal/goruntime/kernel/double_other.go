//go:build !amd64

package kernel

func addProduct64(_ []float64, _ int, _ []float64, _ int, _ []float64, _, _, _, _ int) int { return 0 }

func decay64(_, _ []float64) int   { return 0 }
func log64(_, _ []float64) int     { return 0 }
func erf64(_, _ []float64) int     { return 0 }
func exp64(_, _ []float64) int     { return 0 }
func elu64(_, _ []float64) int     { return 0 }
func sigmoid64(_, _ []float64) int { return 0 }
func tanh64(_, _ []float64) int    { return 0 }

func widen64(_ []float64, _ []float32) int { return 0 }
