#!/bin/sh
# Runs every fuzz target for a time each, one after the other: fuzz.sh 60s.
set -eu
for package in $(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -r -n1 dirname | sort -u); do
	for target in $(grep -h '^func Fuzz' "$package"/*_test.go | sed 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/' | sort -u); do
		echo "fuzz $package $target"
		go test -vet=off -run '^$' -fuzz "^$target\$" -fuzztime "$1" -fuzzminimizetime 5s "$package"
	done
done
