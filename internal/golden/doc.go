// Package golden holds a test that the commands write what they wrote before, byte for
// byte: images in every format, scores, one-file samplers and what is drawn from them,
// trained files and checkpoints. It goes through the command lines alone, so it stands
// whatever becomes of the code behind them, and its models are made by a writer of its
// own.
//
// testdata/golden.txt has a line for each file that a case writes:
//
//	CASE FILE SHA-256 [WHERE]
//
// WHERE is empty where the bytes are the same everywhere. What ONNX Runtime trains, scores
// and draws with a one-file sampler is rounded as its version and the processor's
// instructions have it; a PNG is as small as a release of Go makes it. Such a case can have
// lines for several places, and where it has none for the one at hand, the test says what
// it skips.
//
//	go test ./internal/golden            compare
//	go test ./internal/golden -update    record what is other here
//	go test ./internal/golden -bin DIR   compare what other builds of the commands write
package golden
