// Package likelihood holds the heads: what turns a network's outputs at a pixel into
// the probabilities of the pixel's symbols. A symbol is one channel of one pixel, what
// one draw decides.
//
//	head := likelihood.Categorical{Depth: 4}
//	logs := head.LogProbs(outputs, nil, nil)       // up to a constant, [levels]
//	lp, ok := likelihood.LogSoftmax(logs, level)   // nats
//
// A [Head] is a small pure type. It stands in one file with one table-driven test, and
// everything asks it and nothing else: the draws of every engine, the scores, the
// settling of near ties, the loss in training and the draws of the one-file sampler. To
// add a head, write its file and its test, which calls check (check_test.go); package
// signature says which files have it.
package likelihood
