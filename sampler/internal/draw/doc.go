// Package draw decides symbols: it takes what a network says of a pixel and a uniform
// variate, and gives a level. It runs no network and knows no engine.
//
//	how, err := draw.Parameters{Temperature: 0.7, Seed: 42}.For(head, height)
//	rows := []draw.Row{{Image: 0, How: how, Levels: levels}} // an image each
//	b := draw.NewBatch(head, rows, width, settle)
//	level := b.Symbol(0, k, outputs, 1, u)
//
// A [Drawer] is the inverse CDF with the filters, and tells near ties. A [Row] is an image
// to draw, with all that decides it: its parameters, seed and number, its class, which of
// its symbols are given. Rows of one [Batch] may belong to different requests.
//
// A sampling parameter is added here: a field of [Parameters] with its check
// (parameters.go), and what it does to the weights (filter.go) or the draw (drawer.go).
package draw
