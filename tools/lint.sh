#!/bin/sh
# Runs the linters over the whole module, on each system and word size that
# the code has variants for.
set -eu
tool="go tool -modfile=tools/go.mod"

echo "vet"
go vet ./...
echo "vet, portable event loop"
go vet -tags portable ./...
echo "vet, timed tests"
go vet -tags timed ./internal/e2e
echo "vet, tests with client libraries"
go vet -tags libraries ./internal/e2e
echo "vet, soak"
go vet -tags soak ./internal/e2e
echo "vet, tools/manifests"
go vet -C tools/manifests ./...
echo "vet, 32 bit"
CGO_ENABLED=0 GOARCH=386 go vet ./...
echo "build, macOS"
CGO_ENABLED=0 GOOS=darwin go build ./...
echo "staticcheck"
$tool staticcheck ./...
$tool staticcheck -tags portable ./...
