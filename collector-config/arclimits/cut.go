package arclimits

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

type attributed interface{ Attributes() pcommon.Map }

// What says how many of its attributes are missing; points do not.
type counting interface {
	DroppedAttributesCount() uint32
	SetDroppedAttributesCount(uint32)
}

// Drops the attributes of `one` that do not fit into `left` values, and returns how many more there may be.
func cut(one attributed, left int) int {
	dropped := uint32(0)
	one.Attributes().RemoveIf(func(_ string, value pcommon.Value) bool {
		after := minus(left, value)
		if after < 0 {
			dropped++
			return true
		}
		left = after
		return false
	})
	if told, can := one.(counting); can {
		told.SetDroppedAttributesCount(told.DroppedAttributesCount() + dropped)
	}
	return left
}

func cutBody(record plog.LogRecord, left int) int {
	after := minus(left, record.Body())
	if after < 0 {
		pcommon.NewValueEmpty().CopyTo(record.Body())
		record.SetDroppedAttributesCount(record.DroppedAttributesCount() + 1)
		return left
	}
	return after
}

func cutPoints(metric pmetric.Metric, most int) {
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		for _, point := range metric.Gauge().DataPoints().All() {
			cut(point, most)
		}
	case pmetric.MetricTypeSum:
		for _, point := range metric.Sum().DataPoints().All() {
			cut(point, most)
		}
	case pmetric.MetricTypeHistogram:
		for _, point := range metric.Histogram().DataPoints().All() {
			cut(point, most)
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, point := range metric.ExponentialHistogram().DataPoints().All() {
			cut(point, most)
		}
	case pmetric.MetricTypeSummary:
		for _, point := range metric.Summary().DataPoints().All() {
			cut(point, most)
		}
	}
}

// `left` less the values in `value`, itself among them; below 0 it stops, so however deep it is, no deeper is looked.
func minus(left int, value pcommon.Value) int {
	left--
	switch value.Type() {
	case pcommon.ValueTypeMap:
		for _, one := range value.Map().All() {
			if left < 0 {
				break
			}
			left = minus(left, one)
		}
	case pcommon.ValueTypeSlice:
		for _, one := range value.Slice().All() {
			if left < 0 {
				break
			}
			left = minus(left, one)
		}
	}
	return left
}
