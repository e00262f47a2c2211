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
// Networks of useful size have random weights, and their files are made by a script, which
// wants PyTorch and onnx. They are held against the full loop, PyTorch's best loop where one
// was written, and what products and memory allow at most:
//
//	python3 -m venv DIR && DIR/bin/pip install torch onnx numpy
//	make bench-compile PYTHON=DIR/bin/python
//	make bench-compile PYTHON=DIR/bin/python NETWORKS=pixelcnnpp160     as published
//	make bench-compile PYTHON=DIR/bin/python BENCH="-files FOLDER"      keeps the files
//	make bench-growth PYTHON=DIR/bin/python                             a transformer by size
package sample
