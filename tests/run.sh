#!/usr/bin/env bash
# Builds and tests.
#   tests/run.sh            installs what is missing, format check, development build, all its tests
#   tests/run.sh --quick    the same
#   CI=true tests/run.sh    also builds the benchmarks, and runs core and decoder under the address and undefined-behaviour
#                           sanitizers
#   tests/run.sh --all      also everything else under them, the unit tests under the thread sanitizer, clang-tidy
# Files of other projects that some tests compare with are looked for in ../shared (or $TAMIZ_SHARED_DIR); tests
# that need them are skipped, and named at the end, where there are none.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

all=no sanitize=no
[ "${CI:-}" = true ] && sanitize=yes
for argument in "$@"; do
  case $argument in
    --quick) all=no sanitize=no ;;
    --all) all=yes sanitize=yes ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "tests/run.sh: unknown option $argument (see --help)" >&2; exit 2 ;;
  esac
done

if [ -z "${TAMIZ_SHARED_DIR:-}" ] && [ -d ../shared/testdata ]; then TAMIZ_SHARED_DIR=$(cd ../shared && pwd); fi
export TAMIZ_SHARED_DIR=${TAMIZ_SHARED_DIR:-}
export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-$(nproc)}
if [ "$all" = yes ]; then sections=(build test lint); else sections=(build test); fi
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)

failures=() unsteady=() passed=0 failed=0 skipped=0 summary=()

# step NAME COMMAND…: says what runs and how long it took; a failure is kept for the end.
step() {
  local name=$1 start=$SECONDS rc=0
  shift
  printf '\n== %s\n' "$name"
  "$@" || rc=$?
  summary+=("$(printf '%6s s  %-24s %s' $((SECONDS - start)) "$name" "$([ $rc = 0 ] && echo ok || echo FAILED)")")
  [ $rc = 0 ] || failures+=("$name")
  return $rc
}

check_format() {
  # Other versions format differently; Debian 12's is the one that counts.
  clang-format --version | grep -q 'version 14\.' || { echo "skipped: needs clang-format 14"; return 0; }
  git ls-files -z '*.cc' '*.h' | xargs -0 -r clang-format --dry-run --Werror
}

node_packages() {
  local lock=tests/e2e/package-lock.json stamp=tests/e2e/node_modules/.installed
  if [ -e "$stamp" ] && cmp -s "$lock" "$stamp"; then return 0; fi
  (cd tests/e2e && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) && cp "$lock" "$stamp"
}

# build PRESET OPTION…
build() {
  local preset=$1
  shift
  cmake --preset "$preset" "${launcher[@]}" "$@" >"build/configure-$preset.log" 2>&1 ||
    { tail -n 30 "build/configure-$preset.log"; return 1; }
  cmake --build --preset "$preset"
}

# once_more PRESET LOG: runs up to five failed tests again, if all of them drive real servers and clocks, which a busy
# machine can upset. What passes then is named, in the totals too, so that nobody takes it for steady. Unit tests get
# no second try.
once_more() {
  local preset=$1 log=$2 names
  names=$(sed -nE 's/^[[:space:]]+[0-9]+ - (.*) \((Failed|Timeout|SEGFAULT|Subprocess aborted)\)$/\1/p' "$log" | sort -u)
  if [ -z "$names" ] || grep -qvE '^(integration|e2e|sandbox)\.' <<<"$names"; then return 1; fi
  echo "Once more, one at a time:"
  ctest --preset "$preset" --rerun-failed -j 1 || return 1
  failed=$((failed - bad))
  passed=$((passed + bad))
  unsteady+=("$names")
}

# PostgreSQL does not run as root, and its own user must come to its programs: not in a root that others may not enter.
without=()
leave_out_postgres() {
  [ "$(id -u)" = 0 ] || return 0
  setpriv --reuid=postgres --regid=postgres --clear-groups test -x /usr/lib/postgresql 2>/dev/null && return 0
  without=(-E '^(contract\.postgres|e2e\.(replicas|database-tls)$)')
}

