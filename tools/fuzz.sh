#!/bin/sh
# Runs every fuzz target for a time each, one after the other: fuzz.sh 60s.
set -eu

out=$(mktemp)
trap 'rm -f "$out"' EXIT

# fuzz PACKAGE TARGET TIME. Until Go 1.27 a run can fail at the end of its time with
# nothing found (go.dev/issue/75804): such a run, and no other, is repeated.
fuzz() {
	for try in 1 2 3; do
		echo "fuzz $1 $2"
		if go test -vet=off -run '^$' -fuzz "^$2\$" -fuzztime "$3" -fuzzminimizetime 5s "$1" >"$out" 2>&1; then
			cat "$out"
			return 0
		fi
		cat "$out"
		# The error stands alone behind the name of the target, without a word on an input.
		grep -A1 "^--- FAIL: $2 " "$out" | grep -q '^    context deadline exceeded$' || return 1
		! grep -q 'Failing input written' "$out" || return 1
		echo "fuzz $1 $2: ended by Go's own deadline with nothing found; once more"
	done
	return 1
}

for package in $(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -r -n1 dirname | sort -u); do
	for target in $(grep -h '^func Fuzz' "$package"/*_test.go | sed 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/' | sort -u); do
		fuzz "$package" "$target" "$1"
	done
done
