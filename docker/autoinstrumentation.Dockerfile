# What the OpenTelemetry Operator puts into pods with the annotation instrumentation.opentelemetry.io/inject-python: a
# folder on PYTHONPATH. Build it from the root of the repository:
#
#     docker build -f docker/autoinstrumentation.Dockerfile -t arc-autoinstrumentation-python .
#
# The operator's init container copies /autoinstrumentation, or /autoinstrumentation-musl on Alpine, into the pod. Compiled
# modules carry the version of Python in their names, so those of all versions lie beside each other in one folder.

FROM python:3.11-slim-bookworm AS wheels
WORKDIR /arc
COPY src/arc-semconv/ src/arc-semconv/
COPY src/arc-prices/ src/arc-prices/
COPY src/arc-runtime/ src/arc-runtime/
COPY src/arc-langchain-callbacks/ src/arc-langchain-callbacks/
COPY instrumentations/ instrumentations/
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels src/* instrumentations/*
COPY constraints.txt docker/autoinstrumentation/install.sh /wheels/

FROM python:3.11-slim-bookworm AS glibc-3.11
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels sh /wheels/install.sh /wheels /autoinstrumentation

FROM python:3.12-slim-bookworm AS glibc-3.12
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels sh /wheels/install.sh /wheels /autoinstrumentation

FROM python:3.13-slim-bookworm AS glibc-3.13
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels sh /wheels/install.sh /wheels /autoinstrumentation

FROM python:3.14-slim-bookworm AS glibc-3.14
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels sh /wheels/install.sh /wheels /autoinstrumentation

FROM python:3.11-alpine3.22 AS musl-3.11
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels sh /wheels/install.sh /wheels /autoinstrumentation

FROM python:3.12-alpine3.22 AS musl-3.12
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels sh /wheels/install.sh /wheels /autoinstrumentation

FROM python:3.13-alpine3.22 AS musl-3.13
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels sh /wheels/install.sh /wheels /autoinstrumentation

FROM python:3.14-alpine3.22 AS musl-3.14
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels sh /wheels/install.sh /wheels /autoinstrumentation

FROM busybox:1.37
LABEL org.opencontainers.image.title="arc-autoinstrumentation-python" \
      org.opencontainers.image.description="Arc for Python programs in pods, for the OpenTelemetry Operator" \
      org.opencontainers.image.licenses="MIT"
COPY --from=glibc-3.14 /autoinstrumentation/ /autoinstrumentation/
COPY --from=glibc-3.13 /autoinstrumentation/ /autoinstrumentation/
COPY --from=glibc-3.12 /autoinstrumentation/ /autoinstrumentation/
COPY --from=glibc-3.11 /autoinstrumentation/ /autoinstrumentation/
COPY --from=musl-3.14 /autoinstrumentation/ /autoinstrumentation-musl/
COPY --from=musl-3.13 /autoinstrumentation/ /autoinstrumentation-musl/
COPY --from=musl-3.12 /autoinstrumentation/ /autoinstrumentation-musl/
COPY --from=musl-3.11 /autoinstrumentation/ /autoinstrumentation-musl/
USER 65532
