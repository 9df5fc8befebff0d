"""What a tenant may use, by a clock that the tests turn."""

import pytest
from arc_core.access import Caller, Limits
from arc_core.errors import OverQuotaError
from arc_core.registry import Limiter, Usage

DAY_MS = 24 * 3600 * 1000


class Clock:
    def __init__(self):
        self.seconds = 1000.0
        self.ms = 20_000 * DAY_MS + DAY_MS - 5000

    def later(self, seconds):
        self.seconds += seconds
        self.ms += int(seconds * 1000)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def limiter(clock):
    return Limiter(lambda: clock.seconds, lambda: clock.ms)


def test_without_limits_everything_is_taken_and_counted(limiter):
    for _ in range(1000):
        limiter.take("a", Limits(), spans=10, size_bytes=100)

    assert limiter.uncounted() == [Usage("a", 20_000, 10_000, 100_000)]


def test_ten_seconds_worth_may_come_at_once_and_then_what_comes_in(limiter, clock):
    limits = Limits(spans_per_second=100)
    for _ in range(10):
        limiter.take("a", limits, spans=100, size_bytes=1)

    with pytest.raises(OverQuotaError, match="100 spans a second") as told:
        limiter.take("a", limits, spans=1, size_bytes=1)
    clock.later(told.value.retry_seconds)
    limiter.take("a", limits, spans=100, size_bytes=1)
    assert limiter.uncounted() == [Usage("a", 20_000, 1100, 11)]


def test_a_request_larger_than_the_limit_is_taken_and_paid_for_later(limiter, clock):
    limits = Limits(spans_per_second=1)
    limiter.take("a", limits, spans=1000, size_bytes=1)

    with pytest.raises(OverQuotaError) as told:
        limiter.take("a", limits, spans=1, size_bytes=1)
    assert told.value.retry_seconds == 991
    clock.later(991)
    limiter.take("a", limits, spans=1, size_bytes=1)


def test_one_tenant_does_not_use_up_anothers(limiter):
    limits = Limits(spans_per_second=1, spans_per_day=5)
    limiter.take("a", limits, spans=1000, size_bytes=1)

    limiter.take("b", limits, spans=1, size_bytes=1)


@pytest.mark.parametrize("limits", [Limits(spans_per_day=5), Limits(bytes_per_day=500)])
def test_a_day_that_is_used_up_begins_anew_at_midnight(limiter, clock, limits):
    limiter.take("a", limits, spans=5, size_bytes=500)

    with pytest.raises(OverQuotaError, match="used up") as told:
        limiter.take("a", limits, spans=1, size_bytes=1)
    assert told.value.retry_seconds == 5
    clock.later(5)
    limiter.take("a", limits, spans=1, size_bytes=1)


def test_what_other_processes_took_counts(limiter):
    limiter.take("a", Limits(), spans=2, size_bytes=2)
    fresh = limiter.uncounted()
    limiter.take("a", Limits(), spans=1, size_bytes=1)  # comes while the registry is told
    limiter.settle(fresh, [Usage("a", 20_000, 4, 4)])

    assert limiter.uncounted() == [Usage("a", 20_000, 1, 1)]
    with pytest.raises(OverQuotaError):
        limiter.take("a", Limits(spans_per_day=5), spans=1, size_bytes=1)
    limiter.take("a", Limits(spans_per_day=6), spans=1, size_bytes=1)


def test_requests_are_limited_by_themselves(limiter):
    caller = Caller("a", frozenset(["read"]), limits=Limits(requests_per_second=0.1))

    limiter.take_request(caller)
    with pytest.raises(OverQuotaError, match="requests") as told:
        limiter.take_request(caller)
    assert told.value.retry_seconds >= 1


def test_what_was_not_stored_is_not_counted_and_may_come_again(limiter):
    limits = Limits(spans_per_day=10, spans_per_second=1)
    for _ in range(50):  # a store that is away, and a sender who does not give up
        limiter.take("a", limits, spans=10, size_bytes=100)
        limiter.give_back("a", limits, spans=10, size_bytes=100)
    assert limiter.uncounted() == []

    limiter.take("a", limits, spans=10, size_bytes=100)
    assert limiter.uncounted() == [Usage("a", 20_000, 10, 100)]
    with pytest.raises(OverQuotaError, match="10 spans a day"):
        limiter.take("a", limits, spans=1, size_bytes=1)


def test_what_is_given_back_after_it_was_counted_is_counted_less(limiter):
    limiter.take("a", Limits(), spans=10, size_bytes=100)
    counted = limiter.uncounted()
    limiter.give_back("a", Limits(), spans=10, size_bytes=100)
    limiter.settle(counted, counted)

    assert limiter.uncounted() == [Usage("a", 20_000, -10, -100)]
