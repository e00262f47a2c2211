package engine_test

import (
	"testing"

	"pixelcnn/internal/compile/program"
	"pixelcnn/sampler/internal/engine"
)

// TestBatchOf: a batch has as many images as have their keys and values in 24 MiB, over all
// threads, from 4 to 64.
func TestBatchOf(t *testing.T) {
	kept := func(channels, slots int) program.Cache {
		return program.Cache{Channels: channels, Slots: slots, Heads: 1}
	}
	fixed := kept(1024, 1024) // made of conditions
	fixed.Fixed = true
	for _, c := range []struct {
		name    string
		threads int
		caches  []program.Cache
		want    int
	}{
		{"no attention", 2, []program.Cache{{Channels: 1 << 10, Slots: 1 << 10}}, 64},
		{"1 MiB an image", 2, []program.Cache{kept(128, 1024), kept(128, 1024)}, 12},
		{"on one thread", 1, []program.Cache{kept(128, 1024), kept(128, 1024)}, 24},
		{"4 images fit", 6, []program.Cache{kept(256, 1024)}, 4},
		{"3 do not count", 8, []program.Cache{kept(256, 1024)}, 64},
		{"more than 64 fit", 1, []program.Cache{kept(16, 1024)}, 64},
		{"what does not grow", 2, []program.Cache{fixed}, 64},
	} {
		if got := engine.BatchOf(c.threads, c.caches...); got != c.want {
			t.Errorf("%s: %d images, want %d", c.name, got, c.want)
		}
	}
}
