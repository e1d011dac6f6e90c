# The commands of this project. What they install, .ci/install says; it needs root or sudo only where something is missing.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# One build at a time: two would wait for each other.
.NOTPARALLEL:

# The Swift runtime is in the program: it runs where there is none, as on the machines that the package is for.
RELEASE := swift build -c release --static-swift-stdlib -Xswiftc -cross-module-optimization \
	--explicit-target-dependency-import-check error
SWIFT_FILES := Sources Tests Fuzz Package.swift
# How long `make fuzz` looks at each target.
FUZZ_SECONDS ?= 60

.PHONY: help build run test test-corpora soak deb install bench lint format sanitize fuzz clean

help: ## Shows this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

build: ## Builds the release binary, .build/release/portcullis
	@.ci/install build
	@[[ -e .build/release/portcullis ]] || echo "Building; the first time takes some minutes."
	$(RELEASE)

run: build ## Builds, and runs gateway.conf.example on 127.0.0.1:8080
	@exec .ci/try

test: ## Builds, and runs every test
	@.ci/install test
	@.ci/test

test-corpora: ## Runs only the tests of public test data in PORTCULLIS_CORPORA (../shared/corpora when unset)
	@.ci/install test
	@.ci/test-corpora

soak: ## Runs only the tests that take minutes: rotating keys while the issuer fails, everything at once
	@.ci/install test
	@.ci/soak

deb: build ## Builds a Debian package, .build/portcullis_VERSION_ARCH.deb
	@deploy/deb

install: ## Installs what was built: [PREFIX=/usr/local] [DESTDIR=] make install
	@deploy/install

bench: ## Compares with nginx, HAProxy and Envoy on this machine
	@.ci/install bench
	$(RELEASE)
	@source .ci/steps && python_environment && bench_environment
	@Bench/run

lint: ## Checks the format of Swift files, and Python and shell scripts for mistakes
	@.ci/install test
	swift format lint --strict --recursive $(SWIFT_FILES)
	@.ci/lint

format: ## Formats Swift files
	swift format --in-place --recursive $(SWIFT_FILES)

sanitize: ## Runs all tests under the address and thread sanitizers
	@.ci/install test
	@.ci/sanitize

fuzz: ## Looks for inputs that break a parser or a verifier, FUZZ_SECONDS (60) for each
	@.ci/install build
	@.ci/fuzz $(FUZZ_SECONDS) $(TARGET)

clean: ## Removes what was built and the Python environment; keys in state/ stay
	rm -rf .build .build-* .venv
