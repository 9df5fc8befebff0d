#!/usr/bin/env bash
# Builds otelcol-arc from manifest.yaml, arclimits and arclinks, and telemetrygen, and prints the folder they are in. A folder in the
# cache is named for what it was built from: it is built once, by whichever clone comes first.
set -euo pipefail
cd "$(dirname "$0")"
builder=go.opentelemetry.io/collector/cmd/builder@v0.161.0
telemetrygen=github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@v0.161.0
cache=${COLLECTOR_BUILD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/arc-build}
built=$cache/collector-$({ grep -v '^#' manifest.yaml; cat arclimits/* arclinks/*; echo "$builder $telemetrygen $(uname -sm)"; } | sha256sum | cut -c1-16)
mkdir -p "$cache"
exec 9> "$built.lock"
flock 9  # clones beside each other build it once
if [ ! -x "$built/otelcol-arc" ]; then
  command -v go > /dev/null || { echo "the Collector is built with Go 1.26 or newer (https://go.dev/dl/): install it first" >&2; exit 1; }
  work=$(mktemp -d "$cache/building.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  sed "s|output_path:.*|output_path: $work/source|" manifest.yaml > "$work/manifest.yaml"
  cp -r arclimits arclinks "$work/"
  (
    cd "$work"
    export CGO_ENABLED=0 GOBIN=$work/out
    go install "$telemetrygen"
    go run "$builder" --config manifest.yaml
    mv source/otelcol-arc out/
  ) > "$work/log" 2>&1 || { tail -n 40 "$work/log" >&2; exit 1; }
  rm -rf "$built"
  mv "$work/out" "$built"
fi
echo "$built"
