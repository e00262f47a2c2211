package engine

import "testing"

// TestRoom: by hand.
func TestRoom(t *testing.T) {
	for images, want := range map[int]int{1: 1, 2: 2, 3: 4, 5: 8, 8: 8, 9: 12, 12: 12, 13: 16, 17: 24, 25: 32, 33: 48, 49: 64, 65: 96, 1 << 30: 1 << 30} {
		if got := Room(images); got != want {
			t.Errorf("room for %d images is for %d, want %d", images, got, want)
		}
	}
}

// TestTake: where sizes alternate, a larger worker does for a batch until a fitting one has paid.
func TestTake(t *testing.T) {
	p := newPool(1, 1<<30)
	p.alternates = true
	has := func(sizes ...int) {
		for _, n := range sizes {
			p.idle[n] = append(p.idle[n], &worker{images: n})
		}
	}
	takes := func(images int) int {
		w := p.take(images)
		if w == nil {
			return 0
		}
		has(w.images)
		return w.images
	}
	has(32, 64, 128)
	for _, c := range []struct{ images, want int }{
		{64, 64}, {16, 32}, {16, 32}, {24, 32}, {4, 0}, {16, 32}, {16, 32}, {16, 32}, {16, 32}, {16, 0}, {16, 32},
	} {
		if got := takes(c.images); got != c.want {
			t.Errorf("a batch of %d got a worker for %d, want %d (0: none)", c.images, got, c.want)
		}
	}
	p.alternates = false
	if got := takes(16); got != 0 {
		t.Errorf("a batch of 16 got a worker for %d where sizes do not alternate", got)
	}
}
