# Arc Core in an image of its own. Build it from the root of the repository:
#
#     docker build -f docker/core.Dockerfile -t arc-core .

FROM node:22-bookworm-slim AS workbench
WORKDIR /arc/src/arc-core/workbench
COPY src/arc-core/workbench/package.json src/arc-core/workbench/package-lock.json src/arc-core/workbench/.npmrc ./
RUN npm ci --no-fund --no-audit
COPY src/arc-core/workbench/ ./
RUN npm run build

FROM python:3.11-slim-bookworm AS wheels
WORKDIR /arc
COPY src/arc-semconv/ src/arc-semconv/
COPY src/arc-prices/ src/arc-prices/
COPY src/arc-runtime/ src/arc-runtime/
COPY src/arc-core/ src/arc-core/
COPY --from=workbench /arc/src/arc-core/arc_core/web/dist/ src/arc-core/arc_core/web/dist/
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels src/arc-semconv src/arc-prices src/arc-runtime src/arc-core

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="arc-core" \
      org.opencontainers.image.description="Arc Core: stores the telemetry of AI agents and shows it" \
      org.opencontainers.image.licenses="MIT"
RUN useradd --system --uid 10001 --home-dir /var/lib/arc --create-home arc
# Mounted, not copied: what is copied stays in the image, also when it is removed.
RUN --mount=type=bind,from=wheels,source=/wheels,target=/tmp/wheels \
    --mount=type=bind,source=constraints.txt,target=/tmp/constraints.txt \
    pip install --no-cache-dir --constraint /tmp/constraints.txt --find-links /tmp/wheels \
      'arc-core[postgres,server]' arc-runtime
USER 10001
VOLUME /var/lib/arc
EXPOSE 4317 4318
# It can be reached from outside the container, so it does not start without ARC_CORE_API_KEY or a key in its registry.
ENTRYPOINT ["arc", "core"]
CMD ["--grpc", "0.0.0.0:4317", "--http", "0.0.0.0:4318", "--data", "/var/lib/arc"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:4318/readyz', timeout=4)"]
