# Entry points for people: each works alone on a bare Debian 12 with git, make, python3 and root (or sudo).
# Elsewhere, use CMake directly: see README.md.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
BUILD ?= build
PREFIX ?= /usr/local
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
export CCACHE_SLOPPINESS := pch_defines,time_macros

FUZZ_SECONDS ?= 60
FUZZ_JOBS ?= 2

.PHONY: help demo test fuzz sanitize bench benchmark-page gpu-bundle timelines build install docs setup clean
help:
	@echo "make demo       compile the first example and run both schedules on four ranks"
	@echo "make test       build everything and run all tests"
	@echo "make fuzz       look for inputs that go wrong; FUZZ_SECONDS=60, FUZZ_JOBS=2"
	@echo "make sanitize   run all tests under ASan and UBSan, those of the runtime under TSan: an hour"
	@echo "make bench      measure what the README claims"
	@echo "make gpu-bundle make a folder that checks and times the kernels on a GPU's machine"
	@echo "make benchmark-page  render what was measured; GPU_RESULTS=folder takes the JSON of a GPU bundle first"
	@echo "make timelines  draw the pictures of the README"
	@echo "make build      build everything"
	@echo "make install    install it; PREFIX=/usr/local, DESTDIR="
	@echo "make docs       regenerate the pages that are made from headers and .td files"
	@echo "make clean      remove the build"

demo: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet rondo-compile rondo-run
	@examples/demo.sh $(BUILD)

test: build
	@ctest --test-dir $(BUILD) --output-on-failure

fuzz: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet fuzzers
	@python3 test/fuzz/fuzz.py --build $(BUILD) --seconds $(FUZZ_SECONDS) --jobs $(FUZZ_JOBS)

sanitize: | setup
	@test/sanitize/sanitize.sh

bench: build
	@python3 benchmark/spine.py --build $(BUILD)
	@python3 benchmark/cpu_kernels.py --build $(BUILD)

# Of benchmark/results: spine.json and cpu.json are by `make bench`; gpu.json, check.json and sanitize.json by run.sh of a GPU bundle.
benchmark-page:
	@python3 benchmark/page.py $(if $(GPU_RESULTS),--take "$(GPU_RESULTS)")

gpu-bundle: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet gpu-bundle

timelines: build
	@python3 benchmark/timelines.py --build $(BUILD)

build: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

# DESTDIR, where given, reaches CMake by the environment.
install: build
	@cmake --install $(BUILD) --prefix "$(PREFIX)"

docs: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet docs

$(BUILD)/build.ninja: | setup
	@cmake/configure.sh $(BUILD)

# Installs what is missing, and nothing if all is there.
setup:
	@cmake/setup.sh

clean:
	rm -rf $(BUILD)
