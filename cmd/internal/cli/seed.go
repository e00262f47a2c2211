package cli

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

// Seed is the value of --seed: a number, or one drawn at random.
type Seed struct {
	To     *uint64
	Random bool
}

// Set takes a number, or "random". A random number has 53 bits, which all programs that read JSON
// can hold.
func (s *Seed) Set(text string) error {
	n, err := strconv.ParseUint(text, 10, 64)
	if s.Random = text == "random"; s.Random {
		n = rand.Uint64() >> 11
	} else if err != nil {
		return fmt.Errorf("must be a whole number from 0 to %d, or random", uint64(1<<64-1))
	}
	*s.To = n
	return nil
}

func (s *Seed) String() string {
	if s.To == nil {
		return "0"
	}
	return strconv.FormatUint(*s.To, 10)
}

// Type is what --help calls it.
func (s *Seed) Type() string { return "N|random" }
