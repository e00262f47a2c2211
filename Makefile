# make demo    from nothing to out/pixelcnn.onnx, samples and the loss curve
# make test    every test and linter, as CI runs them
# make help    the rest

GO      ?= go
OUT     ?= out
EPOCHS  ?= 5

PYTHON  ?= python3
CLIENTS ?=
BENCH   ?=
FUZZTIME ?= 10m
SOAK    ?= 20m
MUTANTS ?= 100000
NETWORKS ?= pixelcnnpp,pixelsnail,bottom,masked,transformer

# "make module PATH=…" means the module's path, not the shell's, which stays what it was:
# make gives $(shell) the PATH that it was started with itself, before 4.4 always, and since
# then where PATH refers to itself, as here.
ifneq (,$(filter module,$(MAKECMDGOALS)))
ifeq ($(origin PATH),command line)
MODULE := $(PATH)
override PATH = $(shell echo "$$PATH")
endif
endif

.PHONY: help deps data build demo test lint vuln unit race fuzz fuzz-short soak mutate nocgo cross generated parity parity-deps embed browser chromium test-browser test-node test-clients languages slurm slurm-kill slurm-deps kubernetes man completions bench bench-compile bench-growth bench-train bench-serve soak-serve judge kill module clean

help:
	@echo 'make deps    fetch ONNX Runtime and Fashion-MNIST into the user cache, unless they are there'
	@echo 'make build   bin/trainer and bin/sampler'
	@echo 'make demo    fetch Fashion-MNIST, build, train for some minutes, draw: $(OUT)/pixelcnn.onnx, samples.png, training.png'
	@echo 'make test    deps, build, linters and tests'
	@echo 'make vuln    look for known vulnerabilities in what the project is built of'
	@echo 'make fuzz    each fuzz target for $(FUZZTIME) (FUZZTIME=…), one after the other: a line for each'
	@echo 'make soak    draw under load for $(SOAK) (SOAK=…): the same images, nothing left over, no growth'
	@echo 'make mutate  show $(MUTANTS) damaged models (MUTANTS=…) to all that reads them, and to ONNX Runtime'
	@echo 'make browser the page that draws in the browser: static files in $(OUT)/browser'
	@echo 'make parity  draw 1,000 images of each model with every runtime: a table of the pixels that differ'
	@echo 'make languages  draw with the example programs of every language, and with other engines: a table'
	@echo 'make bench   time sampling: full loop, raster, wavefront; sizes; products alone; engines compared'
	@echo 'make bench BENCH="-python … -blas …"   the same with PyTorch (flags in internal/dev/bench/sample)'
	@echo 'make bench-compile PYTHON=…   networks of useful size against the full loop, PyTorch and the limit (NETWORKS=pixelcnnpp160)'
	@echo 'make bench-growth PYTHON=…   what an image of a transformer costs, by its size'
	@echo 'make bench-train PYTHON=…   time a training step against PyTorch (BENCH="-arch gated -hidden 64" and more)'
	@echo 'make bench-serve   the server under load, compared with the library (BENCH="-model pixelcnn" and more)'
	@echo 'make soak-serve    the server under overload for $(SOAK) (SOAK=…): what is accepted is right, memory is flat'
	@echo 'make test-clients  clients of OpenAI, as they are, against the server (CLIENTS="-examples 2000": more hostile requests)'
	@echo 'make judge MODELS=…   how often a classifier recognises the class of samples (JUDGE="-n 10000" and more)'
	@echo 'make kill    kill a training run at 200 random moments, and compare what it ends with'
	@echo 'make slurm   draw and score on a real Slurm, two nodes on this machine; make slurm-kill: with 20 tasks killed'
	@echo 'make module PATH=github.com/you/pixelcnn   give the module a path that others can fetch (see CONTRIBUTING.md)'
	@echo 'make man     manual pages in $(OUT)/man; make completions: bash, zsh and fish in $(OUT)/completions'
	@echo 'make clean   remove bin and $(OUT)'

build:
	$(GO) build -o bin/ ./cmd/trainer ./cmd/sampler

deps: data
	bin/sampler install-runtime

data: build
	bin/trainer fetch-data

