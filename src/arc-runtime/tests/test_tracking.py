"""The books of a pipeline: sums that are right whenever prices become known, and from however many threads."""

from concurrent.futures import ThreadPoolExecutor

import arc_runtime
import pytest
from arc_runtime.spans import EndedCall
from arc_runtime.tracking._ledger import Ledger
from arc_semconv import attributes as semconv

USED = {semconv.USAGE_INPUT_TOKENS: 3, semconv.USAGE_OUTPUT_TOKENS: 2}


def call(agent="a", cost=lambda _seconds: 0.5, **given):
    facts = {"model": "m", "seconds": 0.001, "failed": False, "mended": False, "answer": USED}
    return EndedCall(agent=agent, cost=cost, **facts | given)


class Prices:
    """A price list that is being read until it says otherwise."""

    def __init__(self, usd):
        self.usd = usd
        self.read = False

    def __call__(self, _within_seconds):
        if not self.read:
            raise TimeoutError
        return self.usd


@pytest.mark.parametrize(("usd", "expected"), [(0.25, (0.75, 0)), (None, (0.5, 1))])
def test_calls_that_ended_before_the_prices_were_read_are_priced_later(usd, expected):
    ledger, prices = Ledger(), Prices(usd)
    ledger.ended(call())
    ledger.ended(call(cost=prices))
    ledger.settle(0)
    figures, (agent,), _, _ = ledger.told()
    assert (figures["cost_usd"], figures["unpriced_calls"]) == (0.5, 1)
    assert (agent["cost_usd"], agent["unpriced_calls"]) == (0.5, 1)

    prices.read = True
    ledger.settle(0)
    ledger.settle(0)
    figures, (agent,), _, _ = ledger.told()
    assert (figures["cost_usd"], figures["unpriced_calls"]) == expected
    assert (agent["cost_usd"], agent["unpriced_calls"]) == expected


def test_calls_of_many_threads_are_all_counted():
    ledger = Ledger()
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(lambda index: ledger.ended(call(f"agent {index % 3}")), range(3_000)))
    ledger.settle(0)
    figures, agents, _, _ = ledger.told()
    assert (figures["calls"], figures["input_tokens"], figures["output_tokens"]) == (3_000, 9_000, 6_000)
    assert figures["cost_usd"] == pytest.approx(1_500)
    assert sorted(agent["calls"] for agent in agents) == [1_000, 1_000, 1_000]


def test_a_call_of_nobody_counts_in_the_total_alone():
    ledger = Ledger()
    ledger.ended(call(None, failed=True, mended=True, answer={}))
    figures, agents, _, _ = ledger.told()
    assert agents == []
    assert (figures["calls"], figures["errors"], figures["fixes"], figures["input_tokens"]) == (1, 1, 1, 0)


def test_what_is_told_is_a_copy():
    ledger = Ledger()
    ledger.handed_over({"from": "a", "to": "b", "keys": ["k"]})
    ledger.told()[2][0]["from"] = "changed"
    assert ledger.told()[2:] == ([{"from": "a", "to": "b", "keys": ["k"]}], 1)


def test_every_public_name_is_there_and_no_other_is():
    assert [name for name in arc_runtime.__all__ if getattr(arc_runtime, name).__name__ != name] == []
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = arc_runtime.Nothing


def test_calls_without_a_price_do_not_pile_up():
    ledger = Ledger()
    for _ in range(1_000):
        ledger.ended(call())
    assert len(ledger._unpriced) <= 256
    ledger.settle(0)
    assert ledger.told()[0]["cost_usd"] == pytest.approx(500)
