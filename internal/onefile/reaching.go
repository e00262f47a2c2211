package onefile

import (
	"iter"

	"pixelcnn/internal/compile/program"
)

// A definition is where a row that a stage reads was made: in which step of the program,
// and its number in what was written then. For a symbol of the picture it is its number
// in the order of drawing, for a constant its slot.
type definition struct{ step, row int }

// absent is the step of a row of zeros, which nothing made.
const absent = -1

// reaching is a program with its caches resolved: which definition reaches each read.
type reaching struct {
	defs   [][][][]definition // by stage, input, part and number of row over all steps
	order  []int              // the symbols, (y·W + x)·C + channel, in the order of drawing
	writer []int              // by cache, the stage that writes it
	logits []int              // by phase, the stage that makes them
}

// A flow is from one run of a stage to one of another stage, or a later one of its own.
type flow struct{ writer, made, reader, read int } // stages and steps

// reach follows the program's steps, and notes in each slot of its caches who has written there.
func reach(p *program.Program) *reaching {
	r := &reaching{writer: make([]int, len(p.Caches)), logits: make([]int, p.Phases)}
	slots := make([][]definition, len(p.Caches)) // who wrote there last
	for i, c := range p.Caches {
		slots[i] = make([]definition, c.Slots)
		for k := range slots[i] {
			slots[i][k] = definition{absent, k}
		}
	}
	for i, s := range p.Stages {
		r.defs = append(r.defs, make([][][]definition, len(s.Inputs)))
		for j, in := range s.Inputs {
			r.defs[i][j] = make([][]definition, len(in.Caches))
		}
		for _, o := range s.Outputs {
			if o.Cache < 0 {
				r.logits[o.Phase] = i
			} else {
				r.writer[o.Cache] = i
			}
		}
	}
	for now, step := range p.Steps {
		for _, run := range step.Runs {
			for j, in := range p.Stages[run.Stage].Inputs {
				for k, c := range in.Caches {
					if in.Scattered {
						for _, slot := range run.In[j][k*run.Width : (k+1)*run.Width] {
							def := definition{absent, -1}
							if slot >= 0 {
								def = slots[c][slot]
							}
							r.defs[run.Stage][j][k] = append(r.defs[run.Stage][j][k], def)
						}
						continue
					}
					first := run.In[j][k]
					r.defs[run.Stage][j][k] = append(r.defs[run.Stage][j][k], slots[c][first:first+run.Width]...)
				}
			}
			for j, o := range p.Stages[run.Stage].Outputs {
				if o.Cache < 0 {
					continue
				}
				for row := range run.Width {
					slots[o.Cache][run.Out[j]+row] = definition{now, row}
				}
			}
		}
		for c := range p.Channels { // in a step, one channel after the other
			for _, d := range step.Draws {
				if from, to := p.Drawn(d.Phase); from <= c && c < to {
					slots[c][d.Slot] = definition{now, len(r.order)}
					r.order = append(r.order, d.Pixel*p.Channels+c)
				}
			}
		}
	}
	return r
}

// flows lists what the stages read of each other, row by row.
func (r *reaching) flows(p *program.Program) iter.Seq[flow] {
	return func(yield func(flow) bool) {
		next := make([]int, len(p.Stages))
		for step, s := range p.Steps {
			for _, run := range s.Runs {
				for j, in := range p.Stages[run.Stage].Inputs {
					for k, c := range in.Caches {
						for _, d := range r.defs[run.Stage][j][k][next[run.Stage]:][:run.Width] {
							if c >= p.Channels && d.step != absent && !yield(flow{r.writer[c], d.step, run.Stage, step}) {
								return
							}
						}
					}
				}
				next[run.Stage] += run.Width
			}
		}
	}
}
