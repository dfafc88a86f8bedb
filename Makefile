# Espalier's set-up, build, tests and installation. `make` lists the targets.

SWIFT ?= swift
PREFIX ?= /usr/local
DESTDIR ?=
SECONDS ?= 60
SWIFT_BUILD_FLAGS ?=
SWIFT_TEST_FLAGS ?=

# On Linux the Swift runtime goes into the binary, so that it runs where no Swift is installed; macOS has it in the system.
ifeq ($(shell uname -s),Linux)
STATIC_RUNTIME ?= --static-swift-stdlib
endif
RELEASE_FLAGS = -c release $(STATIC_RUNTIME) $(SWIFT_BUILD_FLAGS)
BINARY = $$($(SWIFT) build $(RELEASE_FLAGS) --show-bin-path)/espalier

SWIFT_FORMAT_PATHS = Package.swift $(wildcard Sources Tests Benchmarks Fuzz)

.DEFAULT_GOAL := help
.PHONY: help setup build demo demo-files test check-slow check-cuda check-quality check-documents check-speed interop interop-quick benchmarks fuzz fault-injection lint docs docc format install install-files uninstall clean

help: ## list the targets
	@echo "Targets:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{ printf "%-17s%s\n", $$1, $$2 }'
	@echo "Variables: PREFIX=$(PREFIX) DESTDIR SWIFT_BUILD_FLAGS SWIFT_TEST_FLAGS; LIBTORCH (a libtorch 2.11.0 that is there already), ESPALIER_CACHE"

setup: ## fetch libtorch once (0.55 GB) and link .torch to it
	@Scripts/fetch-libtorch.sh

build: setup ## build the tool in release mode
	$(SWIFT) build $(RELEASE_FLAGS) --product espalier

demo: setup ## prune a real 135M model four ways and compare (fetches 0.12 GB more)
	@Scripts/fetch-demo.sh >/dev/null
	$(SWIFT) build $(RELEASE_FLAGS) --product espalier
	@Scripts/demo.sh "$(BINARY)"

demo-files: setup ## fetch the demo's model and texts, and lay out the files that the documents name
	@Scripts/demo.sh --files

test: setup ## run the tests
	$(SWIFT) test $(SWIFT_BUILD_FLAGS) $(SWIFT_TEST_FLAGS)

check-slow: setup ## run the tests, the slow ones too
	ESPALIER_SLOW=1 $(SWIFT) test $(SWIFT_BUILD_FLAGS) $(SWIFT_TEST_FLAGS)

check-cuda: build ## prune on the processor and on a GPU by every method, and compare
	@Scripts/check-cuda.sh "$(BINARY)"

check-quality: setup ## prune a small model by every method and gate it by recorded figures; kill and resume runs
	$(SWIFT) build $(SWIFT_BUILD_FLAGS) --product espalier
	@Scripts/check-quality.py "$$($(SWIFT) build $(SWIFT_BUILD_FLAGS) --show-bin-path)/espalier"

check-documents: setup ## run every command that the documents give, on a small model, and follow their links
	$(SWIFT) build $(SWIFT_BUILD_FLAGS) --product espalier
	@Scripts/check-documents.py "$$($(SWIFT) build $(SWIFT_BUILD_FLAGS) --show-bin-path)/espalier"

benchmarks: setup ## build the programs that measure speed
	$(SWIFT) build $(RELEASE_FLAGS) --package-path Benchmarks

check-speed: benchmarks ## measure what share of the machine's peak a block reaches, and fail below the thresholds
	$(SWIFT) run $(RELEASE_FLAGS) --package-path Benchmarks espalier-benchmarks --check

interop: build ## load what is written in transformers, vLLM, llama.cpp and mlx-lm, and compare (an hour)
	@Scripts/interop.sh "$(BINARY)"

interop-quick: setup ## the same with a tiny model, in transformers and in the reader of GGUF's own package
	$(SWIFT) build $(SWIFT_BUILD_FLAGS) --product espalier
	@Scripts/interop.sh "$$($(SWIFT) build $(SWIFT_BUILD_FLAGS) --show-bin-path)/espalier" --quick

fuzz: setup ## feed mutants to every reader for SECONDS (60) in all
	@Scripts/fuzz.sh $(SECONDS)

fault-injection: build ## fail every write, fsync, rename and close of the verbs that write, one at a time
	@python3 Fuzz/Faults/inject.py "$(BINARY)"

lint: ## check format and style of all code, the table of bad inputs and the module graph
	$(SWIFT) format lint --strict --recursive $(SWIFT_FORMAT_PATHS)
	@Scripts/bad-inputs-table.py --check
	@Scripts/module-graph.py --check
	@Scripts/lint.sh

docs: ## write the table of bad inputs and the imports of the modules
	@Scripts/bad-inputs-table.py
	@Scripts/module-graph.py

docc: setup ## build the libraries' reference and guides, without warnings, into .build/docc
	ESPALIER_DOCC=1 $(SWIFT) package --scratch-path .build/docc-work --allow-writing-to-directory .build/docc \
		generate-documentation --target EspalierKit --warnings-as-errors --output-path .build/docc

format: ## format all Swift, C++ and Python files in place
	$(SWIFT) format --in-place --recursive $(SWIFT_FORMAT_PATHS)
	@Scripts/lint.sh --format

install: build install-files ## build, then install under PREFIX: the tool, its libraries, shell completions

install-files: ## install what `make build` built, without building (for sudo)
	@Scripts/install.sh install "$(BINARY)" "$(DESTDIR)$(PREFIX)"

uninstall: ## remove what install put under PREFIX
	@Scripts/install.sh uninstall "$(DESTDIR)$(PREFIX)"

clean: ## remove build products and demo-output; downloads in the cache folder stay
	rm -rf .build demo-output Fuzz/.build Fuzz/.build-coverage
