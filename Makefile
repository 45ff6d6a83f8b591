# What a person types. Go, gcc, g++, make and git are all that must be there; `make test` says or installs the rest.

GOLANGCI_VERSION := v2.15.0
VERSION          := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
SERVER           := bin/mysqlserver bin/mysqlexec

.PHONY: help demo build test console lint bench clean

help: ## show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 8

demo: build $(SERVER) ## load an orders table again and again, kill a run in the middle, and count
	@./demo/run

build: ## build ./bin/tidemark
	go build -ldflags '-X main.version=$(VERSION)' -o bin/tidemark ./cmd/tidemark

# Under the race detector the fault tables take samples, what looks for lost rows takes fewer rounds, and nobody kills
# processes: all of that is done without it. What vet finds, lint does.
test: ## run every test with the race detector, against private servers that it starts and stops
	@./.ci/prepare
	go test -race -vet off -timeout 60m ./...
	go test -vet off -timeout 40m -run 'Fault|Crash' ./internal/engine ./cmd/tidemark
	go test -vet off -timeout 20m -run 'Beside|OverMends' ./internal/iceberg
	cd testservers && go test -timeout 10m ./...

console: ## build the console, whose files the binary holds, from web/ (takes Node)
	cd web && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund; } && npm run build

lint: bin/golangci-lint-$(GOLANGCI_VERSION) ## check the form of the code
	$< run --allow-serial-runners ./...
	cd testservers && ../$< run --allow-serial-runners --config ../.golangci.yml ./...

bench: build bin/s3server ## measure speed and memory beside the raw client stream, into docs/performance.md (minutes)
	go run ./bench $(BENCH)

clean: ## remove what the other targets made
	rm -rf bin demo-lake

bin/golangci-lint-$(GOLANGCI_VERSION):
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv bin/golangci-lint $@

# Go knows best what is up to date.
.PHONY: $(SERVER) bin/s3server
$(SERVER) bin/s3server: bin/%:
	cd testservers && go build -o ../$@ ./cmd/$*
