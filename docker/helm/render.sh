#!/usr/bin/env bash
# Writes the plain manifests in docker/kubernetes, or into the folder named, from the chart.
set -euo pipefail
cd "$(dirname "$0")"
target=${1:-../kubernetes}
render() {
  # Its own release says nothing of a cluster: a helm that was not built for release takes an old one for granted. What
  # kubectl applies is not managed by Helm.
  helm template arc arc --kube-version 1.31.0 "${@:2}" |
    grep -v -e '^# Source:' -e '^ *helm.sh/chart:' -e '^ *app.kubernetes.io/managed-by:' > "$target/$1.yaml"
}
render embedded
for more in scaled sampled kafka; do
  render "$more" --values "values-$more.yaml"
done
