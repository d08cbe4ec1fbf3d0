#!/usr/bin/env bash
# The public API against buf's default rules. buf comes with the Node packages that tests/run.sh installs.
. "$(dirname "${BASH_SOURCE[0]}")/check.sh"
buf=$(echo "$PWD"/tests/e2e/node_modules/@bufbuild/buf-linux-*/bin/buf)  # the program of this machine alone: npm leaves the others out
[ -x "$buf" ] || { echo "needs tests/e2e/node_modules: run tests/run.sh, or npm ci in tests/e2e" >&2; exit 1; }
(cd proto && "$buf" lint) || fault "buf lint finds faults in proto/"
finish
