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
