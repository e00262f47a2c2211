// Package signature reads what a model file takes and gives: its inputs and outputs,
// the layouts of their dimensions, how levels become input values (package encoding), which
// head makes probabilities of the outputs (package likelihood), the classes. It runs
// nothing.
//
//	s, err := signature.Read(model, signature.Options{})
//	feed := s.Feed(64)                    // the inputs of 64 images
//	feed.Set(i, pixel, level)             // a level, as the network reads it
//	at, stride := s.OutputAt(i, pixel)    // where its outputs for a pixel are
//
// Everything that feeds a network or reads its outputs asks a [Signature], so this is the
// place to teach the project another form of file: reading it in signature.go, its inputs
// in feed.go and class_input.go, another size in size.go, the one-file sampler in onefile.go.
package signature
