#!/bin/sh
# install.sh WHEELS TARGET: puts Arc and what it needs into the folder TARGET, for the Python and the libc of this image.
# WHEELS is a folder with Arc's own wheels and constraints.txt. PIP is what installs, in place of pip.
set -eu
wheels=$1 target=$2

# There is no google-re2 for musl; without it the standard library does the same, more slowly.
extras=bundles,redaction
if python -c 'import sys, sysconfig; sys.exit("musl" not in (sysconfig.get_config_var("SOABI") or ""))'; then
  extras=bundles
  set -- ahocorasick-rs pyyaml
else
  set --
fi
${PIP:-python -m pip} install --quiet --only-binary=:all: --target "$target" \
  --constraint "$wheels/constraints.txt" --find-links "$wheels" \
  "arc-runtime[$extras]" "$@" arc-instrumentation-openai arc-instrumentation-anthropic \
  arc-instrumentation-langchain arc-instrumentation-langgraph

# The folder goes before the application's own packages: a second gRPC there would be loaded in place of its own, and does
# not outlive a fork. Arc sends over HTTP.
cd "$target"
rm -rf bin grpc grpcio-* opentelemetry/exporter/otlp/proto/grpc opentelemetry_exporter_otlp_proto_grpc-*

# The init container is whatever user the pod's security context says. Not in the image itself: all files would be in it twice.
chmod -R go+rX .
