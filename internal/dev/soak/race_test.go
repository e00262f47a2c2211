//go:build race

package soak

// underRace tells that the race detector is at work, which keeps memory of its own for
// every goroutine and lock there ever was.
const underRace = true
