package sampler_test

import (
	"testing"

	"pixelcnn/models/pretrained"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// BenchmarkOpen opens the shipped models on both runtimes.
func BenchmarkOpen(b *testing.B) {
	inGo, err := runtime.Go()
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range pretrained.Names() {
		file, err := pretrained.Read(name)
		if err != nil {
			b.Fatal(err)
		}
		for runtimeName, rt := range map[string]runtime.Runtime{"go": inGo, "ort": env} {
			b.Run(name+"/"+runtimeName, func(b *testing.B) {
				for b.Loop() {
					s, err := sampler.Open(rt, file, sampler.Config{})
					if err != nil {
						b.Fatal(err)
					}
					s.Close()
				}
			})
		}
	}
}
