// Package slurm runs the examples of examples/slurm on a real Slurm: a controller and two
// nodes on this machine, whose tasks are killed and whose nodes are lost. It is all tests.
//
//	go test ./internal/dev/slurm -v -kills 20
package slurm
