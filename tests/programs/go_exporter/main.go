// A program with OpenTelemetry's own Go exporter: sends batches of spans, one trace a batch, until there is a file END,
// and prints the trace of each that was acknowledged.
//
//	go_exporter grpc|http HOST:PORT END KEY
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"
)

const spansOfABatch = 20

func main() {
	protocol, address, end, key := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	ctx := context.Background()
	exporter, err := otlptrace.New(ctx, client(protocol, address, key))
	check(err)
	for !exists(end) {
		batch, traceID := batch()
		check(exporter.ExportSpans(ctx, batch))
		fmt.Println(traceID)
	}
	check(exporter.Shutdown(ctx))
}

func client(protocol, address, key string) otlptrace.Client {
	headers := map[string]string{"x-api-key": key}
	if protocol == "grpc" {
		return otlptracegrpc.NewClient(
			otlptracegrpc.WithEndpoint(address), otlptracegrpc.WithInsecure(), otlptracegrpc.WithHeaders(headers),
			otlptracegrpc.WithCompressor("gzip"), otlptracegrpc.WithTimeout(2*time.Minute),
			otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{Enabled: true, InitialInterval: 100 * time.Millisecond,
				MaxInterval: time.Second, MaxElapsedTime: 2 * time.Minute}))
	}
	return otlptracehttp.NewClient(
		otlptracehttp.WithEndpoint(address), otlptracehttp.WithInsecure(), otlptracehttp.WithHeaders(headers),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression), otlptracehttp.WithTimeout(2*time.Minute),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: 100 * time.Millisecond,
			MaxInterval: time.Second, MaxElapsedTime: 2 * time.Minute}))
}

func batch() ([]trace.ReadOnlySpan, oteltrace.TraceID) {
	var traceID oteltrace.TraceID
	_, err := rand.Read(traceID[:])
	check(err)
	stubs := make(tracetest.SpanStubs, spansOfABatch)
	for n := range stubs {
		var spanID oteltrace.SpanID
		_, err := rand.Read(spanID[:])
		check(err)
		now := time.Now()
		stubs[n] = tracetest.SpanStub{
			Name:        "go",
			SpanContext: oteltrace.NewSpanContext(oteltrace.SpanContextConfig{TraceID: traceID, SpanID: spanID}),
			StartTime:   now, EndTime: now.Add(time.Millisecond),
		}
	}
	return stubs.Snapshots(), traceID
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
