// Package signature reads what a model file takes and gives: its inputs and outputs,
// the layouts of their dimensions, how levels become input values (package encoding), which
// head makes probabilities of the outputs (package likelihood), classes and conditions. It
// rewrites the graph into one form, so that nobody else sees any of that: a picture
// float32 [N, C, H, W] and outputs float32 [N, outputs, H, W].
//
//	s, err := signature.Read(model, signature.Options{}, rt)
//	feed := s.Feed(64)                    // the inputs of 64 images, for s.Model()
//	feed.Set(i, k, level)                 // a level of symbol k, as the network reads it
//	at, stride := s.OutputAt(i, pixel)    // where its outputs for a pixel are
//
// A file is read in three steps. reading.go lists all ways in which its shapes and the
// options allow it to be read. choose.go makes a signature of each, and takes the one that
// is right: try.go runs them on a runtime, and only in the right order do outputs depend on
// earlier symbols alone. canonical.go rewrites the graph. Each part is noted with its reason
// in [Signature.Findings]; what remains open is an error that lists the readings and the
// options that choose.
//
// Another form of file is taught here and nowhere else: a layout in reading.go, an input
// beside the picture in class_input.go or condition.go, how a run's inputs are filled in
// feed.go, another size in size.go, the one-file sampler in onefile.go.
package signature
