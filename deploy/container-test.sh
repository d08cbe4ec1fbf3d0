#!/usr/bin/env bash
# Builds the container image and runs it as strictly as it should run: read-only root, no capabilities, no new
# privileges, no network; scans inside and checks what the process may do. Needs podman (or docker as $ENGINE).
#   deploy/container-test.sh
# $ENGINE_FLAGS go before the engine's verb (for example --root DIR), $BUILD_FLAGS and $RUN_FLAGS behind build and
# run (for example --security-opt seccomp=FILE).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
engine=${ENGINE:-podman}
command -v "$engine" >/dev/null || { echo "container-test: $engine is not installed" >&2; exit 2; }
command -v ffmpeg >/dev/null || deploy/install-packages.sh demo
read -r -a engine_flags <<<"${ENGINE_FLAGS:-}"
read -r -a build_flags <<<"${BUILD_FLAGS:-}"
read -r -a run_flags <<<"${RUN_FLAGS:-}"
run() { "$engine" "${engine_flags[@]}" "$@"; }
image=localhost/tamiz:test
name=tamiz-test-$$
failed=0
expect() { # WHAT EXPECTED ACTUAL
  if [ "$2" = "$3" ]; then echo "ok      $1: $3"; else echo "FAILED  $1: expected $2, got $3"; failed=1; fi
}

run build "${build_flags[@]}" -t "$image" .
deploy/demo-media.sh var/demo
trap 'run rm -f "$name" >/dev/null 2>&1 || true' EXIT
run run -d --name "$name" --network none --read-only --cap-drop all --security-opt no-new-privileges --tmpfs /tmp \
  --memory 1g --pids-limit 200 "${run_flags[@]}" "$image" >/dev/null
tamiz() { run exec -i "$name" tamiz "$@"; }
tamiz status --wait 60s || { run logs "$name" | tail -n 20; exit 1; }

state() { run exec "$name" cat /proc/1/status | awk -v key="$1:" '$1 == key { print $2 }'; }
expect "user" 10001 "$(state Uid)"
expect "effective capabilities" 0000000000000000 "$(state CapEff)"
expect "bounding capabilities" 0000000000000000 "$(state CapBnd)"
expect "no new privileges" 1 "$(state NoNewPrivs)"
expect "seccomp" 2 "$(state Seccomp)"
expect "root is read-only" no "$(run exec "$name" touch /usr/local/bin/x 2>/dev/null && echo yes || echo no)"

tamiz list create demo >/dev/null
tamiz list add demo - --id original <var/demo/original.jpg
scan() { local rc=0; tamiz scan - <"var/demo/$1" >/dev/null || rc=$?; echo $rc; }
expect "exact copy: match" 10 "$(scan copy.jpg)"
expect "rotated: match" 10 "$(scan rotated.jpg)"
expect "clip: match" 10 "$(scan clip.mp4)"
expect "unrelated: no known match" 0 "$(scan unrelated.jpg)"
expect "cut off: incomplete" 12 "$(scan broken.jpg)"
expect "self-test" 0 "$(tamiz selftest >/dev/null && echo 0 || echo 1)"
start=$(date +%s%N)
run stop -t 30 "$name" >/dev/null
echo "        stopped in $((($(date +%s%N) - start) / 1000000)) ms"
expect "exit code after SIGTERM" 0 "$(run inspect -f '{{.State.ExitCode}}' "$name")"
exit $failed
