#!/usr/bin/env bash
# What each program loads: the service no media library, the decoder nothing that talks.
. "$(dirname "${BASH_SOURCE[0]}")/check.sh"
bin=${TAMIZ_BIN_DIR:?the folder of the built programs}

direct() { readelf -d "$bin/$1" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p'; }
# With what those load in turn.
all() { ldd "$bin/$1" | awk '{ print $1 }'; }

# must_not PROGRAM direct|all PATTERN WHY
must_not() {
  local hit
  [ -x "$bin/$1" ] || { fault "$bin/$1 is not built"; return; }
  while read -r hit; do fault "$1 loads $hit: $4"; done < <("$2" "$1" | grep -E "$3")
}
# must PROGRAM PATTERN: else the checks above would look at the wrong thing.
must() { direct "$1" | grep -qE "$2" || fault "$1 does not load $2 any more"; }

media='^lib(av[a-z]+|sw[a-z]+|heif|webp[a-z]*|de265|dav1d|aom|x26[45]|opencv_(imgcodecs|videoio)[a-z]*)\.so'
must_not tamizd all "$media" 'uploads are parsed in the decoder only'
must_not tamiz-decoder direct '^lib(grpc|protobuf|sqlite3|SQLiteCpp|curl|pq|nats|prometheus)' 'the decoder neither talks nor stores'
must_not tamiz-decoder all '^lib(grpc|protobuf|pq|nats|prometheus)' 'the decoder neither talks nor stores'
must_not tamiz all "$media" 'the client sends bytes and does not look at them'
must_not tamiz direct '^lib(sqlite3|SQLiteCpp|curl|pq|nats|prometheus|seccomp)' 'the client is gRPC only'
must tamizd '^libgrpc\+\+'
must tamiz-decoder '^libavformat'
must tamiz-decoder '^libheif'
must tamiz '^libgrpc\+\+'

# What they load is what the container image installs.
if command -v dpkg-query >/dev/null; then
  runtime=$(deploy/install-packages.sh --print runtime)
  for program in tamizd tamiz-decoder tamiz; do
    while read -r library; do
      path=$(ldd "$bin/$program" | awk -v name="$library" '$1 == name { print $3 }')
      package=$(dpkg-query -S "$(readlink -f "$path")" 2>/dev/null | head -n 1 | cut -d: -f1)
      case $package in libc6 | libstdc++6 | libgcc-s1 | libasan* | libubsan* | "") continue ;; esac
      grep -qx "$package" <<<"$runtime" || fault "$program loads $library of $package, which [runtime] in deploy/packages.txt lacks"
    done < <(direct "$program")
  done
fi

# Hardening of what is deployed.
for program in tamizd tamiz-decoder tamiz; do
  readelf -h "$bin/$program" | grep -q 'Type:.*DYN' || fault "$program is not position independent"
  readelf -d "$bin/$program" | grep -qE 'BIND_NOW|FLAGS.*NOW' || fault "$program is not linked with -z now"
  readelf -lW "$bin/$program" | grep -E 'GNU_STACK' | grep -q 'RWE' && fault "$program has an executable stack"
done
finish
