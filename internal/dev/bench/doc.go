// Package bench compares a training step, with either runtime, with PyTorch's and with the
// matrix products alone, in turn, several times over, and prints medians as a Markdown
// table:
//
//	python3 -m venv DIR && DIR/bin/pip install torch numpy
//	make bench-train PYTHON=DIR/bin/python
//	go test -count=1 -timeout 0 -v ./internal/dev/bench -python DIR/bin/python -hidden 128
//
// A round takes about a minute at 64 filters and three at 128 on two cores; none begins after
// eight minutes (-within). A row of the table has how much of that contestant's step ours take.
//
// PyTorch runs as it is and compiled (torch.compile, which needs a C++ compiler), each with
// the channels last, Adam in one kernel, and malloc told to keep what is freed; otherwise
// each step pays for fresh pages.
package bench
