package sample

import (
	"fmt"

	"pixelcnn/internal/onnx"
	"pixelcnn/sampler"
)

// sides are the sizes of images that are drawn sizeImages at once.
var sides = []int{16, 32, 64}

const sizeImages = 16

// size is one size on one runtime.
type size struct {
	name string
	side int
	plan *sampler.Plan
	k    *contestant
	base *contestant // the first of sides
}

type sizeContest []*size

func (m *machine) sizes(c *contest) (sizeContest, error) {
	var all sizeContest
	for _, r := range []struct {
		name string
		rt   onnx.Runtime
	}{{"ONNX Runtime", m.ort}, {"Go", m.inGo}} {
		var base *contestant
		for _, side := range sides {
			cfg := sampler.Config{Engine: sampler.Incremental, Height: side, Width: side}
			s, err := m.open(r.rt, cfg)
			if err != nil {
				return nil, err
			}
			model, err := sampler.Read(m.model, cfg)
			if err != nil {
				return nil, err
			}
			plan, err := model.Plan()
			if err != nil {
				return nil, err
			}
			k := c.add(fmt.Sprintf("%d×%d, %s", side, side, r.name), drawing(s, sizeImages))
			if base == nil {
				base = k
			}
			all = append(all, &size{r.name, side, plan, k, base})
		}
	}
	return all, nil
}

func (all sizeContest) print() {
	fmt.Printf("\n| %d images | runtime | steps | W + s·(H−1) | µs a pixel (range) | over that at %d×%d |\n|---|---|---|---|---|---|\n", sizeImages, sides[0], sides[0])
	for _, s := range all {
		pixels := float64(sizeImages * s.side * s.side)
		us := func(seconds float64) float64 { return seconds * 1e6 / pixels }
		fmt.Printf("| %d×%d | %s | %d | %d + %d·%d = %d | %s (%s) | %.2f |\n", s.side, s.side, s.name, s.plan.Steps,
			s.side, s.plan.Slope, s.side-1, s.side+s.plan.Slope*(s.side-1),
			figure(us(s.k.seconds())), s.k.spread(us), s.k.over(s.base)*float64(sides[0]*sides[0])/float64(s.side*s.side))
	}
}
