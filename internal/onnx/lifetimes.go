package onnx

import "slices"

// lifetimes are the values that a graph's nodes read and make, in order.
type lifetimes struct {
	events []event
	ends   []*Value // the graph's outputs
}

// event is a node that runs. It may also read constants of the file and inputs of the graph, which
// no event makes.
type event struct {
	in, out []*Value
	scratch int64 // bytes that it takes for itself
}

// peak is the number of bytes held at once, at most, where nodes run in the order of
// the file or depth first from the outputs, beginning with either end of the list of
// inputs: a runtime may choose any. What a node reads and what it makes are there at
// the same time. Memory that is taken over or only looked at differently counts twice.
func (s *lifetimes) peak() int64 {
	file := make([]int, len(s.events))
	for i := range file {
		file[i] = i
	}
	return max(s.peakOf(file), s.peakOf(s.depthFirst(false)), s.peakOf(s.depthFirst(true)))
}

// peakOf is the peak of one order.
func (s *lifetimes) peakOf(order []int) int64 {
	uses := map[*Value]int{}
	for _, e := range s.events {
		for _, v := range e.in {
			uses[v]++
		}
	}
	for _, v := range s.ends {
		uses[v]++ // to the end
	}
	held := map[*Value]int64{}
	var now, peak int64
	for _, i := range order {
		e := s.events[i]
		for _, v := range e.out {
			if _, there := held[v]; !there && v.Const == nil {
				held[v] = bytesOf(v)
				now = saturate(now, held[v])
			}
		}
		peak = max(peak, saturate(now, e.scratch))
		for _, v := range e.in {
			if uses[v]--; uses[v] == 0 {
				now -= held[v]
				delete(held, v)
			}
		}
		for _, v := range e.out {
			if uses[v] == 0 {
				now -= held[v]
				delete(held, v)
			}
		}
	}
	return peak
}

// depthFirst lists the events so that each comes right after what it reads.
func (s *lifetimes) depthFirst(reverse bool) []int {
	maker := map[*Value]int{}
	for i, e := range s.events {
		for _, v := range e.out {
			maker[v] = i
		}
	}
	order := make([]int, 0, len(s.events))
	done := make([]bool, len(s.events))
	type visit struct {
		event int
		in    []*Value // still to be looked at
	}
	inputs := func(i int) []*Value {
		in := slices.Clone(s.events[i].in)
		if reverse {
			slices.Reverse(in)
		}
		return in
	}
	var stack []visit
	from := func(i int) {
		stack = append(stack, visit{i, inputs(i)})
		done[i] = true
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if len(top.in) == 0 {
				order = append(order, top.event)
				stack = stack[:len(stack)-1]
				continue
			}
			v := top.in[0]
			top.in = top.in[1:]
			if k, made := maker[v]; made && !done[k] {
				done[k] = true
				stack = append(stack, visit{k, inputs(k)})
			}
		}
	}
	for i := len(s.events) - 1; i >= 0; i-- { // a runtime begins at the end
		if !done[i] {
			from(i)
		}
	}
	return order
}
