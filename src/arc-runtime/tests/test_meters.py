"""Who measures, and what: meters made by hand over the real SDK."""

from arc_runtime.instrumentation._runtime import Providers, Runtime
from arc_runtime.metrics import Landed
from arc_runtime.settings import Settings
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import INVALID_SPAN

CALL = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.usage.input_tokens": 10}


def landed(**more):
    given = {
        "attributes": CALL, "seconds": 1.5, "first_chunk_seconds": None, "error": None, "fixes": 0,
        "held_up_seconds": 0.0001, "span": object(),
    }  # fmt: skip
    return Landed(**{**given, **more})


def metered(**settings):
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    return Runtime.of(Settings(**settings)).pen("arc-runtime", Providers(meter=provider)).meters, reader


def told(reader):
    data = reader.get_metrics_data()
    found = {}
    for one in data.resource_metrics if data else ():
        for scope in one.scope_metrics:
            for metric in scope.metrics:
                found[metric.name] = [
                    (dict(point.attributes), getattr(point, "sum", getattr(point, "value", None)))
                    for point in metric.data.data_points
                ]
    return found


def test_nobody_measures_where_nobody_asked():
    assert Runtime.of(Settings()).pen("arc-runtime", Providers()).meters is None
    assert Runtime.of(Settings()).pen("arc-runtime", Providers(meter=MeterProvider())).meters is None


def test_a_call_that_another_instrumentor_tells_of_counts_as_arc_s_own_only():
    meters, reader = metered()
    meters.record(landed(span=INVALID_SPAN, fixes=2))
    found = told(reader)
    assert set(found) == {
        "arc_requests_intercepted_total",
        "arc_fixes_applied_total",
        "arc_interception_latency_ms",
    }
    assert found["arc_fixes_applied_total"] == [({}, 2)]
    assert found["arc_interception_latency_ms"] == [({}, 0.1)]


def test_tokens_are_broken_down_by_modality_as_far_as_it_is_told():
    usage = {
        "gen_ai.usage.input_tokens": 100, "gen_ai.usage.audio.input_tokens": 30, "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 40,
    }  # fmt: skip
    meters, reader = metered(stability_opt_in=("gen_ai_latest_experimental",))
    meters.record(landed(attributes=CALL | usage))
    found = told(reader)
    first = "gen_ai.client.inference.usage."
    by_modality = {
        name.removeprefix(first): {point["gen_ai.token.modality"]: count for point, count in points}
        for name, points in found.items()
        if name.startswith(first)
    }
    assert by_modality == {
        "input_tokens": {"audio": 30, "text": 70},
        "output_tokens": {"unknown": 7},
        "cache_read.input_tokens": {"unknown": 40},
    }
    assert found["gen_ai.client.inference.operation.input_tokens"][0][1] == 100


def test_an_embedding_is_no_inference():
    meters, reader = metered(stability_opt_in=("gen_ai_latest_experimental",))
    meters.record(landed(attributes=CALL | {"gen_ai.operation.name": "embeddings"}))
    assert {name for name in told(reader) if name.startswith("gen_ai.")} == {"gen_ai.client.operation.duration"}
