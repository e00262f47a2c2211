#!/bin/sh
# fuzz.sh TIME gives each fuzz target of the project its turn, and prints a line for it. It
# fails where one has found something, when the others have had theirs; what was found is in
# testdata/fuzz of the package, an ordinary test from then on.
go=${GO:-go}
status=0
for target in $(grep -rlE --include='*_test.go' '^func Fuzz' . | sort |
	xargs grep -oE '^func Fuzz[A-Za-z0-9_]+' | sed 's|/[^/]*:func |:|'); do
	package=${target%:*} name=${target#*:} verdict=ok
	said=$($go test -run '^$' -fuzz "^$name\$" -fuzztime "$1" -fuzzminimizetime 5s "$package" 2>&1) || verdict=FAILED
	# The time may be up in the middle of an execution. A finding has more lines.
	case $said in *"s)
    context deadline exceeded
FAIL"*) verdict=ok ;; esac
	counts=$(printf '%s\n' "$said" | sed -nE 's/^fuzz: elapsed: .* execs: ([0-9]+) .* new interesting: ([0-9]+).*/\1 executions, \2 new interesting/p' | tail -n 1)
	echo "$package $name: ${counts:-no executions}: $verdict"
	if [ $verdict = FAILED ]; then
		status=1
		printf '%s\n' "$said"
	fi
done
exit $status
