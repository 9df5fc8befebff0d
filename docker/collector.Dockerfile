# The Collector of collector-config with all of its files in /etc/arc. Build it from the root of the repository:
#
#     docker build -f docker/collector.Dockerfile -t arc-collector .

FROM golang:1.26-bookworm AS build
WORKDIR /arc/collector-config
COPY collector-config/manifest.yaml collector-config/build.sh ./
COPY collector-config/arclimits arclimits
COPY collector-config/arclinks arclinks
# The versions are those of build.sh, which prints the folder that it has built into.
RUN cp "$(COLLECTOR_BUILD_CACHE=/build ./build.sh)/otelcol-arc" /usr/local/bin/otelcol-arc

FROM alpine:3.22
LABEL org.opencontainers.image.title="arc-collector" \
      org.opencontainers.image.description="The OpenTelemetry Collector with Arc's configurations" \
      org.opencontainers.image.licenses="MIT"
RUN adduser -S -u 10001 -h /var/lib/otelcol arc && mkdir -p /var/lib/otelcol/arc-queue && chown -R arc /var/lib/otelcol
COPY --from=build /usr/local/bin/otelcol-arc /usr/local/bin/otelcol-arc
COPY docker/collector/arc-drain /usr/local/bin/arc-drain
COPY collector-config/*.yaml /etc/arc/
USER 10001
# In a container it is reached from others, where the files' own defaults are this machine only.
ENV COLLECTOR_GRPC=0.0.0.0:4317 COLLECTOR_HTTP=0.0.0.0:4318 COLLECTOR_HEALTH=0.0.0.0:13133 \
    COLLECTOR_METRICS_HOST=0.0.0.0 COLLECTOR_SPAN_METRICS=0.0.0.0:8889
# What could not be delivered yet.
VOLUME /var/lib/otelcol
EXPOSE 4317 4318 8888 8889 13133
ENTRYPOINT ["otelcol-arc"]
CMD ["--config", "/etc/arc/agent.yaml"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["wget", "-q", "-O", "-", "http://127.0.0.1:13133/"]
