package cli

import "testing"

func TestSeed(t *testing.T) {
	var n uint64
	s := Seed{To: &n}
	for text, want := range map[string]uint64{"0": 0, "17": 17, "18446744073709551615": 1<<64 - 1} {
		if err := s.Set(text); err != nil || n != want || s.Random || s.String() != text {
			t.Errorf("%s: %d, random %v, %v", text, n, s.Random, err)
		}
	}
	for _, text := range []string{"-1", "1.5", "", "18446744073709551616", "Random"} {
		if err := s.Set(text); err == nil || err.Error() != "must be a whole number from 0 to 18446744073709551615, or random" {
			t.Errorf("%q: error %v", text, err)
		}
	}
	drawn := map[uint64]bool{}
	for range 10 {
		if err := s.Set("random"); err != nil || !s.Random || n >= 1<<53 {
			t.Errorf("random: %d, random %v, %v", n, s.Random, err)
		}
		drawn[n] = true
	}
	if len(drawn) < 10 {
		t.Errorf("%d numbers in 10 draws", len(drawn))
	}
}
