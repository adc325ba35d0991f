# The one door: `make help` lists what is behind it.

GO       ?= go
TOOL     := $(GO) tool -modfile=tools/go.mod
PACKAGES ?= ./...
FUZZTIME ?= 60s
COUNT    ?= 6
BENCH    ?= .
REQUESTS ?= 2000000
SOAK     ?= 10m
STORED   := bench/results/benchmarks.txt
VERSION  ?= 0~$(shell git log -1 --date=format:%Y%m%d --format=%cd.%h 2>/dev/null || echo unknown)

# The race detector needs cgo, which needs a C compiler, and a 64-bit system.
RACE = $(shell case "$$($(GO) env CGO_ENABLED) $$($(GO) env GOARCH)" in (*" 386"|*" arm") ;; (1*) echo -race ;; esac)
# On slow machines a package's tests may need longer than go's ten minutes.
TESTFLAGS ?= -vet=off -shuffle=on -timeout 20m
TESTSUM = $(GO) run ./internal/testsum

.DEFAULT_GOAL := help
.PHONY: help build deb test race portable fuzz differential bench bench-store bench-idle bench-attack bench-compare bench-compare-list timed libraries screenshots soak lint fmt fmt-check ci deps

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build bin/redisgate, a static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/redisgate ./cmd/redisgate

deb: ## Build bin/redisgate.deb, a package for Debian and Ubuntu; VERSION is its version
	@$(MAKE) --no-print-directory build
	ARCH=$(shell $(GO) env GOARCH) VERSION='$(VERSION)' BINARY=bin/redisgate \
		$(GO) tool -modfile=tools/nfpm/go.mod nfpm package --config configs/package/nfpm.yaml --packager deb --target bin/redisgate.deb

deps: ## Install what the tests need beyond Go, or say how
	@tools/deps.sh

test: deps ## Run all tests, with the race detector if there is a C compiler
	@[ -n "$(RACE)" ] || echo "note: the race detector is off, it needs a C compiler such as gcc"
	@$(TESTSUM) $(RACE) $(TESTFLAGS) $(PACKAGES)

race: deps ## Run all tests with the race detector, or fail
	@CGO_ENABLED=1 $(TESTSUM) -race $(TESTFLAGS) $(PACKAGES)

portable: deps ## Run all tests on the event loop of systems without epoll
	@$(TESTSUM) -tags portable $(TESTFLAGS) $(PACKAGES)

fuzz: ## Run each fuzz target for FUZZTIME (60s)
	@tools/fuzz.sh $(FUZZTIME)

differential: deps ## Compare REQUESTS (2000000) random requests and rules with a real Redis, and hunt through the gate
	REDISGATE_DIFFERENTIAL=$(REQUESTS) $(GO) test -vet=off -count 1 -timeout 60m -v -run 'Agree|Touched|Server' ./policy
	REDISGATE_HUNT=$(REQUESTS) $(GO) test -vet=off -count 1 -timeout 60m -v -run 'Beyond' ./internal/hunt

bench: ## Run the benchmarks COUNT (6) times, and compare them with those stored last
	@mkdir -p bin
	@$(GO) test -vet=off -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) $(PACKAGES) >bin/bench.txt || { cat bin/bench.txt; exit 1; }
	@if [ -f $(STORED) ]; then $(TOOL) benchstat stored=$(STORED) now=bin/bench.txt; else cat bin/bench.txt; fi

bench-store: bench ## Run the benchmarks and store them, to be compared with by make bench
	@cp bin/bench.txt $(STORED)

bench-idle: ## Measure the resident memory of 5,000 idle TLS clients
	$(GO) run ./bench/idle

bench-compare: ## Compare with Redis's own TLS, HAProxy and stunnel; SCENARIOS, TARGETS, ROUNDS, SECONDS or REQUESTS, BASELINE
	@tools/deps.sh
	@$(GO) build -o bin/bench-compare ./bench/compare
	@exec bin/bench-compare -out bench/results $(if $(value SCENARIOS),-scenarios '$(value SCENARIOS)') $(if $(value TARGETS),-targets '$(value TARGETS)') \
		$(if $(ROUNDS),-rounds $(ROUNDS)) $(if $(SECONDS),-seconds $(SECONDS)) $(if $(filter command environment,$(origin REQUESTS)),-requests $(REQUESTS)) $(if $(BASELINE),-baseline '$(BASELINE)')

bench-attack: deps ## Measure what attackers take from others, for a quiet machine
	$(GO) run ./bench/attack

bench-compare-list: ## List the scenarios and targets of bench-compare
	@$(GO) run ./bench/compare -list

timed: deps ## Run the tests that measure time, for a quiet machine
	@$(TESTSUM) -tags timed $(TESTFLAGS) ./internal/e2e

libraries: ## Run applications with client libraries of three languages against it
	@LIBRARIES=true tools/deps.sh
	@$(TESTSUM) -tags libraries $(TESTFLAGS) -run Librar ./internal/e2e

screenshots: deps ## Take the pictures of the status page, docs/images, after some minutes of load
	REDISGATE_SCREENSHOTS=$(CURDIR)/docs/images $(GO) test -vet=off -count 1 -run StatusPagePictures ./internal/e2e

soak: deps ## Play good and bad clients for SOAK (10m), with the race detector; nothing may be left
	@REDISGATE_SOAK=$(SOAK) $(TESTSUM) $(RACE) $(TESTFLAGS) -tags soak -run Soak ./internal/e2e

lint: ## Vet on every kind of system, and staticcheck
	@tools/lint.sh

fmt: ## Format the code
	$(TOOL) gofumpt -l -w .

fmt-check:
	@files=$$($(TOOL) gofumpt -l .) && [ -z "$$files" ] || { echo "not formatted, run make fmt:"; echo "$$files"; exit 1; }

ci: ## Everything that must hold before a change goes in
	@$(MAKE) --no-print-directory fmt-check
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory build
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory portable
	@$(MAKE) --no-print-directory libraries
	@$(MAKE) --no-print-directory soak SOAK=60s
	@$(MAKE) --no-print-directory fuzz FUZZTIME=5s
