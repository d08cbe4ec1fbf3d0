# Sourced by the checks of this folder: collects faults and ends with them.
# shellcheck shell=bash
set -uo pipefail
cd "${TAMIZ_SOURCE_DIR:-$(dirname "${BASH_SOURCE[0]}")/../..}" || exit 1
faults=0
fault() {
  printf '%s\n' "$*" >&2
  faults=$((faults + 1))
}
finish() {
  [ "$faults" = 0 ] || { echo "$faults faults" >&2; exit 1; }
  exit 0
}
