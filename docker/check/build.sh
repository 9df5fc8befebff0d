#!/usr/bin/env bash
# Builds helm and check from this module, and prints the folder they are in. A folder in the cache is named for what it
# was built from: it is built once for each state of the module, by whichever clone comes first.
set -euo pipefail
cd "$(dirname "$0")"
cache=${TOOLS_BUILD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/arc-build}
built=$cache/docker-$({ cat go.mod go.sum ./*.go; uname -sm; } | sha256sum | cut -c1-16)
mkdir -p "$cache"
exec 9> "$built.lock"
flock 9  # clones beside each other build it once
if [ ! -x "$built/helm" ]; then
  command -v go > /dev/null || { echo "helm and docker/check are built with Go 1.26 or newer (https://go.dev/dl/): install it first" >&2; exit 1; }
  work=$(mktemp -d "$cache/building.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  CGO_ENABLED=0 go build -o "$work/out/" . helm.sh/helm/v3/cmd/helm > "$work/log" 2>&1 || { tail -n 40 "$work/log" >&2; exit 1; }
  rm -rf "$built"
  mv "$work/out" "$built"
fi
echo "$built"
