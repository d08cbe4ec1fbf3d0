#!/usr/bin/env bash
# Runs fuzz targets for some time each, two at a time, in the background of whatever else the machine does.
#   tests/fuzz/run.sh SECONDS DIRECTORY [TARGET…]
# DIRECTORY keeps what is found: corpus/TARGET, findings/TARGET-*, TARGET.log; run it again to go on from there. Wants
# the preset `fuzz` built. Fails if anything was found.
set -uo pipefail
[ $# -ge 2 ] || { sed -n '2,5s/^# //p' "$0"; exit 2; }
seconds=$1 out=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
bin=${TAMIZ_FUZZ_BIN:-$here/../../build/fuzz/fuzz}
jobs=${TAMIZ_FUZZ_JOBS:-2}
[ $# -gt 0 ] || set -- decode request remote_uri entry_reader channel config file_format
mkdir -p "$out/findings"

one() {
  local name=$1 options=(-max_len=16384) began
  mkdir -p "$out/corpus/$name"
  # libheif leaves 40 bytes of dav1d's behind for some broken AVIF; a decoder lives for one upload.
  [ "$name" != decode ] || { options+=(-detect_leaks=0) && export ASAN_OPTIONS=detect_leaks=0; }
  [ "$name" != channel ] || options=(-max_len=4096)
  [ "$name" != remote_uri ] || options=(-max_len=1024)
  [ "$name" != file_format ] || options=(-max_len=4096)
  [ ! -f "$here/dictionaries/$name.dict" ] || options+=("-dict=$here/dictionaries/$name.dict")
  # The whole file of defaults would be read a dozen times a second; single keys come from the dictionary.
  [ "$name" != config ] || options=(-max_len=1024)
  began=$(date +%s)
  # A finding ends a run of libFuzzer; the next goes on beside it.
  while [ $(($(date +%s) - began)) -lt "$seconds" ]; do
    # Wall time is no measure of an input on a busy machine: only what never ends is a timeout.
    nice -n "${TAMIZ_FUZZ_NICE:-19}" "$bin/${name}_fuzzer" "-max_total_time=$((seconds - $(date +%s) + began + 1))" -rss_limit_mb=4096 -timeout=120 \
      -report_slow_units=3600 -print_final_stats=1 "${options[@]}" "-artifact_prefix=$out/findings/$name-" \
      "$out/corpus/$name" "$here/corpus/$name" >> "$out/$name.log" 2>&1 && break
    [ "$(find "$out/findings" -name "$name-*" | wc -l)" -lt 50 ] || break
  done
  times > "$out/$name.times"  # of this shell's children, so not in one of its own
  echo "$name: $(grep -c 'stat::number_of_executed_units' "$out/$name.log") run(s)," \
    "$(awk '/stat::number_of_executed_units/ {n += $2} END {print n + 0}' "$out/$name.log") executions," \
    "$(tail -n 1 "$out/$name.times") of processor time (user, system) this time," \
    "$(grep -o 'cov: [0-9]*' "$out/$name.log" | tail -n 1)," \
    "$(find "$out/findings" -name "$name-*" | wc -l) finding(s)"
}

for name in "$@"; do
  [ -x "$bin/${name}_fuzzer" ] && continue
  echo "tests/fuzz/run.sh: no $bin/${name}_fuzzer; build the preset fuzz (README.md beside this file)" >&2
  exit 2
done
for name in "$@"; do
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
  one "$name" &
done
wait
[ -z "$(ls "$out/findings")" ]
