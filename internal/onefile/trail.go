package onefile

import "pixelcnn/internal/compile"

// A place is where a row that a stage reads was made: in which step of the program, and
// its number in what was written then. For a pixel of the picture it is its number in
// the order of drawing, for a constant its slot.
type place struct{ step, row int }

// absent is the step of a row of zeros, which nothing made.
const absent = -1

// A trail is a program with its caches resolved: what is read where it was made.
type trail struct {
	from   [][][][]place // by stage, input, part and number of row over all steps
	order  []int64       // the pixels, y·W + x, in the order of drawing
	writer []int         // by cache, the stage that writes it
	logits int           // the stage that makes them
}

// follow plays the program's steps through on the slots of its caches.
func follow(p *compile.Program) *trail {
	t := &trail{writer: make([]int, len(p.Caches))}
	slots := make([][]place, len(p.Caches)) // who wrote there last
	for i, c := range p.Caches {
		slots[i] = make([]place, c.Slots)
		for k := range slots[i] {
			slots[i][k] = place{absent, k}
		}
	}
	for i, s := range p.Stages {
		t.from = append(t.from, make([][][]place, len(s.Inputs)))
		for j, in := range s.Inputs {
			t.from[i][j] = make([][]place, len(in.Caches))
		}
		for _, o := range s.Outputs {
			if o.Cache < 0 {
				t.logits = i
			} else {
				t.writer[o.Cache] = i
			}
		}
	}
	for now, step := range p.Steps {
		for _, run := range step.Runs {
			for j, in := range p.Stages[run.Stage].Inputs {
				for k, c := range in.Caches {
					first := run.In[j][k]
					t.from[run.Stage][j][k] = append(t.from[run.Stage][j][k], slots[c][first:first+run.Width]...)
				}
			}
			for j, o := range p.Stages[run.Stage].Outputs {
				if o.Cache < 0 {
					continue
				}
				for row := range run.Width {
					slots[o.Cache][run.Out[j]+row] = place{now, row}
				}
			}
		}
		for _, d := range step.Draws {
			slots[0][d.Slot] = place{now, len(t.order)}
			t.order = append(t.order, int64(d.Pixel))
		}
	}
	return t
}
