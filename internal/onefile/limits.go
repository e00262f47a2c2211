package onefile

import (
	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/onnx"
)

// readBytes is the memory that a read of one row takes while the graph is made: a definition, an
// index, and the text by which equal tables of indices are found.
const readBytes = 64

// within tells whether the graph of a program can be within the limits, before any of it is made.
// What grows with the image is what stages read: a number for each row.
func within(p *program.Program, l onnx.Limits) error {
	rows := make([]int64, len(p.Stages)) // over all steps
	for _, step := range p.Steps {
		for _, run := range step.Runs {
			rows[run.Stage] += int64(run.Width)
		}
	}
	var nodes, reads, largest int64
	for i, s := range p.Stages {
		nodes += int64(len(s.Model.Graph.Nodes))
		for _, in := range s.Inputs {
			parts := map[int]int64{} // by cache: what one table of indices is for
			for _, c := range in.Caches {
				if c < p.Channels { // one table for all of the picture's channels
					c = 0
				}
				parts[c]++
			}
			for c, n := range parts {
				reads += n * rows[i]
				if n > 1 || c == 0 { // one part may be all that another stage wrote, and needs no table
					largest = max(largest, 8*n*rows[i])
				}
			}
		}
	}
	order := 16 * int64(p.Height*p.Width*p.Channels) // of the symbols, there and back
	for _, e := range []onnx.LimitError{
		{Limit: "Nodes", What: "nodes of all steps as one graph", Have: nodes, Max: int64(l.Nodes)},
		{Limit: "FileBytes", What: "bytes of one file for images of this size, or more", Have: largest + order, Max: l.FileBytes},
		{Limit: "TensorBytes", What: "bytes that say what a step reads", Have: largest, Max: l.TensorBytes},
		{Limit: "Memory", What: "bytes to make one file for images of this size", Have: readBytes * reads, Max: l.Memory},
	} {
		if e.Have > e.Max {
			return &e
		}
	}
	return nil
}
