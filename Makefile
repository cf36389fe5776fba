# One place for every command. `make` alone prints them.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.NOTPARALLEL:

export SWIFT ?= swift
# What the formatter looks at; folders that are not there yet are left out.
SWIFT_SOURCES := $(wildcard Sources Tests Benchmarks Examples Package.swift)
SIMULATION_SEEDS ?= 100000

.PHONY: help run demo test check format lint build tsan simulate docs dist bench bench-http drill clean

help: ## this table
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## serve the bundled example: press Ctrl-C, and start it again
	@scripts/prerequisites run
	@$(SWIFT) build --product lastcall
	@LASTCALL_PROGRAM=$(CURDIR)/.build/debug/lastcall scripts/foreground Examples/Recon/run

demo: ## two workers, one ends in the middle: first told, then killed
	@scripts/prerequisites run
	@$(SWIFT) build --product lastcall
	@scripts/demo

test: ## all tests, with a simulation of 2,000 seeds
	@scripts/prerequisites test
	@scripts/test

check: ## the gate: format, build with warnings as errors, tests, thread sanitizer
	@scripts/prerequisites test
	@$(MAKE) lint
	@$(MAKE) build
	@scripts/test
	@$(MAKE) tsan

format: ## format the Swift sources in place
	@$(SWIFT) format --in-place --parallel --recursive $(SWIFT_SOURCES)

lint: ## say what the formatter would change
	@$(SWIFT) format lint --strict --parallel --recursive $(SWIFT_SOURCES)

build: ## build everything, tests included
	@scripts/prerequisites build
	@$(SWIFT) build --build-tests

# House rules read files and simulations play a machine: neither has threads. Detected races make
# the test process, or the program it drives, exit with 66.
tsan: ## the tests under the thread sanitizer
	@scripts/prerequisites test
	@$(SWIFT) build --build-tests --scratch-path .build-tsan --sanitize=thread
	@LASTCALL_CHAOS_SECONDS=20 SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=$$(($$(nproc) * 3)) \
		scripts/test --scratch-path .build-tsan --sanitize=thread --skip HouseRulesTests --skip SimulationTests

simulate: ## the simulation in release, SIMULATION_SEEDS=100000
	@scripts/prerequisites build
	@LASTCALL_SIMULATION_SEEDS=$(SIMULATION_SEEDS) scripts/simulate

docs: ## the documentation of the libraries; any warning fails
	@scripts/prerequisites build
	@scripts/docs

dist: ## dist/lastcall: static, stripped, tried in a root with nothing but glibc
	@scripts/prerequisites build
	@scripts/dist
	@scripts/test-dist-root

bench: ## measure the lifecycle, the SQLite store and the outbox, and print ratios
	@scripts/prerequisites test
	@$(SWIFT) build -c release --scratch-path .build-release --product lastcall
	@.build-release/release/lastcall bench lifecycle
	@.build-release/release/lastcall bench work
	@.build-release/release/lastcall bench outbox

bench-http: ## measure the HTTP service beside bare Hummingbird, and print ratios
	@scripts/prerequisites test
	@$(SWIFT) build -c release --scratch-path .build-release --product HTTPDrill
	@scripts/bench-http

drill: ## stop every HTTP server that is installed under load, and count what its clients lose
	@scripts/prerequisites test
	@$(SWIFT) build -c release --scratch-path .build-release --product HTTPDrill
	@.build-release/release/HTTPDrill

clean: ## remove everything that was built
	@rm -rf .build .build-* dist
