"""Answers with HTTP 200 that are not what was asked for, and spans of others that match an entry."""

import pytest
from arc_runtime.fixes import Engine, Entry, Registry
from arc_runtime.processor import SuggestingSpanProcessor
from arc_semconv import attributes as semconv
from arc_testing import Answer, Provider
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

ASK = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
TOOL = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
FORM = {"type": "json_schema", "json_schema": {"name": "r", "schema": SCHEMA}}


def call(arguments, name="f", call_id="1"):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def turn(call_id, result="same"):
    return [
        {"role": "assistant", "tool_calls": [call('{"a": 1}', call_id=call_id)]},
        {"role": "tool", "tool_call_id": call_id, "content": result},
    ]


CASES = {
    "fine": ({}, {"content": "hi"}, "stop", None, None),
    "cut": ({}, {"content": "hi"}, "length", "truncated_output", None),
    "thought too long": ({}, {"content": ""}, "length", "reasoning_ate_the_budget", None),
    "filtered": ({}, {"content": ""}, "content_filter", "content_filter_finish", None),
    "no JSON": ({"response_format": {"type": "json_object"}}, {"content": "Sure: {}"}, "stop", "invalid_json_answer", "no JSON"),
    "JSON": ({"response_format": {"type": "json_object"}}, {"content": "{}"}, "stop", None, None),
    "another schema": ({"response_format": FORM}, {"content": '{"a": "x"}'}, "stop", "invalid_json_answer", "a is no integer"),
    "a field missing": ({"response_format": FORM}, {"content": "{}"}, "stop", "invalid_json_answer", "a is missing"),
    "as asked": ({"response_format": FORM}, {"content": '{"a": 1}'}, "stop", None, None),
    "arguments that are none": ({"tools": [TOOL]}, {"content": None, "tool_calls": [call("{a")]}, "tool_calls", "invalid_tool_arguments", "f: no JSON object"),
    "arguments that do not fit": ({"tools": [TOOL]}, {"content": None, "tool_calls": [call('{"b": 1}')]}, "tool_calls", "invalid_tool_arguments", "f: a is missing"),
    "no such tool": ({"tools": [TOOL]}, {"content": None, "tool_calls": [call("{}", "g")]}, "tool_calls", "invalid_tool_arguments", "g: no such tool"),
    "a call that fits": ({"tools": [TOOL]}, {"content": None, "tool_calls": [call('{"a": 1}')]}, "tool_calls", None, None),
    "the third time": ({"tools": [TOOL], "messages": [*ASK["messages"], *turn("1"), *turn("2")]}, {"content": None, "tool_calls": [call('{"a":1}')]}, "tool_calls", "repeated_identical_call", "f"),
    "with another result": ({"tools": [TOOL], "messages": [*ASK["messages"], *turn("1"), *turn("2", "new")]}, {"content": None, "tool_calls": [call('{"a":1}')]}, "tool_calls", None, None),
}  # fmt: skip


@pytest.mark.parametrize("capture", ["NO_CONTENT", "SPAN_ONLY"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_with_an_answer_is_on_its_span(spans, instrumented, connect, case, stream, capture):
    given, said, reason, failure, detail = CASES[case]
    usage = {
        "prompt_tokens": 1,
        "completion_tokens": 5,
        "total_tokens": 6,
        "completion_tokens_details": {"reasoning_tokens": 0 if said["content"] else 5},
    }
    head = {"id": "c", "created": 1, "model": "m"}

    def answer(_asked):
        if not stream:
            choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", **said}}
            return Answer(body={**head, "object": "chat.completion", "choices": [choice], "usage": usage})
        delta = {**said, "tool_calls": [{"index": n, **one} for n, one in enumerate(said.get("tool_calls", ()))]}
        chunks = [
            {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": usage},
        ]
        return Answer(events=[*({**head, "object": "chat.completion.chunk", **one} for one in chunks), "[DONE]"])

    instrumented(capture=capture)
    with Provider(answer) as server:
        result = connect(server).chat.completions.create(**{**ASK, **given}, stream=stream)
        if stream:
            list(result)
    attributes = spans.only.attributes
    assert (attributes.get(semconv.FAILURE_TYPE), attributes.get(semconv.FAILURE_DETAIL)) == (failure, detail)


def test_a_foreign_span_says_which_entries_match_what_it_tells():
    entries = [
        Entry(id="hot", pattern={"model": "m", "temperature": {">": 0.9}}, fix={"temperature": 0.7}),
        Entry(id="other", pattern={"model": "n", "temperature": {">": 0.9}}, fix={"temperature": 0.7}),
        Entry(id="unseen", pattern={"model": "m", "logprobs": {"exists": False}}, fix={"seed": 1}),
    ]
    kept, engine = InMemorySpanExporter(), Engine(Registry(entries))
    provider = TracerProvider()
    provider.add_span_processor(SuggestingSpanProcessor(lambda: engine))
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("opentelemetry.instrumentation.openai_v2")
    told = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.request.temperature": 1.0}
    for attributes in (told, {**told, semconv.SPAN_KIND: "llm"}, {"gen_ai.request.model": "m"}, {}):
        tracer.start_span("chat m", attributes=attributes).end()
    assert [span.attributes.get(semconv.FIX_SUGGESTED) for span in kept.get_finished_spans()] == [
        ("hot",),
        None,
        None,
        None,
    ]


def test_a_foreign_span_that_tells_late_is_looked_at_as_it_ends():
    entry = Entry(id="hot", pattern={"model": "m", "temperature": {">": 0.9}}, fix={"temperature": 0.7})
    kept, engine = InMemorySpanExporter(), Engine(Registry([entry]))
    provider = TracerProvider()
    provider.add_span_processor(SuggestingSpanProcessor(lambda: engine))
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("x")
    for applied in ({}, {semconv.FIX_IDS: ("hot",)}):
        span = tracer.start_span("chat m", attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"})
        span.set_attributes({"gen_ai.request.temperature": 1.0, **applied})
        span.end()
    late, applied = (span.attributes for span in kept.get_finished_spans())
    assert (late.get(semconv.FIX_SUGGESTED), applied.get(semconv.FIX_SUGGESTED)) == (("hot",), None)


def test_looking_at_suggestions_works_nothing_out_of_arc_s_own_spans(instrumented, connect, spans):
    instrumented(capture="SPAN_ONLY")
    seen = []

    class Watching(SpanProcessor):
        def on_end(self, span):
            seen.append(getattr(span._attributes, "_settled", None))

    engine = Engine(Registry())
    spans.tracer_provider.add_span_processor(SuggestingSpanProcessor(lambda: engine))
    spans.tracer_provider.add_span_processor(Watching())
    said = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [said]}
    with Provider(lambda _asked: Answer(body=body)) as server:
        connect(server).chat.completions.create(**ASK)
    assert seen == [False]


def test_the_second_door_never_fails_the_program_that_starts_a_span():
    def broken():
        raise RuntimeError("no engine")

    provider = TracerProvider()
    provider.add_span_processor(SuggestingSpanProcessor(broken))
    provider.get_tracer("x").start_span("chat", attributes={"gen_ai.operation.name": "chat"}).end()
