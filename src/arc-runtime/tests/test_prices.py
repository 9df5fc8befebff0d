"""Costs on spans: at once where the price list is read, else when they are exported; and nothing that hurts a fork."""

import os
import subprocess
import sys

import pytest
from arc_runtime.prices import Prices
from arc_semconv import attributes as semconv
from arc_testing import eventually

USAGE = {semconv.USAGE_INPUT_TOKENS: 1000, semconv.USAGE_OUTPUT_TOKENS: 100}
HOST = ("openai", "api.openai.com", "gpt-4o")


@pytest.fixture(scope="module")
def prices():
    found = Prices()
    assert found.attributes(*HOST, USAGE) == {}
    eventually(lambda: found.attributes(*HOST, USAGE), within_seconds=60)
    return found


def test_the_answer_after_the_list_is_read_has_its_cost(prices):
    told = prices.attributes(*HOST, USAGE)
    assert told[semconv.COST_USD] == 0.0035
    assert set(told) == {semconv.COST_USD, semconv.COST_PRICE_LIST, semconv.COST_PRICE_DATE}
    assert prices.attributes(*HOST, USAGE | {semconv.USAGE_ESTIMATED: True})[semconv.COST_ESTIMATED] is True


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (HOST, {}),
        (("openai", "api.openai.com", "nobody-knows-it"), USAGE),
        (("openai", "api.openai.com", None), USAGE),
        (("openai", "127.0.0.1", "gpt-4o"), USAGE),
        (("openai", "llm.example.com", "gpt-4o"), USAGE),
    ],
)
def test_what_is_not_known_is_not_told(prices, asked, answer):
    assert prices.attributes(*asked, answer) == {}


def test_spans_that_ended_before_are_priced_when_they_are_exported(spans):
    tracer = spans.tracer_provider.get_tracer("test")
    call = {
        semconv.SPAN_KIND: "llm", semconv.PROVIDER: "openai", semconv.SERVER_ADDRESS: "api.openai.com",
        semconv.RESPONSE_MODEL: "gpt-4o", **USAGE,
    }  # fmt: skip
    for given in (call, call | {semconv.COST_USD: 9.0}, {**call, semconv.SPAN_KIND: "run"}, {}):
        tracer.start_span("span", attributes=given).end()
    Prices().settle(spans.spans, 60)
    assert [span.attributes.get(semconv.COST_USD) for span in spans.spans] == [0.0035, 9.0, None, None]


def test_spans_are_sent_without_a_cost_where_there_is_no_time_left():
    call = {semconv.SPAN_KIND: "llm", semconv.RESPONSE_MODEL: "gpt-4o", **USAGE}
    program = """
import sys, time, arc_runtime.prices
from opentelemetry.sdk.trace import TracerProvider
span = TracerProvider().get_tracer("t").start_span("s", attributes=%r)
span.end()
arc_runtime.prices.Prices().settle([span], 0)
assert "arc.cost.usd" not in span.attributes
"""
    subprocess.run([sys.executable, "-c", program % call], check=True)


def test_a_process_forked_while_the_list_is_read_can_read_it_too():
    program = """
import os, sys, time
from arc_runtime import prices as module
module._FORK_SECONDS = 60  # a busy machine takes longer to read the list than a program should wait for its fork
prices, usage = module.Prices(), {"gen_ai.usage.input_tokens": 1000}
until = time.monotonic() + 50
while prices.attributes("openai", "", "gpt-4o", usage):
    sys.exit("it was read already")
child = os.fork()
while not (told := prices.attributes("openai", "", "gpt-4o", usage)) and time.monotonic() < until:
    time.sleep(0.01)
assert told["arc.cost.usd"] == 0.0025
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=110)


def test_a_library_that_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / "genai_prices.py").write_text("raise RuntimeError('broken')")
    program = """
import time
from arc_runtime._stderr import quieten
from arc_runtime.prices import Prices
quieten(None)
prices = Prices()
for _ in range(50):
    assert prices.attributes("openai", "", "gpt-4o", {"gen_ai.usage.input_tokens": 1}) == {}
    time.sleep(0.01)
"""
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env, check=True)
    assert done.stderr == "arc: costs are unknown: genai-prices can't be read: RuntimeError: broken\n"
