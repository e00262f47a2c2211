// Package internal holds the tests about the repository as a whole: who may import whom and
// whether ARCHITECTURE.md says so (layout_test.go), that every error is of a kind, that
// nothing asks for a network, that the sampler builds for every platform, and that a program
// outside can use it.
package internal
