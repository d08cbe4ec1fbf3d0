#!/usr/bin/env bash
# What documents, scripts and lists say of each other.
. "$(dirname "${BASH_SOURCE[0]}")/check.sh"

shows() { grep -qF -- "$2" "$1" || fault "$1 does not show: $2"; }
shows README.md 'deploy/quickstart.sh'
shows README.md 'tests/run.sh'
shows README.md 'deploy/packages.txt'
shows .ci/run 'tests/run.sh'
shows .ci/run 'deploy/quickstart.sh --stop-after'
shows Dockerfile 'deploy/install-packages.sh'
shows deploy/quickstart.sh 'deploy/install-packages.sh'
shows tests/run.sh 'deploy/install-packages.sh'

# One list of packages: nobody installs beside it.
while IFS= read -r hit; do fault "$hit  <- packages belong into deploy/packages.txt"; done < <(
  git grep -nE 'apt(-get)? +(-[a-zA-Z=-]+ +)*install ' -- . ':!deploy/install-packages.sh' ':!docs' ':!tests/arch')
deploy/install-packages.sh --print runtime build demo test lint fuzz bench recall dev >/dev/null ||
  fault "deploy/install-packages.sh cannot read deploy/packages.txt"
# Every library that the build looks for by package has its development package in the list.
for package in libgrpc++-dev protobuf-compiler-grpc libavformat-dev libheif-dev libwebp-dev libseccomp-dev libsqlitecpp-dev; do
  grep -qx "$package" deploy/packages.txt || fault "deploy/packages.txt lacks $package"
done

# Links between documents lead somewhere.
while IFS=: read -r file link; do
  target=${link%%#*}
  case $target in '' | http://* | https://* | mailto:*) continue ;; esac
  [ -e "$(dirname "$file")/$target" ] || fault "$file links to $target, which does not exist"
done < <(git ls-files -z '*.md' | xargs -0 grep -oE '\]\([^) ]+\)' /dev/null | sed -E 's/:\]\(/:/; s/\)$//')

# A lock file must not tie anybody to one registry.
grep -n '"resolved"' tests/e2e/package-lock.json | head -3 | while read -r hit; do echo "$hit"; done | grep -q . &&
  fault "tests/e2e/package-lock.json names download addresses"
finish
