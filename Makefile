# SPDX-License-Identifier: Apache-2.0
# The front door. It only forwards: to tools/setup.sh (what the machine lacks), to Meson (build), to
# tools/test.py (suites) and to the scripts in bench/. Nothing here knows a source file.
SHELL := /bin/bash
PREFIX ?= /usr/local
SECS ?= 60
export PATH := $(PATH):$(CURDIR)/.venv/bin

.PHONY: all run test check bench asan fuzz lint fmt clean install help
all: ## install what is missing, build into build/bin, make .venv
	@tools/setup.sh build

run: ## the main job: a session with the built-in model, the steering experiment, the notebook
	@tools/setup.sh build
	@.venv/bin/python experiments/hello/main.py

test: ## every suite; T=word narrows; the last line is "N passed, N failed"
	@tools/setup.sh dev
	@.venv/bin/python tools/test.py $(if $(T),-k '$(T)')

check: ## unit tests, corpus replays and static checks, under two minutes
	@tools/setup.sh dev
	@.venv/bin/python tools/test.py --quick $(if $(T),-k '$(T)')

bench: ## bench/session, bench/exec, bench/sandbox: one line each, ours beside the peer's
	@tools/setup.sh dev
	@for b in session exec sandbox; do \
	  if [ -e bench/$$b ]; then echo "== bench/$$b"; .venv/bin/python bench/$$b $(BENCH_ARGS) || exit 1; fi; done

asan: ## the ASan+UBSan build, in build-asan
	@tools/setup.sh asan

fuzz: ## make fuzz F=journal SECS=60
	@test -n "$(F)" || { echo "say which: make fuzz F=journal SECS=60" >&2; exit 2; }
	@tools/setup.sh fuzz
	@mkdir -p build-fuzz/new/$(F)
	build-fuzz/tests/fuzz_$(F) -max_total_time=$(SECS) -artifact_prefix=build-fuzz/crash-$(F)- \
	  build-fuzz/new/$(F) tests/fuzz/corpus/$(F)

lint: ## ruff, mypy --strict, clang-format, layers, banned functions, globals
	@tools/setup.sh dev
	@.venv/bin/python tools/test.py --only checks

fmt: ## format C and Python in place
	@tools/setup.sh dev
	@git ls-files '*.c' '*.h' | xargs clang-format -i
	@.venv/bin/ruff format python tests tools bench experiments

install: ## PREFIX=/usr/local
	@tools/setup.sh build
	.venv/bin/meson install -C build --no-rebuild --destdir '$(DESTDIR)'

clean: ## remove what was built (not ~/.cache/seer)
	rm -rf build build-asan build-fuzz .venv .stamps

help: ## this text
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16
