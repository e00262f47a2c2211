// Package pass is what is done to units between the front end and the schedule, in
// this order:
//
//   - [Fuse] merges units that one matrix product can compute.
//   - [Carry], for the latency variant, moves biases to where they cost no node.
//   - [Trim] drops what is not needed and gives every unit an origin.
//   - [Causal] proves that no pixel sees itself or its future.
package pass
