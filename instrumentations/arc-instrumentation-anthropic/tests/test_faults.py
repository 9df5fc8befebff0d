"""Every function of the plugin that a call reaches is made to raise: the program gets what it gets without Arc."""

import importlib
import inspect
import pkgutil

import anthropic
import arc_instrumentation_anthropic
import pytest
from arc_testing import Answer, Provider, message_answer, message_error

GONE = message_error("`temperature` is deprecated for this model.")
# What wraps a function of the client's and does nothing but call it, and hand on.
HANDING_ON = {"OwnSpans._around", "OwnSpans._around_async", "OwnSpans._later", "OwnSpans.follow", "OwnSpans.__init__"}
HOOKING = {"AnthropicInstrumentor.hook", "AnthropicInstrumentor._wrap_clients"}


def functions():
    for info in pkgutil.iter_modules(arc_instrumentation_anthropic.__path__):
        module = importlib.import_module(f"arc_instrumentation_anthropic.{info.name}")
        owners = [("", module), *((f"{name}.", one) for name, one in vars(module).items() if inspect.isclass(one))]
        for prefix, owner in owners:
            for name, value in vars(owner).items():
                if (
                    inspect.isfunction(value)
                    and value.__module__ == module.__name__
                    and (not prefix or owner.__module__ == module.__name__)
                    and prefix + name not in HANDING_ON | HOOKING
                ):
                    yield f"{info.name}.{prefix}{name}", value


def raising(function):
    def raises(*_args, **_kwargs):
        raise RuntimeError("a fault of Arc's")

    return raises.__code__.replace(co_freevars=function.__code__.co_freevars)


def refusing(asked):
    return Answer(400, GONE) if "temperature" in asked.body else message_answer(asked)


@pytest.mark.parametrize(("name", "function"), [*functions()], ids=lambda one: one if isinstance(one, str) else "")
def test_a_fault_in_the_plugin_is_not_the_program_s(spans, instrumented, connect, ask, monkeypatch, name, function):
    instrumented(capture="SPAN_ONLY", fixes_retry="on")
    own = {"open_telemetry": {"tracer_provider": spans.tracer_provider}}
    told = [{}, own] if hasattr(anthropic.Anthropic, "open_telemetry") else [{}]
    monkeypatch.setattr(function, "__code__", raising(function))
    with Provider(refusing) as server:
        for given in told:
            client = connect(server, **given)
            tools = [{"name": "f", "input_schema": {"type": "object"}}]
            assert ask(client, tools=tools, system="be brief").content[0].text == "Hello"
            assert len(list(ask(client, stream=True))) == 6
            try:
                assert ask(client, temperature=0.1).content[0].text == "Hello"
            except anthropic.BadRequestError as error:  # without Arc it is one
                assert error.body == GONE  # noqa: PT017
    assert len(spans.spans) <= 3 * len(told)
    assert all(span.end_time for span in spans.spans)


def test_the_plugin_has_functions_to_fail():
    assert {"_call.describe", "_messages.reply", "_own_spans._run"} <= {name for name, _ in functions()}
