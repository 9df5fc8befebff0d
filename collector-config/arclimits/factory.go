// Package arclimits is the processor arc_limits of otelcol-arc: it drops attributes of what has too many of them. Rules of
// redaction make attributes flat, which takes the square of their number: one span with a million would hold up all others.
package arclimits

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

var changes = processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true})

// Config says how much is too much.
type Config struct {
	// Values is how many values a span has with its links; or an event, a log record with its body, a point, a scope, a
	// resource. Lists and maps count as one, and so does each value in them.
	Values int `mapstructure:"values"`
}

// Validate refuses what would drop everything.
func (c *Config) Validate() error {
	if c.Values < 1 {
		return fmt.Errorf("`values` is %d; it is 1 or more", c.Values)
	}
	return nil
}

// NewFactory is what the Collector is built with.
func NewFactory() processor.Factory {
	return processor.NewFactory(component.MustNewType("arc_limits"), func() component.Config { return &Config{} },
		processor.WithTraces(newTraces, component.StabilityLevelBeta),
		processor.WithLogs(newLogs, component.StabilityLevelBeta),
		processor.WithMetrics(newMetrics, component.StabilityLevelBeta))
}

func newTraces(ctx context.Context, set processor.Settings, config component.Config, next consumer.Traces) (processor.Traces, error) {
	most := config.(*Config).Values
	each := func(_ context.Context, traces ptrace.Traces) (ptrace.Traces, error) {
		for _, resource := range traces.ResourceSpans().All() {
			cut(resource.Resource(), most)
			for _, scope := range resource.ScopeSpans().All() {
				cut(scope.Scope(), most)
				for _, span := range scope.Spans().All() {
					left := cut(span, most)
					for _, link := range span.Links().All() {
						left = cut(link, left)
					}
					for _, event := range span.Events().All() {
						cut(event, most)
					}
				}
			}
		}
		return traces, nil
	}
	return processorhelper.NewTraces(ctx, set, config, next, each, changes)
}

func newLogs(ctx context.Context, set processor.Settings, config component.Config, next consumer.Logs) (processor.Logs, error) {
	most := config.(*Config).Values
	each := func(_ context.Context, logs plog.Logs) (plog.Logs, error) {
		for _, resource := range logs.ResourceLogs().All() {
			cut(resource.Resource(), most)
			for _, scope := range resource.ScopeLogs().All() {
				cut(scope.Scope(), most)
				for _, record := range scope.LogRecords().All() {
					cut(record, cutBody(record, most))
				}
			}
		}
		return logs, nil
	}
	return processorhelper.NewLogs(ctx, set, config, next, each, changes)
}

func newMetrics(ctx context.Context, set processor.Settings, config component.Config, next consumer.Metrics) (processor.Metrics, error) {
	most := config.(*Config).Values
	each := func(_ context.Context, metrics pmetric.Metrics) (pmetric.Metrics, error) {
		for _, resource := range metrics.ResourceMetrics().All() {
			cut(resource.Resource(), most)
			for _, scope := range resource.ScopeMetrics().All() {
				cut(scope.Scope(), most)
				for _, metric := range scope.Metrics().All() {
					cutPoints(metric, most)
				}
			}
		}
		return metrics, nil
	}
	return processorhelper.NewMetrics(ctx, set, config, next, each, changes)
}
