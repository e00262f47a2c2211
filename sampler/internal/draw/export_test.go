package draw

import "pixelcnn/internal/likelihood"

// drawer is a drawer with parameters, a temperature of its own, and uniforms by hand.
type drawer struct {
	*Drawer
	with        *How
	temperature float64
}

// testDrawer makes one for logits of so many levels.
func testDrawer(p Parameters, temperature float64, levels int) *drawer {
	how, err := p.For(likelihood.Categorical{Depth: levels}, 1)
	if err != nil {
		panic(err)
	}
	return &drawer{NewDrawer(likelihood.Categorical{Depth: levels}), how, temperature}
}

// level draws from logits, stride apart.
func (d *drawer) level(logits []float32, stride int, u float64) int {
	return d.Level(d.with, d.temperature, d.read(logits, stride, 0), nil, u)
}

// pick draws from logits.
func (d *drawer) pick(logits []float64, u float64) int {
	return d.Level(d.with, d.temperature, logits, nil, u)
}
