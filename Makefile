# GPT-2 Service. `make help` lists what there is.

SWIFT ?= swift
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
IMPORT_CHECK := --explicit-target-dependency-import-check error
SWIFT_SOURCES := Package.swift Sources Tests

.DEFAULT_GOAL := help
.PHONY: help demo test chaos build release lint format kernels-check fixtures image compose-check deps test-deps clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: release ## Set up, build, start the service with the bundled models and ask it something (ONESHOT=1: then stop)
	@Tools/demo.sh

test: test-deps lint kernels-check ## Set up, build and run all tests
	$(SWIFT) build --build-tests $(IMPORT_CHECK)
	$(SWIFT) test --skip-build --no-parallel
	Tools/client_tests.sh

chaos: test-deps release ## Break everything while 5,000 jobs run (CHAOS_JOBS, CHAOS_FAULTS; CHAOS_SEED replays a run)
	$(SWIFT) build --build-tests $(IMPORT_CHECK)
	CHAOS_JOBS=$(or $(CHAOS_JOBS),5000) CHAOS_FAULTS=$(or $(CHAOS_FAULTS),300) GPT2_PROGRAM=$(CURDIR)/.build/release/gpt2 \
	  $(SWIFT) test --skip-build --filter ChaosTests.ChaosTests

build: deps ## Build for development
	$(SWIFT) build $(IMPORT_CHECK)

release: deps ## Build the optimized binary, .build/release/gpt2
	$(SWIFT) build -c release --product gpt2 $(IMPORT_CHECK)

kernels-check: ## Check the kernels: AVX-512 by emulation, and all of them under the sanitizers
	Tools/check_avx512.sh
	Tools/check_sanitizers.sh

lint: ## Check the format of the sources
	$(SWIFT) format lint --strict --parallel --recursive $(SWIFT_SOURCES)

format: ## Format the sources
	$(SWIFT) format format --in-place --parallel --recursive $(SWIFT_SOURCES)

image: ## Build the container image gpt2-service:latest
	DOCKER_BUILDKIT=1 docker build --tag gpt2-service:latest .

compose-check: ## Build the image, start and scale the compose file, check 100 requests
	compose/check.sh

deps: ## Install what the build needs
	@$(call install,libhiredis-dev curl)

test-deps: ## Install what the tests need
	@$(call install,libhiredis-dev curl redis-server redis-tools libsimde-dev gcc libc6-dev \
	  python3-venv chromium)

clean: ## Remove what was built
	rm -rf .build

# Installs the Debian packages of $(1) that are missing. A server that a package would start as a service stays off.
define install
missing=$$(for p in $(1); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q '^install ok' || echo $$p; done); \
if [ -n "$$missing" ]; then \
  echo "installing:" $$missing; \
  $(SUDO) apt-get update -qq && \
  $(SUDO) env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
fi
endef
