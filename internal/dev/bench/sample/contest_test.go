package sample

import (
	"context"
	"fmt"
	"log"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// contest is contestants that take turns.
type contest struct {
	turn time.Duration
	most time.Duration // who has taken so long has had enough turns; 0 means no bound
	all  []*contestant
}

// contestant is something to time.
type contestant struct {
	name string
	// run does it once. It returns what that took where it knows better than the clocks
	// outside, else zero.
	run func(context.Context) (spent, error)
	// times are the mean seconds of a run, by round, and processor those of the processors
	// that worked for it.
	times, processor []float64
	runs             int // in a turn
	taken            time.Duration
}

// spent is what a run took.
type spent struct{ wall, processor time.Duration }

// add enters a contestant that the clocks outside time.
func (c *contest) add(name string, run func(context.Context) error) *contestant {
	return c.timed(name, func(ctx context.Context) (spent, error) { return spent{}, run(ctx) })
}

// timed enters one that times itself.
func (c *contest) timed(name string, run func(context.Context) (spent, error)) *contestant {
	k := &contestant{name: name, run: run}
	c.all = append(c.all, k)
	return k
}

// long is how long a first run takes that counts: what is made and learned at first is little of it.
const long = 25 * time.Second

// run gives each its turn, rounds times over, after a first one that does not count unless
// it is long: it warms up and tells how many runs make a turn.
func (c *contest) run(ctx context.Context, rounds int) error {
	for round := range rounds + 1 {
		for _, k := range c.all {
			if len(k.times) == rounds || c.most > 0 && k.taken > c.most {
				continue
			}
			n := max(1, k.runs)
			took, err := k.take(ctx, n)
			if err == nil && round == 0 && took.wall < c.turn {
				took, err = k.take(ctx, n)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
			if round == 0 {
				k.runs = max(1, int(c.turn/max(1, took.wall)))
			}
			if round > 0 || took.wall > long {
				k.times, k.processor = append(k.times, took.wall.Seconds()), append(k.processor, took.processor.Seconds())
				k.taken += took.wall * time.Duration(n)
			}
		}
		if round > 0 {
			log.Printf("round %d of %d", round, rounds)
		}
	}
	return nil
}

// take is a turn of n runs; it returns the mean of what one took.
func (k *contestant) take(ctx context.Context, n int) (spent, error) {
	var sum spent
	start, before := time.Now(), processor()
	for range n {
		s, err := k.run(ctx)
		if err != nil {
			return spent{}, err
		}
		sum.wall, sum.processor = sum.wall+s.wall, sum.processor+s.processor
	}
	if sum.wall == 0 {
		sum = spent{time.Since(start), processor() - before}
	}
	return spent{sum.wall / time.Duration(n), sum.processor / time.Duration(n)}, nil
}

// processor is the time that processors have worked for this process.
func processor() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it cannot fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
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
