#!/usr/bin/env bash
# Who includes whom. A module of core/ uses itself and those before it, in the order in which data flows.
. "$(dirname "${BASH_SOURCE[0]}")/check.sh"

order=(base net media hash index lists calibration match store source sandbox work metrics exchange scan config)
# What core/ stays free of: transport, and everything that parses uploads.
forbidden='(grpc|grpcpp|google/protobuf|google/rpc|tamiz/v1|libav[a-z]+|libsw[a-z]+|libheif|webp)/'

# includes FILES…: "file:line:included path" of every include of them.
includes() { grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]' "$@" /dev/null | sed -E 's/^([^:]+:[0-9]+):.*[<"]([^">]+)[">].*/\1:\2/'; }

position() {
  local i
  for i in "${!order[@]}"; do [ "${order[$i]}" = "$1" ] && { echo "$i"; return; }; done
  echo -1
}

seen=0
while IFS=: read -r file line included; do
  seen=$((seen + 1))
  [[ $included =~ ^$forbidden ]] && fault "$file:$line: core/ must not include $included"
  case $included in
    core/*) ;;
    server/* | cli/* | decoder/* | tests/* | bench/*) fault "$file:$line: core/ must not include $included"; continue ;;
    *) continue ;;
  esac
  module=${file#core/}; module=${module%%/*}
  other=${included#core/}; other=${other%%/*}
  here=$(position "$module") there=$(position "$other")
  if [ "$here" -lt 0 ]; then fault "$file:$line: module $module has no place in the order of tests/arch/layering.sh"; fi
  if [ "$there" -lt 0 ] || { [ "$there" -gt "$here" ] && [ "$here" -ge 0 ]; }; then
    fault "$file:$line: $module must not include $included, which comes later"
  fi
done < <(git ls-files -z 'core/*.h' 'core/*.cc' | xargs -0 grep -lE '#' | { mapfile -t files; includes "${files[@]}"; })

# The decoder shares the frame contract and the channel, and nothing of the service.
while IFS=: read -r file line included; do
  seen=$((seen + 1))
  case $included in
    core/base/log.h) fault "$file:$line: the decoder must not log" ;;
    core/base/* | core/media/* | decoder/*) ;;
    core/sandbox/*) ;;
    core/* | server/* | cli/* | grpc* | google/* | tamiz/v1/* | sqlite* | SQLiteCpp/* | curl/*)
      fault "$file:$line: the decoder must not include $included" ;;
  esac
done < <(git ls-files -z 'decoder/*.h' 'decoder/*.cc' | { mapfile -t -d '' files; includes "${files[@]}"; })

# The service and the client see uploads through the core only.
while IFS=: read -r file line included; do
  seen=$((seen + 1))
  case $included in
    libav* | libsw* | libheif/* | webp/* | decoder/*) fault "$file:$line: only decoder/ may include $included" ;;
  esac
  case $file:$included in
    cli/*:core/base/* | cli/calibrate_command.cc:core/calibration/*) ;;  # it computes, and asks no server
    cli/*:core/* | cli/*:server/*) fault "$file:$line: the client is gRPC only, it must not include $included" ;;
    server/*:cli/*) fault "$file:$line: server/ must not include $included" ;;
  esac
done < <(git ls-files -z 'server/*.h' 'server/*.cc' 'cli/*.h' 'cli/*.cc' | { mapfile -t -d '' files; includes "${files[@]}"; })

[ "$seen" -gt 200 ] || fault "only $seen includes found: this check does not see the code any more"
finish
