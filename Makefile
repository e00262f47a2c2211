# make demo    from nothing to out/pixelcnn.onnx, samples and the loss curve
# make test    every test and linter, as CI runs them
# make help    the rest

GO      ?= go
OUT     ?= out
EPOCHS  ?= 5
export CGO_ENABLED ?= 1

PYTHON  ?= python3
BLAS    ?=
BENCH   ?=

.PHONY: help deps build demo test lint unit race nocgo embed man completions bench bench-train clean

help:
	@echo 'make deps    fetch ONNX Runtime and Fashion-MNIST into the user cache, unless they are there'
	@echo 'make build   bin/trainer and bin/sampler'
	@echo 'make demo    deps, build, train for some minutes, draw: $(OUT)/pixelcnn.onnx, samples.png, training.png'
	@echo 'make test    deps, build, linters and tests'
	@echo 'make bench   time sampling: full loop, raster, wavefront; sizes; products alone; engines compared'
	@echo 'make bench BENCH="--python … --blas …"   the same with PyTorch (go run ./internal/bench/sample --help)'
	@echo 'make bench-train PYTHON=… BLAS=…   time a training step against PyTorch (see internal/bench)'
	@echo 'make man     manual pages in $(OUT)/man; make completions: bash, zsh and fish in $(OUT)/completions'
	@echo 'make clean   remove bin and $(OUT)'

build:
	$(GO) build -o bin/ ./cmd/trainer ./cmd/sampler

deps: build
	bin/sampler install-runtime
	bin/trainer fetch-data

demo: deps
	@mkdir -p $(OUT)
	bin/trainer --kernel 21 --epochs $(EPOCHS) --lr 2e-3 --schedule cosine --plot $(OUT)/training.png -o $(OUT)/pixelcnn.onnx
	bin/sampler --model $(OUT)/pixelcnn.onnx --temp 0.7 -n 64 -o $(OUT)/samples.png
	bin/sampler score --model $(OUT)/pixelcnn.onnx

test: deps lint unit race nocgo embed

lint:
	@files=$$($(GO) tool gofumpt -l .); test -z "$$files" || { echo "not formatted by gofumpt:" $$files; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	cd examples/embed && $(GO) vet ./...

unit:
	$(GO) test ./...

# The packages that share memory between goroutines or with C.
race:
	$(GO) test -race -short ./runtime ./sampler ./dataset

# Only runtime's ONNX Runtime part may need a C compiler.
nocgo:
	CGO_ENABLED=0 $(GO) build ./...

# The library as others use it: a module of its own.
embed:
	@dir=$$(mktemp -d) && (cd examples/embed && $(GO) run . -dir $$dir) && rm -r $$dir

man: build
	bin/sampler man $(OUT)/man
	bin/trainer man $(OUT)/man

completions: build
	@mkdir -p $(OUT)/completions
	for shell in bash zsh fish; do bin/sampler completion $$shell > $(OUT)/completions/sampler.$$shell; done
	for shell in bash zsh fish; do bin/trainer completion $$shell > $(OUT)/completions/trainer.$$shell; done

bench: deps
	$(GO) run ./internal/bench/sample $(BENCH)

bench-train: deps
	$(GO) run ./internal/bench --python $(PYTHON) --blas "$(BLAS)"

clean:
	rm -rf bin $(OUT)
