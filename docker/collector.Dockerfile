# The Collector of collector-config with all of its files in /etc/arc. Build it from the root of the repository:
#
#     docker build -f docker/collector.Dockerfile -t arc-collector .

FROM golang:1.26-alpine AS build
WORKDIR /arc
COPY collector-config/manifest.yaml ./
RUN CGO_ENABLED=0 go run go.opentelemetry.io/collector/cmd/builder@v0.159.0 --config manifest.yaml

FROM alpine:3.22
RUN adduser -S -u 10001 -h /var/lib/otelcol arc && mkdir -p /var/lib/otelcol/arc-queue && chown -R arc /var/lib/otelcol
COPY --from=build /arc/_build/otelcol-arc /usr/local/bin/otelcol-arc
COPY collector-config/*.yaml /etc/arc/
USER arc
# In a container it is reached from others, where the files' own defaults are this machine only.
ENV COLLECTOR_GRPC=0.0.0.0:4317 COLLECTOR_HTTP=0.0.0.0:4318 COLLECTOR_HEALTH=0.0.0.0:13133
# What could not be delivered yet.
VOLUME /var/lib/otelcol
EXPOSE 4317 4318 13133
ENTRYPOINT ["otelcol-arc"]
CMD ["--config", "/etc/arc/agent.yaml"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["wget", "-q", "-O", "-", "http://127.0.0.1:13133/"]
