package schedule

import (
	"slices"

	"pixelcnn/internal/compile/ir"
)

// stageKey is what the units of a stage have in common.
type stageKey struct {
	level int // stages run in this order within a step
	unit  ir.Lattice
	at    int
	rows  bool
	h, w  int
}

// divide divides the units that steps compute. A stage is units of one time, lattice and size,
// none of which needs, in the same step, another pixel's value of one of them.
func (s *Schedule) divide(units []*ir.Unit) {
	level := make([]int, len(units))
	members := map[stageKey][]*ir.Unit{}
	var order []stageKey
	for i, u := range units {
		if !u.Drawn() {
			continue
		}
		for _, a := range u.Args {
			j := a.Src.ID
			if !a.Src.Drawn() {
				continue
			}
			if s.together(u, a) {
				level[i] = max(level[i], level[j])
			} else if s.at[i] == s.at[j]+s.lag(u, a) {
				level[i] = max(level[i], level[j]+1)
			}
		}
		key := stageKey{level[i], s.units[i], s.at[i], s.rows[i], u.Dom.H(), u.Dom.W()}
		if members[key] == nil {
			order = append(order, key)
		}
		members[key] = append(members[key], u)
	}
	slices.SortStableFunc(order, func(a, b stageKey) int { return a.level - b.level })
	s.of = slices.Repeat([]int{-1}, len(units))
	for i, key := range order {
		s.Stages = append(s.Stages, members[key])
		for _, u := range members[key] {
			s.of[u.ID] = i
		}
	}
}

// together tells whether the pixels of u and those that it reads through a are the
// same ones, at the same time.
func (s *Schedule) together(u *ir.Unit, a ir.Arg) bool {
	return a.Access == ir.Here && a.Src.Drawn() && a.Src.Dom == u.Dom && u.Dom.Within(a.Valid) &&
		s.at[u.ID] == s.at[a.Src.ID] && s.clock(u) == s.clock(a.Src)
}

// Of is the stage that computes u, -1 where none does.
func (s *Schedule) Of(u *ir.Unit) int { return s.of[u.ID] }

// Direct tells whether what u reads through a is there in the same run of a stage, and
// needs no cache.
func (s *Schedule) Direct(u *ir.Unit, a ir.Arg) bool {
	return s.together(u, a) && s.of[u.ID] == s.of[a.Src.ID]
}
