// Package likelihood holds the heads: what turns a network's outputs at a pixel into
// the probabilities of the pixel's symbols. A symbol is one channel of one pixel, what
// one draw decides.
//
//	head := likelihood.Categorical{Depth: 4}
//	logs := head.LogProbs(outputs, nil, scratch)   // up to a constant, [levels]
//	lp, ok := likelihood.LogSoftmax(logs, level)   // nats
//
// A [Head] is a small pure type. It stands in one file with one table-driven test, and
// everything asks it and nothing else: the draws of every engine, the scores, the
// settling of near ties, the loss in training and the draws of the one-file sampler. To
// add a head, write its file and its test, which calls check (check_test.go); package
// signature says which files have it.
//
// [Categorical], [Bernoulli] and [Mixture] are those that files have. A head that can draw
// without the probabilities of all levels is an [Inverter], as a mixture is, which bisects
// its cumulative distribution. One whose levels are off by very different amounts is a
// [Refiner]. One that gives the log-probabilities of many pixels at once, as a categorical one
// does, is [Planar], and scores are the faster for it.
//
// What decides a level is the same to the bit on every processor: [Exp] and [Log] are this
// package's own, and no product is added without being rounded.
package likelihood
