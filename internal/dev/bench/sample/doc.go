// Package sample measures drawing: the full loop, the compiled form in raster order and
// as a wavefront, on ONNX Runtime and on the runtime in Go, beside one dense forward
// pass, bare matrix products and, where asked for, PyTorch's loops. Contestants take
// turns, round after round, in one process on the same processors. It prints Markdown
// tables: medians over the rounds, ratios taken within a round.
//
//	make bench
//	make bench BENCH="-python python3 -blas DIR"      with PyTorch's loops
//	make bench BENCH="-rounds 0 -exact-model FILE"    equality only
//
// Large models are made by scripts that want PyTorch, and are told how they are read:
//
//	python internal/dev/bench/sample/pixelcnnpp.py pp.onnx
//	bin/sampler annotate --model pp.onnx --head logistic-mixture --pixel-range -1:1 -o large.onnx
//	make bench BENCH="-rounds 3 -large large.onnx"    one image, a batch, a dense pass
package sample
