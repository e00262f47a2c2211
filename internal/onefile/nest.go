package onefile

import (
	"slices"

	"pixelcnn/internal/compile/program"
)

// A nest is how the loops go through the steps of a program.
//
// In the plain case there is one loop, and its turns are the steps. Where some stages
// run in few steps, as those do that compute a whole row at once, there are two loops,
// one within the other. A turn of the outer loop is a block of steps: first it runs its
// own stages, and then the inner loop does the steps of the block without them. A step
// in which stages of the outer loop run is the first of a block. If those need another
// stage in the same step, then that one is early: the inner loop runs it at the end of
// the step before, when the pixels of that are drawn.
type nest struct {
	outer, early []bool  // by stage
	first        int     // the step of the inner loop's first turn: 0, or -1 if early stages run in step 0
	begin        []int   // by block, its first turn of the inner loop; one block where there is one loop
	turns        int     // of the inner loop, in all
	widths       [][]int // by stage and its loop's turn: pixels; 0 where it does not run
}

// seldom is the largest share of steps, 1/seldom, in which a stage of the outer loop runs.
const seldom = 4

// nestOf finds the loops of a program.
func nestOf(p *program.Program, r *reaching) *nest {
	runs := make([]int, len(p.Stages))
	for _, s := range p.Steps {
		for _, r := range s.Runs {
			runs[r.Stage]++
		}
	}
	n := &nest{outer: make([]bool, len(p.Stages)), early: make([]bool, len(p.Stages))}
	for i, k := range runs {
		if p.Grows() {
			break // what is kept by heads grows in every turn
		}
		n.outer[i] = k*seldom <= len(p.Steps)
	}
	for again := true; again; {
		again = false
		for f := range r.flows(p) {
			if (n.outer[f.reader] || n.early[f.reader]) && f.made == f.read && !n.outer[f.writer] && !n.early[f.writer] {
				n.early[f.writer], again = true, true
			}
		}
	}
	n.number(p)
	if n.nested() && !n.sound(p, r) {
		n = &nest{outer: make([]bool, len(p.Stages)), early: make([]bool, len(p.Stages))}
		n.number(p)
	}
	return n
}

// number numbers the turns.
func (n *nest) number(p *program.Program) {
	if slices.ContainsFunc(p.Steps[0].Runs, func(r program.Run) bool { return n.early[r.Stage] }) {
		n.first = -1
	}
	n.turns = len(p.Steps) - n.first
	n.begin = []int{0}
	for step, s := range p.Steps {
		if turn := step - n.first; turn > 0 && slices.ContainsFunc(s.Runs, func(r program.Run) bool { return n.outer[r.Stage] }) {
			n.begin = append(n.begin, turn)
		}
	}
	for i := range p.Stages {
		turns := n.turns
		if n.outer[i] {
			turns = len(n.begin)
		}
		n.widths = append(n.widths, make([]int, turns))
	}
	for step, s := range p.Steps {
		for _, r := range s.Runs {
			n.widths[r.Stage][n.turn(r.Stage, step)] = r.Width
		}
	}
}

// nested tells whether there are two loops.
func (n *nest) nested() bool { return slices.Contains(n.outer, true) }

// turn is the one of its loop in which a stage runs that the program runs in a step.
func (n *nest) turn(stage, step int) int {
	switch turn := step - n.first; {
	case n.outer[stage]:
		return n.block(turn)
	case n.early[stage]:
		return turn - 1
	default:
		return turn
	}
}

// block is that of a turn of the inner loop.
func (n *nest) block(turn int) int {
	at, found := slices.BinarySearch(n.begin, turn)
	if !found {
		at--
	}
	return at
}

// seen is the turn that the reader, in a turn of its own loop, counts ages from: of the
// writer's loop.
func (n *nest) seen(reader, turn, writer int) int {
	switch {
	case n.outer[reader] && !n.outer[writer]:
		return n.begin[turn]
	case !n.outer[reader] && n.outer[writer]:
		return n.block(turn)
	default:
		return turn
	}
}

// order is the stages in the order in which they run: the outer loop's first, the early
// ones last.
func (n *nest) order() []int {
	var order []int
	for _, outer := range []bool{true, false} {
		for _, early := range []bool{false, true} {
			for i := range n.outer {
				if n.outer[i] == outer && n.early[i] == early {
					order = append(order, i)
				}
			}
		}
	}
	return order
}

// sound tells whether everything that is read has been made before.
func (n *nest) sound(p *program.Program, r *reaching) bool {
	for _, i := range r.logits {
		if n.outer[i] || n.early[i] {
			return false
		}
	}
	order := n.order()
	for f := range r.flows(p) {
		age := n.seen(f.reader, n.turn(f.reader, f.read), f.writer) - n.turn(f.writer, f.made)
		before := slices.Index(order, f.writer) < slices.Index(order, f.reader) && !(n.outer[f.reader] && !n.outer[f.writer])
		if age < 0 || age == 0 && !before {
			return false
		}
	}
	return true
}
