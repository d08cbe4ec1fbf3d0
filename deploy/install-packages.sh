#!/usr/bin/env bash
# Installs the Debian packages of some sections of deploy/packages.txt; does nothing where all are there.
#   deploy/install-packages.sh [--print] SECTION…      sections: see deploy/packages.txt
# --print only prints the names. Needs root or sudo if something is missing.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
list=$here/packages.txt

print_only=no
if [ "${1:-}" = --print ]; then print_only=yes; shift; fi
[ $# -gt 0 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }

wanted=()
for section in "$@"; do
  grep -q "^\[$section\]" "$list" || { echo "install-packages: no section [$section] in $list" >&2; exit 2; }
  while read -r package; do wanted+=("$package"); done < <(
    sed -e 's/#.*//' -e 's/[[:space:]]*$//' "$list" |
      awk -v section="[$section]" '/^\[/ { on = ($0 == section); next } on && NF { print $1 }')
done
if [ "$print_only" = yes ]; then printf '%s\n' "${wanted[@]}" | sort -u; exit 0; fi

installed() { [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null | cut -c1-2)" = ii ]; }
# Debian's npm conflicts with a nodejs package of another origin, which brings an npm of its own.
elsewhere() {
  case $1 in
    nodejs | npm) command -v node >/dev/null && command -v npm >/dev/null ;;
    *) false ;;
  esac
}

missing=()
for package in $(printf '%s\n' "${wanted[@]}" | sort -u); do
  installed "$package" || elsewhere "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null || {
  echo "install-packages: this is no Debian system; install what stands for: ${missing[*]}" >&2
  exit 1
}
as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || {
    echo "install-packages: run as root: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o Dpkg::Use-Pty=0 "${missing[@]}"
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The package lists may be absent or older than what the mirror still holds; then fetch them and try again.
if ! install >"$log" 2>&1; then
  "${as_root[@]}" apt-get update -qq
  install >"$log" 2>&1 || { tail -n 30 "$log" >&2; exit 1; }
fi
