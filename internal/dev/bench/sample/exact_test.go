package sample

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"pixelcnn/internal/onnx"
	"pixelcnn/sampler"
)

// temperatures are those at which engines are compared.
var temperatures = []float64{1, 0.7, 0.1}

// rival is a way to draw that must give what the full loop on ONNX Runtime gives.
type rival struct {
	name string
	rt   onnx.Runtime
	cfg  sampler.Config
}

// compare draws the same images in every way and counts the pixels that differ from
// the full loop's.
func (m *machine) compare() error {
	rivals := []rival{
		{"full loop, ONNX Runtime", m.ort, sampler.Config{Engine: sampler.Full}},
		{"raster", m.ort, sampler.Config{Engine: sampler.Incremental, Raster: true}},
		{"wavefront", m.ort, sampler.Config{Engine: sampler.Incremental}},
		{"wavefront, Go", m.inGo, sampler.Config{Engine: sampler.Incremental}},
	}
	fmt.Printf("\n| %d images | T | near ties, settled |", m.exact)
	for _, r := range rivals[1:] {
		fmt.Printf(" %s: pixels differ |", r.name)
	}
	fmt.Print("\n|---|---|---|")
	for range rivals[1:] {
		fmt.Print("---|")
	}
	fmt.Println()
	for _, name := range append([]string{m.settings.model}, m.exactModels...) {
		model, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, t := range temperatures {
			var want []uint16
			for k, r := range rivals {
				r.cfg.Threads = m.threads
				levels, ties, err := m.drawn(r, model, sampler.Parameters{Temperature: t, Seed: 1})
				if err != nil {
					return fmt.Errorf("%s, %s: %w", name, r.name, err)
				}
				if k == 0 {
					want = levels
					fmt.Printf("| %s | %g | %d |", filepath.Base(name), t, ties)
					continue
				}
				differ, first := 0, -1
				for pixel, level := range levels {
					if level != want[pixel] {
						if differ++; first < 0 {
							first = pixel
						}
					}
				}
				if first >= 0 {
					log.Printf("%s, T = %g, %s: first at pixel %d of all", name, t, r.name, first)
				}
				fmt.Printf(" %d |", differ)
			}
			fmt.Println()
		}
	}
	return nil
}

// drawn draws images and tells how many near ties there were.
func (m *machine) drawn(r rival, model []byte, p sampler.Parameters) (levels []uint16, ties int64, err error) {
	s, err := sampler.Open(r.rt, model, r.cfg)
	if err != nil {
		return nil, 0, err
	}
	levels = make([]uint16, m.exact*s.Signature().Pixels())
	err = s.Draw(m.ctx, sampler.Request{N: m.exact, Parameters: p}, levels)
	return levels, s.NearTies(), errors.Join(err, s.Close())
}
