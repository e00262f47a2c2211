package sample

import (
	"context"
	"fmt"
	"log"
	"slices"
	"strconv"
	"time"
)

// contest is contestants that take turns.
type contest struct {
	turn time.Duration
	all  []*contestant
}

// contestant is something to time.
type contestant struct {
	name string
	// run does it once. It returns how long that took where it knows better than the
	// clock outside, else 0.
	run func(context.Context) (time.Duration, error)
	// times are the mean seconds of a run, by round.
	times []float64
	runs  int // in a turn
}

// add enters a contestant.
func (c *contest) add(name string, run func(context.Context) error) *contestant {
	k := &contestant{name: name, run: func(ctx context.Context) (time.Duration, error) { return 0, run(ctx) }}
	c.all = append(c.all, k)
	return k
}

// run gives each its turn, rounds times over, after a first one that does not count: it
// warms up and tells how many runs make a turn.
func (c *contest) run(ctx context.Context, rounds int) error {
	for round := range rounds + 1 {
		for _, k := range c.all {
			if round == 0 {
				seconds, err := k.take(ctx, 1)
				if err == nil && seconds < c.turn.Seconds() { // what is bound at first is bound now
					seconds, err = k.take(ctx, 1)
				}
				if err != nil {
					return fmt.Errorf("%s: %w", k.name, err)
				}
				k.runs = max(1, int(c.turn.Seconds()/seconds))
				continue
			}
			seconds, err := k.take(ctx, k.runs)
			if err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
			k.times = append(k.times, seconds)
		}
		if round > 0 {
			log.Printf("round %d of %d", round, rounds)
		}
	}
	return nil
}

// take is a turn of n runs; it returns the mean time of one in seconds.
func (k *contestant) take(ctx context.Context, n int) (float64, error) {
	var sum time.Duration
	start := time.Now()
	for range n {
		d, err := k.run(ctx)
		if err != nil {
			return 0, err
		}
		sum += d
	}
	if sum == 0 {
		sum = time.Since(start)
	}
	return sum.Seconds() / float64(n), nil
}

// seconds is the median of a run.
func (k *contestant) seconds() float64 { return median(k.times) }

// spread is the range of f over the rounds.
func (k *contestant) spread(f func(seconds float64) float64) string {
	a, b := f(slices.Min(k.times)), f(slices.Max(k.times))
	return fmt.Sprintf("%s–%s", figure(min(a, b)), figure(max(a, b)))
}

// figure writes a number with three digits or more, and never an exponent.
func figure(x float64) string {
	digits := 0
	for top := x; top < 100 && digits < 4; top *= 10 {
		digits++
	}
	return strconv.FormatFloat(x, 'f', digits, 64)
}

// over is the median over the rounds of k's time divided by other's.
func (k *contestant) over(other *contestant) float64 {
	ratios := make([]float64, len(k.times))
	for i := range ratios {
		ratios[i] = k.times[i] / other.times[i]
	}
	return median(ratios)
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	if n := len(x); n%2 == 0 {
		return (x[n/2-1] + x[n/2]) / 2
	}
	return x[len(x)/2]
}
