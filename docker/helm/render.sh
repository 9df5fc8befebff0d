#!/usr/bin/env bash
# Writes the plain manifests in docker/kubernetes, or into the folder named, from the chart.
set -euo pipefail
cd "$(dirname "$0")"
target=${1:-../kubernetes}
render() {
  # Its own release says nothing of a cluster: a helm that was not built for release takes an old one for granted.
  helm template arc arc --kube-version 1.31.0 "${@:2}" | grep -v '^# Source:' > "$target/$1.yaml"
}
render embedded
render scaled --values values-scaled.yaml
