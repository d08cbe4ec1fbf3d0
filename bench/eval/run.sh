#!/usr/bin/env bash
# Recall of edits, false positives and the default calibration, on Debian's pictures. One command does all:
#   bench/eval/run.sh [--out DIR] [--small] [further options of tamiz-eval]
# Installs the packages of [eval] in deploy/packages.txt, builds, scans, and writes report.html, recall.csv,
# summary.json, pairs.csv and calibration.json into DIR (var/eval). Takes a quarter of an hour on two cores.
# Videos have an evaluation of their own: bench/video_recall.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=var/eval
size=(--known 300 --unrelated 450 --filler 600 --list-size 1000000)
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=$2; shift 2 ;;
    --small) size=(--known 60 --unrelated 120 --filler 150 --list-size 200000); shift ;;
    *) break ;;
  esac
done
deploy/install-packages.sh build bench eval
build=${TAMIZ_BUILD_DIR:-build/bench}
[ -f "$build/CMakeCache.txt" ] || cmake --preset bench
cmake --build "$build" --target tamiz-eval

# Folders of the packages that hold photographs, drawings, maps and screens; icons are left out by size. Figures of
# documentation show other pictures of the same package within them: they would count as strangers and are none.
folders=()
for package in $(deploy/install-packages.sh --print eval); do
  while read -r folder; do folders+=("$folder"); done < <(
    dpkg -L "$package" | grep -iE '\.(jpe?g|png|webp|gif|tiff?|bmp)$' | sed -E 's|^(/usr/share/[^/]+/[^/]+).*|\1|' | grep -v '^/usr/share/\(doc\|icons\)/' | sort -u)
done
[ -z "${TAMIZ_SHARED_DIR:-}" ] || folders+=("$TAMIZ_SHARED_DIR/testdata/pdq/images")
arguments=()
while read -r folder; do [ -d "$folder" ] && arguments+=(--folder "$folder"); done < <(printf '%s\n' "${folders[@]}" | sort -u)
"$build/bench/tamiz-eval" --decoder "$build/bin/tamiz-decoder" --out "$out" "${size[@]}" "${arguments[@]}" "$@"
echo "written: $out/report.html, recall.csv, summary.json, pairs.csv, calibration.json"
