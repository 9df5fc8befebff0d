"""Whose a model call is: suppression, the keys of opentelemetry-util-genai, and spans of others."""

import sys
from types import ModuleType

import pytest
import wrapt
from arc_runtime.instrumentation import announce
from arc_runtime.instrumentation._owners import marks, owner_of
from arc_runtime.instrumentation._wrapping import Place
from arc_semconv.attributes import FIX_IDS, SPAN_KIND
from opentelemetry import context, trace

INFERENCE = "opentelemetry.genai.client.inference.context"
EMBEDDING = "opentelemetry.genai.client.embedding.context"


@pytest.fixture
def opened(spans):
    """Start a span of another instrumentor with attributes; ended at the end."""
    made = []

    def opened(**attributes):
        tracer = spans.tracer_provider.get_tracer("others")
        span = tracer.start_span(
            "call", attributes={name.replace("__", "."): value for name, value in attributes.items()}
        )
        made.append(span)
        return span

    yield opened
    for span in made:
        span.end()


@pytest.mark.parametrize(
    ("attributes", "operation", "owned"),
    [
        ({"gen_ai__operation__name": "chat"}, "chat", True),
        ({"gen_ai__operation__name": "chat"}, "text_completion", True),
        ({"gen_ai__operation__name": "chat"}, "embeddings", False),
        ({"gen_ai__operation__name": "embeddings"}, "embeddings", True),
        ({"gen_ai__operation__name": "invoke_agent"}, "chat", False),
        ({"gen_ai__operation__name": "chat", "arc__span__kind": "llm"}, "chat", False),
        ({"openinference__span__kind": "LLM"}, "chat", True),
        ({"openinference__span__kind": "CHAIN"}, "chat", False),
        ({"llm__request__type": "chat"}, "chat", True),
        ({"langfuse__observation__type": "generation"}, "chat", True),
        ({"http__request__method": "POST"}, "chat", False),
    ],
)
def test_a_span_of_a_model_call_round_the_call_owns_it(opened, attributes, operation, owned):
    with trace.use_span(opened(**attributes)):
        assert (owner_of(operation) is not None) is owned


def test_a_span_stands_for_one_call_and_is_told_more(opened):
    span = opened(gen_ai__operation__name="chat")
    with trace.use_span(span):
        owner_of("chat").tell({FIX_IDS: ("one",)})
        assert owner_of("chat") is None
    assert (span.attributes[SPAN_KIND], span.attributes[FIX_IDS]) == ("llm", ("one",))


def test_a_span_that_has_ended_owns_nothing(opened):
    span = opened(gen_ai__operation__name="chat")
    span.end()
    with trace.use_span(span):
        assert owner_of("chat") is None


def test_an_announced_span_owns_the_next_call_alone(opened):
    announce(opened(langfuse__observation__type="generation"))
    assert owner_of("chat") is not None
    assert owner_of("chat") is None


class Data:
    def __init__(self):
        self.attributes = {}


@pytest.mark.parametrize(
    ("key", "operation", "owned"),
    [(INFERENCE, "chat", True), (EMBEDDING, "embeddings", True), (EMBEDDING, "chat", False)],
)
def test_a_call_that_util_genai_records_is_owned(key, operation, owned):
    data = Data()
    token = context.attach(context.set_value(key, data))
    try:
        owner = owner_of(operation)
        assert (owner is not None) is owned
        if owned:
            owner.tell({FIX_IDS: ("one",)})
            assert data.attributes == {FIX_IDS: ("one",)}
    finally:
        context.detach(token)


def test_util_genai_is_told_of_a_call_where_it_is_loaded_and_knows_how(monkeypatch):
    name = "opentelemetry.util.genai.invocation"
    monkeypatch.delitem(sys.modules, name, raising=False)
    assert marks("chat") == {}
    older, newer = ModuleType(name), ModuleType(name)
    newer.InferenceData = Data
    monkeypatch.setitem(sys.modules, name, older)
    assert marks("chat") == {}
    monkeypatch.setitem(sys.modules, name, newer)
    assert [(key, type(value)) for key, value in marks("chat").items()] == [(INFERENCE, Data)]
    assert marks("embeddings") == {}


def family():
    class Base:
        def request(self, word):
            return word

    class Client(Base):
        pass

    class Own(Client):
        def request(self, word):
            return super().request(word + "!")

    return Base, Client, Own


def around(label):
    return lambda wrapped, _instance, args, kwargs: f"{label}({wrapped(*args, **kwargs)})"


def plain_wrapper(inner):
    def outer(*args):
        return f"theirs({inner(*args)})"

    outer.__wrapped__ = inner
    return outer


def put_on(client):
    wrapt.wrap_function_wrapper(client, "request", around("theirs"))


def put_on_plainly(client):
    client.set_aside = client.request
    client.request = plain_wrapper(client.request)


@pytest.mark.parametrize("put", [put_on, put_on_plainly])
def test_a_wrapper_goes_beneath_those_that_were_there_first_and_is_put_once(put):
    base, client, own = family()
    put(client)
    place = Place(base, "request", around("ours"))
    place.fill()
    place.fill()
    assert client().request("a") == "theirs(ours(a))"
    assert base().request("a") == "ours(a)"
    assert own().request("a") == "theirs(ours(a!))"


def test_what_others_set_back_is_wrapped_again():
    base, client, _own = family()
    found_once = client.request
    place = Place(base, "request", around("ours"))
    place.fill()
    client.request = found_once
    assert client().request("a") == "a"
    place.fill()
    assert client().request("a") == "ours(a)"


def test_what_others_set_aside_is_wrapped_too():
    base, client, _own = family()
    put_on_plainly(client)
    Place(base, "request", around("ours")).fill()
    client.request = client.set_aside
    assert client().request("a") == "ours(a)"
