#!/usr/bin/env bash
# Recall of edits, false positives and the default calibration, on Debian's pictures. One command does all:
#   bench/eval/run.sh [--out DIR] [--small | --large [--real-list]] [--ship] [--video] [further options of tamiz-eval]
# Installs the packages of [eval-…] in deploy/packages.txt, builds, scans, and writes report.html, recall.csv, tail.csv,
# summary.json, pairs.csv and calibration.json into DIR (var/eval). --ship: also replaces deploy/calibration.json and
# what is kept of the report in docs/eval.
# --large: some seven times as many unrelated pictures, from [eval-unrelated-large] and [eval-either-large] too, quarters of
# large ones and drawn ones: for the false positives. --real-list: the list is filled from no drawn pictures, but from the
# JPEGs of [eval-either-large], which are not unrelated then.
# Videos are edited, scanned and counted by bench/video_recall; --video runs it after this, into the same folder.
# The fit alone, again, byte for byte:
#   tamiz calibrate DIR/pairs.csv --base DIR/calibration.json --name … --date … --data …   (all three as in that file)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=var/eval
ship=no
video=no
large=no
real_list=no
size=(--known 80 --unrelated 2400 --filler 250 --draw-filler 150 --draw-unrelated 800 --list-size 1000000)
further=()
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=$2; shift 2 ;;
    --small) size=(--known 40 --unrelated 500 --filler 150 --draw-filler 100 --draw-unrelated 150 --list-size 200000); shift ;;
    --large)
      large=yes
      size=(--known 80 --unrelated 30000 --filler 250 --draw-filler 150 --draw-unrelated 6000 --list-size 1000000
            --quarters --distinct)
      shift ;;
    --real-list) real_list=yes; further+=(--filler 1200 --draw-filler 0); shift ;;
    --ship) ship=yes; shift ;;
    --video) video=yes; shift ;;
    *) further+=("$1"); shift ;;
  esac
done
sections=(build bench eval-listed eval-filler eval-unrelated)
[ "$large" = no ] || sections+=(eval-either-large eval-unrelated-large)
deploy/install-packages.sh "${sections[@]}"
build=${TAMIZ_BUILD_DIR:-build/bench}
[ -f "$build/CMakeCache.txt" ] || cmake --preset bench
cmake --build "$build" --target tamiz-eval

# A list of the pictures of each package of a section. Icons are left out; figures of documentation show other
# pictures of their package within them.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
arguments=()
gather() {  # SECTION FLAG
  local package
  for package in $(deploy/install-packages.sh --print "$1"); do
    dpkg -L "$package" | grep -iE '\.(jpe?g|png|webp|gif|tiff?|bmp)$' | grep -v '^/usr/share/\(doc\|icons\)/' >"$work/$package.files"
    arguments+=("$2" "$work/$package.files")
  done
}
gather eval-listed --listed-from
gather eval-filler --filler-from
gather eval-unrelated --unrelated-from
keep() {  # SECTION, then options of grep: of its pictures those that it selects
  local section=$1 package
  shift
  for package in $(deploy/install-packages.sh --print "$section"); do
    grep "$@" "$work/$package.files" >"$work/kept" || true
    mv "$work/kept" "$work/$package.files"
  done
}
if [ "$large" = yes ]; then
  gather eval-unrelated-large --unrelated-from
  if [ "$real_list" = yes ]; then
    gather eval-either-large --filler-from
    # A PNG is often an object on plain ground, and its parts are an arc on plain ground.
    keep eval-either-large -iE '\.jpe?g$'
  else
    gather eval-either-large --unrelated-from
  fi
  # What is no picture of its own: normal maps, frames of explosions, sheets of sprites, fonts.
  keep eval-either-large -viE -f bench/eval/leave-out.txt
  keep eval-unrelated-large -viE -f bench/eval/leave-out.txt
fi
if [ -n "${TAMIZ_SHARED_DIR:-}" ]; then
  find "$TAMIZ_SHARED_DIR/testdata/pdq/images" -type f >"$work/shared-testdata.files"
  arguments+=(--unrelated-from "$work/shared-testdata.files")
fi
"$build/bench/tamiz-eval" --decoder "$build/bin/tamiz-decoder" --out "$out" "${size[@]}" "${arguments[@]}" "${further[@]}"
echo "written: $out/report.html, recall.csv, tail.csv, summary.json, run.json, pairs.csv, calibration.json"

if [ "$ship" = yes ]; then
  mkdir -p docs/eval
  cp "$out/calibration.json" deploy/calibration.json
  # Other people's pictures stay where they are.
  sed -i -E 's#<a href="nearest-[0-9]+\.jpg">[^<]*</a>##' "$out/report.html"
  cp "$out"/{report.html,recall.csv,tail.csv,summary.json,recall.svg,distances.svg,calibration.svg,looks.svg} docs/eval/
fi
if [ "$video" = yes ]; then
  # Needs the programs of the development build and the packages of tests/e2e.
  node bench/video_recall/video_recall.mjs --install --out "$out"
fi