demo: data
	@mkdir -p $(OUT)
	bin/trainer --kernel 21 --input onehot --epochs $(EPOCHS) --lr 2e-3 --schedule cosine --ema 0.999 --plot $(OUT)/training.png -o $(OUT)/pixelcnn.onnx
	bin/sampler --model $(OUT)/pixelcnn.onnx --temp 0.7 -n 64 -o $(OUT)/samples.png
	bin/sampler score --model $(OUT)/pixelcnn.onnx

test: deps parity-deps slurm-deps lint vuln unit race fuzz-short nocgo cross generated embed kubernetes test-node test-browser test-clients

lint:
	@files=$$($(GO) tool gofumpt -l .); test -z "$$files" || { echo "not formatted by gofumpt:" $$files; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	cd examples/embed && $(GO) vet ./...

# The modules are those whose checksums go.sum has, and nothing is known against them. Where
# the vulnerability database cannot be reached, this says so and goes on.
vuln:
	$(GO) mod verify
	@said=$$(mktemp) && trap 'rm '$$said EXIT && limit=$$(command -v timeout) && limit="$$limit 300"; \
	$$limit $(GO) tool govulncheck ./... 2> $$said; status=$$?; cat $$said >&2; \
	if [ $$status = 124 ] || grep -q 'fetching vulnerabilities:' $$said; then \
		echo 'vuln: NOT CHECKED: the vulnerability database cannot be reached'; else exit $$status; fi

unit:
	$(GO) test $$($(GO) list ./... | grep -v /examples/)

# The packages that share memory between goroutines or with C.
race:
	$(GO) test -race -short ./runtime ./sampler/... ./dataset ./internal/serve

fuzz:
	@GO='$(GO)' internal/dev/fuzz.sh $(FUZZTIME)

# A short turn for each; the seeds run as ordinary tests.
fuzz-short:
	@GO='$(GO)' internal/dev/fuzz.sh 2s

# The long forms of tests that are among the ordinary ones. With few arenas malloc keeps
# less of what threads have freed, so that a leak is the easier to see. In neither run may
# Go's memory grow; the race detector keeps memory of its own, so it is in the second that
# the process may not.
soak:
	MALLOC_ARENA_MAX=2 $(GO) test -race -count=1 -timeout 0 -v ./internal/dev/soak -soak $(SOAK)
	MALLOC_ARENA_MAX=2 $(GO) test -count=1 -timeout 0 -v ./internal/dev/soak -soak $(SOAK)

mutate:
	$(GO) test -count=1 -timeout 0 -v ./internal/dev/mutate -run '^TestMutants$$' -mutants $(MUTANTS)

# Only runtime's ONNX Runtime part may need a C compiler.
nocgo:
	CGO_ENABLED=0 $(GO) build ./...

# The sampler for every platform, without cgo: built, vetted, small enough, and run where
# it can be. Not from the test cache, which does not see what go build reads.
cross:
	$(GO) test -count=1 -timeout 60m -run '^TestCross$$' -v ./internal -cross

# The assembly is what its generator makes, but for the first line, which says how.
KERNEL = internal/goruntime/kernel
generated:
	@cd $(KERNEL)/gen && dir=$$(mktemp -d) && trap 'rm -r '$$dir EXIT && \
	$(GO) run . > $$dir/made && sed 1d $$dir/made > $$dir/want && sed 1d ../kernel_amd64.s > $$dir/have && \
	{ diff -u $$dir/have $$dir/want > $$dir/diff || { head -20 $$dir/diff; \
	echo '$(KERNEL)/kernel_amd64.s is not what its generator makes; run: cd $(KERNEL)/gen && go run . -out ../kernel_amd64.s'; exit 1; }; }

# A second ONNX Runtime, kept apart from the one in use, to compare with. The comparison
# does without it where it cannot be had, and says so.
parity-deps:
	@$(GO) test -count=1 -v ./internal/dev/parity -run '^TestRuntimes$$' -fetch -images 1

parity: deps
	$(GO) test -count=1 -timeout 0 -v ./internal/dev/parity -run '^TestRuntimes$$' -fetch -images 1000

# The library as others use it: a module of its own.
embed:
	@dir=$$(mktemp -d) && (cd examples/embed && $(GO) run . -dir $$dir) && rm -r $$dir

module:
	@test -n "$(MODULE)" || { echo 'which path? make module PATH=github.com/you/pixelcnn' >&2; exit 1; }
	$(GO) run ./internal/dev/module '$(MODULE)'
	$(GO) tool gofumpt -w .

kill: deps
	$(GO) test -count=1 -timeout 60m -run '^TestKill$$' -v ./cmd/trainer -kills 200

browser:
	$(GO) run ./examples/browser -o $(OUT)/browser

# These say what they skip where Node, npm or Chromium is not to be had.
test-node:
	$(GO) test -v ./examples/node

# Python, Maven, Cargo and npm, each where it is there; what they install goes to the
# user's cache, some 3 GB. The quick ones are among the ordinary tests.
languages: deps
	$(GO) test -count=1 -timeout 0 -v -run TestAll ./internal/dev/languages -args -all

test-browser: chromium
	$(GO) test -v ./examples/browser
	$(GO) test -v -run TestPage ./internal/serve

test-clients:
	cd internal/serve/clients && $(GO) vet ./... && $(GO) test -count=1 -v ./... $(CLIENTS)

# Where tests run on their own, as root of a Debian, Chromium is installed.
chromium:
	@if [ -n "$$CI" ] && ! command -v chromium >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		{ apt-get update && apt-get install -y --no-install-recommends chromium; } >/dev/null 2>&1 || echo 'chromium: apt-get cannot install it'; fi

# Slurm is Debian's, and starts as root only; without it these say what they skip.
slurm:
	$(GO) test -count=1 -v ./internal/dev/slurm

slurm-kill:
	$(GO) test -count=1 -timeout 60m -v ./internal/dev/slurm -kills 20

slurm-deps:
	@if [ -n "$$CI" ] && ! command -v sbatch >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		{ apt-get update && apt-get install -y --no-install-recommends slurm-wlm munge; } >/dev/null 2>&1 || echo 'slurm-deps: apt-get cannot install it'; fi

# The manifest against the types of Kubernetes, in a module of their own.
kubernetes:
	cd internal/dev/kubernetes && $(GO) test ./...

man: build
	bin/sampler man $(OUT)/man
	bin/trainer man $(OUT)/man

completions: build
	@mkdir -p $(OUT)/completions
	for shell in bash zsh fish; do bin/sampler completion $$shell > $(OUT)/completions/sampler.$$shell; done
	for shell in bash zsh fish; do bin/trainer completion $$shell > $(OUT)/completions/trainer.$$shell; done

bench: deps
	$(GO) test -count=1 -timeout 0 -v ./internal/dev/bench/sample -args -measure $(BENCH)

# PYTHON has PyTorch and onnx: it makes the files, and draws by hand what is compared.
bench-compile: deps
	$(GO) test -count=1 -timeout 0 -v -run TestNetworks ./internal/dev/bench/sample -args -networks $(NETWORKS) -rounds 3 -python $(PYTHON) $(BENCH)

bench-growth: deps
	$(GO) test -count=1 -timeout 0 -v -run TestGrowth ./internal/dev/bench/sample -args -growth -rounds 3 -python $(PYTHON) $(BENCH)

bench-train: deps
	$(GO) test -count=1 -timeout 0 -v ./internal/dev/bench -args -python $(PYTHON) $(BENCH)

bench-serve:
	$(GO) test -count=1 -timeout 0 -v -run 'Throughput|Sizes|Latency|Overload' ./internal/dev/bench/serve -args -measure $(BENCH)

# For so long ten times what there is capacity for, with clients that go away and damaged
# requests among them; then quiet.
soak-serve:
	MALLOC_ARENA_MAX=2 $(GO) test -count=1 -timeout 0 -v -run TestSoak ./internal/dev/bench/serve -args -soak $(SOAK)

judge: deps
	$(GO) test -count=1 -timeout 0 -v -run TestJudge ./internal/dev/judge -args -models $(MODELS) $(JUDGE)

clean:
	rm -rf bin $(OUT)
