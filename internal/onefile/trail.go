package onefile

import "pixelcnn/internal/compile"

// A place is where a row that a stage reads was made.
type place struct {
	// age is how many steps ago that was; 0 is in this step, by an earlier stage.
	// absent is a row of zeros, which nothing made.
	age int
	// row is its number in what was written then. For a pixel it is its number in the
	// order of drawing, for a constant its slot.
	row int64
}

const absent = -1

// A trail is a program with its caches resolved: what is read where it was made.
type trail struct {
	widths [][]int64     // by stage and step: pixels; 0 where it does not run
	from   [][][][]place // by stage, input, part and number of row over all steps
	order  []int64       // the pixels, y·W + x, in the order of drawing
	writer []int         // by cache, the stage that writes it
	logits int           // the stage that makes them
}

// follow plays the program's steps through on the slots of its caches.
func follow(p *compile.Program) *trail {
	t := &trail{writer: make([]int, len(p.Caches))}
	slots := make([][]place, len(p.Caches)) // who wrote there last, with its step for an age
	for i, c := range p.Caches {
		slots[i] = make([]place, c.Slots)
		for k := range slots[i] {
			slots[i][k] = place{absent, int64(k)}
		}
	}
	for i, s := range p.Stages {
		t.widths = append(t.widths, make([]int64, len(p.Steps)))
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
			t.widths[run.Stage][now] = int64(run.Width)
			for j, in := range p.Stages[run.Stage].Inputs {
				for k, c := range in.Caches {
					for row := range run.Width {
						at := slots[c][run.In[j][k]+row]
						if at.age != absent {
							at.age = now - at.age
						}
						t.from[run.Stage][j][k] = append(t.from[run.Stage][j][k], at)
					}
				}
			}
			for j, o := range p.Stages[run.Stage].Outputs {
				if o.Cache < 0 {
					continue
				}
				for row := range run.Width {
					slots[o.Cache][run.Out[j]+row] = place{now, int64(row)}
				}
			}
		}
		for _, d := range step.Draws {
			slots[0][d.Slot] = place{now, int64(len(t.order))}
			t.order = append(t.order, int64(d.Pixel))
		}
	}
	return t
}
