"""What a tenant may still use: buckets that fill by the second, and what is left of the day."""

import math
import threading
from collections.abc import Callable
from typing import Final

from arc_core.access import Caller, Limits
from arc_core.errors import OverQuotaError
from arc_core.registry._model import DAY_MS, Usage

_BURST_SECONDS: Final = 10.0
"""So many seconds' worth may come at once: exporters send in bursts."""


class Bucket:
    """Tokens that come in at a rate, up to ten seconds' worth; taking may run into debt: no request is too big."""

    def __init__(self, per_second: float, now: float) -> None:
        self.per_second = per_second
        self._most = max(1.0, per_second * _BURST_SECONDS)
        self._left = self._most
        self._at = now

    def wait_seconds(self, now: float) -> float:
        """How long until something can be taken; 0 when it can be now."""
        self._left = min(self._most, self._left + (now - self._at) * self.per_second)
        self._at = now
        return 0.0 if self._left >= 1 else (1 - self._left) / self.per_second

    def take(self, amount: float) -> None:
        """Take `amount`."""
        self._left -= amount


class Limiter:
    """Counts what each tenant uses in this process, and refuses what is over its limits; of any thread."""

    def __init__(self, now_seconds: Callable[[], float], now_ms: Callable[[], int]) -> None:
        """With a clock that only goes forward, and the time since 1970."""
        self._now_seconds = now_seconds
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._stored: dict[tuple[str, int], Usage] = {}
        self._fresh: dict[tuple[str, int], Usage] = {}

    def take_request(self, caller: Caller) -> None:
        """Count one request to the API; raise OverQuotaError when it is too many."""
        with self._lock:
            self._take("requests", caller.tenant, caller.limits.requests_per_second, 1)

    def take(self, tenant: str, limits: Limits, *, spans: int, size_bytes: int) -> None:
        """Count telemetry that is about to be stored; raise OverQuotaError, and count nothing, when it is too much.

        `spans` counts spans, log records and data points, `size_bytes` what they take, encoded.
        """
        day = self._now_ms() // DAY_MS
        with self._lock:
            used, size = self._used(tenant, day)
            self._check_day("spans a day", used, limits.spans_per_day)
            self._check_day("bytes a day", size, limits.bytes_per_day)
            self._take("spans", tenant, limits.spans_per_second, spans)
            fresh = self._fresh.get((tenant, day), Usage(tenant, day, 0, 0))
            self._fresh[tenant, day] = Usage(tenant, day, fresh.spans + spans, fresh.size_bytes + size_bytes)

    def give_back(self, tenant: str, limits: Limits, *, spans: int, size_bytes: int) -> None:
        """Take back what `take` counted, as it was not stored: its sender will send it again."""
        day = self._now_ms() // DAY_MS
        with self._lock:
            bucket = self._buckets.get((tenant, "spans"))
            if limits.spans_per_second is not None and bucket is not None:
                bucket.take(-spans)
            fresh = self._fresh.get((tenant, day), Usage(tenant, day, 0, 0))
            self._keep(Usage(tenant, day, fresh.spans - spans, fresh.size_bytes - size_bytes))

    def uncounted(self) -> list[Usage]:
        """What was taken and is not yet known to the registry; `settle` when it is."""
        with self._lock:
            return list(self._fresh.values())

    def settle(self, counted: list[Usage], stored: list[Usage]) -> None:
        """`counted`, once returned by `uncounted`, is part of what the registry has: `stored`."""
        with self._lock:
            for one in counted:
                fresh = self._fresh.get((one.tenant, one.day), Usage(one.tenant, one.day, 0, 0))
                self._keep(Usage(one.tenant, one.day, fresh.spans - one.spans, fresh.size_bytes - one.size_bytes))
            self._stored = {(one.tenant, one.day): one for one in stored}

    def _keep(self, fresh: Usage) -> None:
        if fresh.spans or fresh.size_bytes:
            self._fresh[fresh.tenant, fresh.day] = fresh
        else:
            self._fresh.pop((fresh.tenant, fresh.day), None)

    def _used(self, tenant: str, day: int) -> tuple[int, int]:
        nothing = Usage(tenant, day, 0, 0)
        stored, fresh = self._stored.get((tenant, day), nothing), self._fresh.get((tenant, day), nothing)
        return stored.spans + fresh.spans, stored.size_bytes + fresh.size_bytes

    def _check_day(self, what: str, used: int, most: int | None) -> None:
        if most is not None and used >= most:
            left_ms = DAY_MS - self._now_ms() % DAY_MS
            raise OverQuotaError(
                f"the tenant's {most} {what} are used up; they start anew at midnight UTC", math.ceil(left_ms / 1000)
            )

    def _take(self, what: str, tenant: str, per_second: float | None, amount: int) -> None:
        if per_second is None:
            return
        now = self._now_seconds()
        bucket = self._buckets.get((tenant, what))
        if bucket is None or bucket.per_second != per_second:
            bucket = self._buckets[tenant, what] = Bucket(per_second, now)
        wait = bucket.wait_seconds(now)
        if wait:
            raise OverQuotaError(f"the tenant may send {per_second:g} {what} a second, and sent more", math.ceil(wait))
        bucket.take(amount)
