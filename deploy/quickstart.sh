#!/usr/bin/env bash
# From a clone to a scanned upload: installs packages, builds, makes demonstration media, starts tamizd,
# imports a list and scans, and says whether every result is the expected one.
#   deploy/quickstart.sh [--stop-after] [--port N]
# Without --stop-after the server goes on running; the end tells how to use and stop it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

stop_after=no port=
while [ $# -gt 0 ]; do
  case $1 in
    --stop-after) stop_after=yes ;;
    --port) port=${2:?--port needs a number}; shift ;;
    -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "quickstart: unknown option $1 (see --help)" >&2; exit 2 ;;
  esac
  shift
done

state=var/quickstart
log=$state/tamizd.log
pid_file=$state/tamizd.pid
bin=build/release/bin
mkdir -p "$state"
say() { printf '\n== %s\n' "$*"; }

say "Packages"
deploy/install-packages.sh build demo
echo "all there"

say "Build (release)"
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
cmake --preset release "${launcher[@]}" >"$state/configure.log" 2>&1 || { tail -n 30 "$state/configure.log"; exit 1; }
cmake --build --preset release --target tamizd tamiz-decoder tamiz

say "Demonstration media: var/demo"
deploy/demo-media.sh var/demo
ls var/demo

# Ends the server of the pid file, if it is one of ours and runs.
stop_server() {
  local pid
  pid=$(cat "$pid_file" 2>/dev/null) || return 0
  case $(readlink "/proc/$pid/exe" 2>/dev/null || true) in
    */tamizd | */tamizd\ \(deleted\)) ;;
    *) rm -f "$pid_file"; return 0 ;;
  esac
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 1 400); do
    # A zombie, left by a shell that does not wait, has ended too.
    if ! grep -qs "^State:.*[^Z] (" "/proc/$pid/status"; then break; fi
    sleep 0.1
  done
  rm -f "$pid_file"
}
in_use() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

say "Server"
stop_server  # from an earlier run: this one starts what was built just now
listen=127.0.0.1:${port:-50051}
metrics_listen=127.0.0.1:9464
if [ -z "$port" ] && in_use 50051; then listen=127.0.0.1:0; fi
if in_use 9464; then metrics_listen=127.0.0.1:0; fi
setsid "$bin/tamizd" --data-dir "$state/data" --listen "$listen" --metrics-listen "$metrics_listen" \
  </dev/null >"$log" 2>&1 &
server_pid=$!
echo "$server_pid" >"$pid_file"
on_exit() {
  local code=$?
  if [ $code != 0 ]; then
    echo "quickstart: failed; the last lines of $log:" >&2
    tail -n 15 "$log" >&2 || true
  fi
  if [ $code != 0 ] || [ $stop_after = yes ]; then stop_server; fi
}
trap on_exit EXIT

# The log names the ports, which matters where 50051 was taken.
listening() { grep '"message":"listening"' "$log" | grep "\"service\":\"$1\"" | sed -nE 's/.*"port":"?([0-9]+).*/\1/p' | tail -n 1; }
grpc_port=
for _ in $(seq 1 300); do
  grpc_port=$(listening grpc || true)
  [ -n "$grpc_port" ] && break
  kill -0 "$server_pid" 2>/dev/null || { echo "tamizd ended while it started" >&2; exit 1; }
  sleep 0.1
done
[ -n "$grpc_port" ] || { echo "tamizd did not say within 30 s where it listens" >&2; exit 1; }
export TAMIZ_SERVER=127.0.0.1:$grpc_port
"$bin/tamiz" status --wait 60s

say "Demonstration list: the hashes of original.jpg"
"$bin/tamiz" hash --csv var/demo/original.jpg >"$state/demo-list.csv"
"$bin/tamiz" list import demo "$state/demo-list.csv" --format csv --create --replace --source-org quickstart

say "Scans"
failed=0
printf '%-18s %-18s %-34s %-34s %s\n' file what expected actual ''
# scan FILE WHAT EXPECTED…: each expectation is VERDICT, KEY=VALUE or KEY~PATTERN over what is shown.
scan() {
  local file=$1 what=$2 expected=$3 json verdict actual detail rc=0
  json=$("$bin/tamiz" scan --json --list demo "var/demo/$file") || rc=$?
  first() { printf '%s' "$json" | grep -oE "\"$1\":$2" | head -n 1 | sed -E "s/^\"$1\":\"?//; s/\"$//" || true; }
  verdict=$(first verdict '"[A-Z_]+"')
  actual=${verdict#VERDICT_}
  case $actual in
    MATCH)
      detail=$(first confidence '[0-9.e-]+')
      [ "$(first exact true)" = true ] && actual="$actual, identical, confidence $detail"
      detail=$(first transform '"[A-Z_0-9]+"')
      detail=${detail#TRANSFORM_}
      case $detail in UNSPECIFIED | IDENTITY | '') ;; *) actual="$actual, $detail" ;; esac
      detail=$(printf '%s' "$json" | grep -oE '"queryRanges":\[\{"start":"[^"]*","end":"[^"]*"' | head -n 1 |
        sed -E 's/.*"start":"([^"]*)","end":"([^"]*)"/\1 to \2/' || true)
      [ -n "$detail" ] && actual="$actual, at $detail" ;;
    INCOMPLETE) detail=$(first code '"INCOMPLETE_CODE_[A-Z_]+"'); actual="$actual, ${detail#INCOMPLETE_CODE_}" ;;
    '') actual="error (exit code $rc)" ;;
  esac
  local mark=ok
  # shellcheck disable=SC2053  # the expectation is a pattern
  [[ $actual == $expected ]] || { mark=FAILED; failed=$((failed + 1)); }
  printf '%-18s %-18s %-34s %-34s %s\n' "$file" "$what" "$expected" "$actual" "$mark"
}
scan copy.jpg "exact copy" "MATCH, identical, confidence 1"
scan recompressed.jpg "re-compressed" "MATCH"
scan resized.png "resized" "MATCH"
scan greyscale.jpg "greyscale" "MATCH"
scan mirrored.jpg "flipped" "MATCH, FLIP_HORIZONTAL"
scan rotated.jpg "rotated" "MATCH, ROTATE_90"
scan clip.mp4 "clip, 4 s to 6 s" "MATCH, at 4* to 6*"
scan unrelated.jpg "unrelated" "NO_KNOWN_MATCH"
scan broken.jpg "cut off" "INCOMPLETE, DECODE_*"

if [ "$failed" -gt 0 ]; then
  echo "$failed of 9 results are not the expected ones" >&2
  exit 1
fi
echo "all as expected"

if [ $stop_after = no ]; then
  metrics_port=$(listening metrics || true)
  cat <<TXT

The server runs at $TAMIZ_SERVER (pid $server_pid, log $log, data $state/data):
  $bin/tamiz --server $TAMIZ_SERVER scan FILE…          scan something
  $bin/tamiz --server $TAMIZ_SERVER list ls             see the lists
  $bin/tamiz --server $TAMIZ_SERVER status              see how it is
  metrics: http://127.0.0.1:${metrics_port:-9464}/metrics
Stop it: kill \$(cat $pid_file)
TXT
fi
