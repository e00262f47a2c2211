package onefile

import (
	"slices"

	"pixelcnn/internal/compile"
)

// A course is how the loop goes through the steps of a program.
//
// In the plain case there is one loop, and its turns are the steps. Where some stages
// run in few steps, as those do that compute a whole row at once, there are two loops,
// one within the other. A turn of the outer loop is a block of steps: first it runs the
// rare stages, and then the inner loop does the steps of the block without them. A step
// in which rare stages run is the first of a block. If those need another stage in
// the same step, then that one is early: the inner loop runs it at the end of the step
// before, when the pixels of that are drawn.
type course struct {
	rare, early []bool
	first       int     // the step of the inner loop's first turn: 0, or -1 if early stages run in step 0
	begin       []int   // by block, its first turn of the inner loop; one block where nothing is rare
	turns       int     // of the inner loop, in all
	widths      [][]int // by stage and its loop's turn: pixels; 0 where it does not run
}

// rarely is in how many steps, of as many, a stage runs that is rare.
const rarely = 4

// plan finds the course of a program.
func plan(p *compile.Program, t *trail) *course {
	runs := make([]int, len(p.Stages))
	for _, s := range p.Steps {
		for _, r := range s.Runs {
			runs[r.Stage]++
		}
	}
	c := &course{rare: make([]bool, len(p.Stages)), early: make([]bool, len(p.Stages))}
	for i, n := range runs {
		c.rare[i] = n*rarely <= len(p.Steps)
	}
	c.hurry(p, t)
	c.lay(p)
	if c.nested() && !c.sound(p, t) {
		c = &course{rare: make([]bool, len(p.Stages)), early: make([]bool, len(p.Stages))}
		c.lay(p)
	}
	return c
}

// hurry makes those stages early that rare ones need in the same step.
func (c *course) hurry(p *compile.Program, t *trail) {
	for again := true; again; {
		again = false
		c.reads(p, t, func(stage, step, cache int, at place) bool {
			if w := t.writer[cache]; (c.rare[stage] || c.early[stage]) && at.step == step && !c.rare[w] && !c.early[w] {
				c.early[w], again = true, true
			}
			return true
		})
	}
}

// reads calls f for each row that a stage reads of a cache that stages write, until it
// returns false.
func (c *course) reads(p *compile.Program, t *trail, f func(stage, step, cache int, at place) bool) {
	next := make([]int, len(p.Stages))
	for step, s := range p.Steps {
		for _, r := range s.Runs {
			for j, in := range p.Stages[r.Stage].Inputs {
				for k, cache := range in.Caches {
					if cache == 0 || p.Caches[cache].Table != nil {
						continue
					}
					for _, at := range t.from[r.Stage][j][k][next[r.Stage]:][:r.Width] {
						if at.step != absent && !f(r.Stage, step, cache, at) {
							return
						}
					}
				}
			}
			next[r.Stage] += r.Width
		}
	}
}

// lay numbers the turns.
func (c *course) lay(p *compile.Program) {
	for _, r := range p.Steps[0].Runs {
		if c.early[r.Stage] {
			c.first = -1
		}
	}
	c.turns = len(p.Steps) - c.first
	c.begin = []int{0}
	for step, s := range p.Steps {
		if turn := step - c.first; turn > 0 && slices.ContainsFunc(s.Runs, func(r compile.Run) bool { return c.rare[r.Stage] }) {
			c.begin = append(c.begin, turn)
		}
	}
	for i := range p.Stages {
		n := c.turns
		if c.rare[i] {
			n = len(c.begin)
		}
		c.widths = append(c.widths, make([]int, n))
	}
	for step, s := range p.Steps {
		for _, r := range s.Runs {
			c.widths[r.Stage][c.turn(r.Stage, step)] = r.Width
		}
	}
}

// nested tells whether there are two loops.
func (c *course) nested() bool { return slices.Contains(c.rare, true) }

// turn is the one of its loop in which a stage runs that the program runs in a step.
func (c *course) turn(stage, step int) int {
	switch turn := step - c.first; {
	case c.rare[stage]:
		return c.block(turn)
	case c.early[stage]:
		return turn - 1
	default:
		return turn
	}
}

// block is that of a turn of the inner loop.
func (c *course) block(turn int) int {
	at, found := slices.BinarySearch(c.begin, turn)
	if !found {
		at--
	}
	return at
}

// seen is the turn that the reader, in a turn of its own loop, counts ages from: of the
// writer's loop.
func (c *course) seen(reader, turn, writer int) int {
	switch {
	case c.rare[reader] && !c.rare[writer]:
		return c.begin[turn]
	case !c.rare[reader] && c.rare[writer]:
		return c.block(turn)
	default:
		return turn
	}
}

// order is the stages in the order in which they run: the rare ones first, the early
// ones last.
func (c *course) order() []int {
	var order []int
	for _, rare := range []bool{true, false} {
		for _, early := range []bool{false, true} {
			for i := range c.rare {
				if c.rare[i] == rare && c.early[i] == early {
					order = append(order, i)
				}
			}
		}
	}
	return order
}

// sound tells whether everything that is read has been made before.
func (c *course) sound(p *compile.Program, t *trail) bool {
	if c.rare[t.logits] || c.early[t.logits] {
		return false
	}
	order := c.order()
	ok := true
	c.reads(p, t, func(stage, step, cache int, at place) bool {
		w := t.writer[cache]
		age := c.seen(stage, c.turn(stage, step), w) - c.turn(w, at.step)
		ok = age > 0 || age == 0 && slices.Index(order, w) < slices.Index(order, stage) && !(c.rare[stage] && !c.rare[w])
		return ok
	})
	return ok
}
