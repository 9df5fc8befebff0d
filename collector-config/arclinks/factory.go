// Package arclinks is the processor arc_links of otelcol-arc: it moves the attributes of span links to the span, and
// back. No other processor looks at the attributes of links, so nothing could be redacted there.
package arclinks

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

// On a span an attribute of its second link is called arc.links.1/-<key>. No rule of redaction takes what is before the
// slash for a part of the key, and each finds what it looks for behind the dash, as at the beginning of a key.
const prefix = "arc.links."

// Config says in which direction attributes move.
type Config struct {
	// To is "span" or "links".
	To string `mapstructure:"to"`
}

// Validate refuses any other direction.
func (c *Config) Validate() error {
	if c.To != "span" && c.To != "links" {
		return fmt.Errorf("`to` is %q; it is span or links", c.To)
	}
	return nil
}

// NewFactory is what the Collector is built with.
func NewFactory() processor.Factory {
	return processor.NewFactory(component.MustNewType("arc_links"), func() component.Config { return &Config{} },
		processor.WithTraces(newTraces, component.StabilityLevelBeta))
}

func newTraces(ctx context.Context, set processor.Settings, config component.Config, next consumer.Traces) (processor.Traces, error) {
	move := toSpan
	if config.(*Config).To == "links" {
		move = toLinks
	}
	each := func(_ context.Context, traces ptrace.Traces) (ptrace.Traces, error) {
		for _, resource := range traces.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					if span.Links().Len() > 0 {
						move(span)
					}
				}
			}
		}
		return traces, nil
	}
	return processorhelper.NewTraces(ctx, set, config, next, each,
		processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}))
}

func toSpan(span ptrace.Span) {
	// Nobody else's attributes may come to be a link's: rules did not look at them under that key.
	span.Attributes().RemoveIf(func(name string, _ pcommon.Value) bool { return strings.HasPrefix(name, prefix) })
	for index, link := range span.Links().All() {
		for key, value := range link.Attributes().All() {
			value.MoveTo(span.Attributes().PutEmpty(prefix + strconv.Itoa(index) + "/-" + key))
		}
		link.Attributes().Clear()
	}
}

// A rule may have replaced the key, and the dash with it.
func toLinks(span ptrace.Span) {
	span.Attributes().RemoveIf(func(name string, value pcommon.Value) bool {
		rest, found := strings.CutPrefix(name, prefix)
		if !found {
			return false
		}
		number, key, _ := strings.Cut(rest, "/")
		if index, err := strconv.Atoi(number); err == nil && 0 <= index && index < span.Links().Len() {
			value.MoveTo(span.Links().At(index).Attributes().PutEmpty(strings.TrimPrefix(key, "-")))
		}
		return true
	})
}
