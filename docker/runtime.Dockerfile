# An image to build agents on: Python with Arc's distro and all of its plugins. Build it from the root of the repository:
#
#     docker build -f docker/runtime.Dockerfile -t arc-runtime .
#
# and an application on top of it:
#
#     FROM arc-runtime
#     COPY . .
#     RUN pip install -r requirements.txt
#     CMD ["python", "app.py"]

FROM python:3.11-slim-bookworm AS wheels
WORKDIR /arc
COPY src/arc-semconv/ src/arc-semconv/
COPY src/arc-prices/ src/arc-prices/
COPY src/arc-runtime/ src/arc-runtime/
COPY src/arc-langchain-callbacks/ src/arc-langchain-callbacks/
COPY instrumentations/ instrumentations/
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels src/* instrumentations/*

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="arc-runtime" \
      org.opencontainers.image.description="Python with Arc's distro of OpenTelemetry and its plugins" \
      org.opencontainers.image.licenses="MIT"
RUN useradd --system --uid 10001 --home-dir /app --create-home arc
# Mounted, not copied: what is copied stays in the image, also when it is removed.
RUN --mount=type=bind,from=wheels,source=/wheels,target=/tmp/wheels \
    --mount=type=bind,source=constraints.txt,target=/tmp/constraints.txt \
    pip install --no-cache-dir --constraint /tmp/constraints.txt --find-links /tmp/wheels dumb-init==1.2.5.post1 \
      'arc-runtime[bundles,prometheus,redaction]' arc-instrumentation-openai arc-instrumentation-anthropic \
      arc-instrumentation-langchain arc-instrumentation-langgraph
WORKDIR /app
USER 10001
# Whatever is run is traced. Where the spans go is said in ARC_ENDPOINT and ARC_API_KEY, or in OTEL_EXPORTER_OTLP_*.
# As the first process of a container Python would not end on SIGTERM, so another one is first and passes it on.
ENTRYPOINT ["dumb-init", "--single-child", "--", "opentelemetry-instrument"]
# Without a command of its own it says whether spans arrive there.
CMD ["arc", "doctor"]