# Runs a preset's tests and adds up the totals.
run_tests() {
  local preset=$1 rc=0 log=build/ctest-$1.log
  shift
  ctest --preset "$preset" "${without[@]}" "$@" 2>&1 | tee "$log" | grep -vE '^ *(Start +[0-9]+:|[0-9]+/[0-9]+ Test .* Passed )'
  rc=${PIPESTATUS[0]}
  local total bad not_run
  total=$(sed -nE 's/.*tests passed, [0-9]+ tests failed out of ([0-9]+)/\1/p' "$log" | tail -n 1)
  bad=$(sed -nE 's/.*tests passed, ([0-9]+) tests failed out of [0-9]+/\1/p' "$log" | tail -n 1)
  not_run=$(grep -cE '^[[:space:]]+[0-9]+ - .*\(Skipped\)$' "$log")
  total=${total:-0} bad=${bad:-1}
  passed=$((passed + total - bad - not_run))
  failed=$((failed + bad))
  skipped=$((skipped + not_run))
  if [ "$bad" -gt 0 ] && [ "$bad" -le 5 ]; then once_more "$preset" "$log" && rc=0; fi
  if [ "$not_run" -gt 0 ]; then
    echo "Skipped in $preset:"
    grep -hE '^[[:space:]]+[0-9]+ - .*\(Skipped\)$' "$log" | sed -E 's/^[[:space:]]+[0-9]+ - /  /; s/ \(Skipped\)$//' | head -n 40
    # A check that does not run in CI protects nobody.
    if [ "${CI:-}" = true ] && [ -n "$TAMIZ_SHARED_DIR" ]; then
      echo "In CI, with the shared test data at hand, a skipped test is a failure."
      rc=1
    fi
  fi
  if [ ${#without[@]} != 0 ]; then
    echo "Left out, what needs PostgreSQL: its user may not enter /. 'chmod o+x /' lets it."
    [ "${CI:-}" = true ] && rc=1
  fi
  return "$rc"
}

# Naming rules and the checks of .clang-tidy, on files without generated code; as many at a time as there are cores.
tidy() {
  git ls-files 'core/*.cc' 'decoder/*.cc' | tr '\n' '\0' |
    xargs -0 -r -n 2 -P "$(nproc)" clang-tidy -p build/dev --quiet 2>/dev/null
}

mkdir -p build
step "packages" deploy/install-packages.sh "${sections[@]}" || exit 1
leave_out_postgres
step "format" check_format
step "node packages" node_packages
# Nobody builds the benchmarks until they need them: CI sees to it that they can be built.
dev=()
[ "${CI:-}" = true ] && dev=(-DTAMIZ_BUILD_BENCH=ON)
if step "build dev" build dev "${dev[@]}"; then
  step "tests dev" run_tests dev
  [ "$all" = yes ] && step "clang-tidy" tidy
fi
# The server's programs are built for the sanitizers with --all only: gRPC's headers take most of the time.
if [ "$sanitize" = yes ]; then
  with_server=$([ "$all" = yes ] && echo ON || echo OFF)
  step "build asan" build asan "-DTAMIZ_BUILD_SERVER=$with_server" && step "tests asan" run_tests asan
fi
if [ "$all" = yes ]; then
  # Decoding whole files under it takes minutes and has no threads for it to watch.
  step "build tsan" build tsan && step "tests tsan" run_tests tsan -E '^unit\.Vectors\.'
fi

{
  echo
  printf '%s\n' "${summary[@]}"
  [ ${#failures[@]} = 0 ] || printf 'FAILED: %s\n' "${failures[@]}"
  [ ${#unsteady[@]} = 0 ] || printf 'passed on the second try only: %s\n' "${unsteady[@]}"
  echo "total: $passed passed, $failed failed, $skipped skipped"
} | tee build/test-totals.txt
[ ${#failures[@]} = 0 ]
