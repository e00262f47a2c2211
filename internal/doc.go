// Package internal holds the tests about the repository as a whole: who may import whom,
// and that the sampler builds for every platform.
package internal
