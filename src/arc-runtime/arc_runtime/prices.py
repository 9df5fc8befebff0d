"""What a model call costs, told on its span: at its end once the price list is read, until then before it is exported.

Reading the list takes 40 ms of CPU and 5 MB, or half a second where Python has not compiled it yet. It is read in a
thread of its own when the first answer is there that has a price, never on the way of a call.
"""

import os
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress

from arc_prices import PriceList
from arc_semconv import attributes as semconv
from arc_semconv.kinds import Kind
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.util.types import AttributeValue

from arc_runtime._stderr import LOGGER

__all__ = ["Prices"]

_FORK_SECONDS = 5.0
"""How long a fork waits for a list that is being read: its modules would stay locked in the child for ever."""


class Prices:
    """Prices the model calls of this process."""

    def __init__(self, also: Collection[str] = ()) -> None:
        """`also` holds hosts where the provider charges too, such as a gateway."""
        self._list = PriceList(also)
        self._reading: threading.Thread | None = None
        self._usable = True

    def attributes(
        self, provider: str, host: str, model: str | None, answer: Mapping[str, AttributeValue]
    ) -> dict[str, AttributeValue]:
        """The cost of a call that ends now as span attributes; none where it is not known, or not yet.

        `answer` holds the attributes of the answer: usage, model, service tier.
        """
        call = {semconv.PROVIDER: provider, semconv.SERVER_ADDRESS: host, semconv.REQUEST_MODEL: model, **answer}
        if not self._usable or not self._list.wanted(call):
            return {}
        if not self._list.loaded:
            self._read()
            return {}
        return self._told(call, time.time_ns())

    def usd(self, call: Mapping[str, object], at_ns: int, within_seconds: float) -> float | None:
        """What `call`, that ended at `at_ns`, cost in US dollars; None where that is not known.

        `call` holds span attributes: provider, address, model, usage, service tier. TimeoutError when the list is not
        read `within_seconds`.
        """
        if not self._list.wanted(call):
            return None
        if self._loaded(time.monotonic() + within_seconds):
            cost = self._told(call, at_ns).get(semconv.COST_USD)
            return cost if isinstance(cost, float | int) else None
        if self._usable:
            raise TimeoutError("the prices are still being read")
        return None

    def settle(self, spans: Iterable[ReadableSpan], within_seconds: float) -> None:
        """Put the cost on those of `spans` that ended before the list was read; never raises.

        It is called where spans are exported: no call waits there. Where the list is not read `within_seconds`, they
        are sent without.
        """
        try:
            until = time.monotonic() + within_seconds
            for span in spans:
                self._settle(span, until)
        except Exception as error:  # noqa: BLE001 - spans without a cost are better than none
            LOGGER.warning("costs are left out", exc_info=error, extra={"cause": "prices"})

    def _settle(self, span: ReadableSpan, until: float) -> None:
        held = span._attributes  # noqa: SLF001 - what is exported; `attributes` is a copy that can't be written
        if not self._usable or not isinstance(held, BoundedAttributes) or held.get(semconv.SPAN_KIND) != Kind.LLM.value:
            return
        if semconv.COST_USD in held or not self._list.wanted(held):
            return
        if not self._loaded(until):
            return
        cost = self._told(held, span.start_time or time.time_ns())
        with held._lock:  # noqa: SLF001 - the SDK has frozen them
            held._dict.update(cost)  # noqa: SLF001

    def _loaded(self, until: float) -> bool:
        """Whether the list is read, at the latest at `until` of the monotonic clock."""
        if not self._list.loaded:
            self._read()
            if self._reading is None:
                self._load()
            else:
                self._reading.join(max(0.0, until - time.monotonic()))
        return self._list.loaded

    def _told(self, call: Mapping[str, object], start_ns: int) -> dict[str, AttributeValue]:
        cost = self._list.cost(call, start_ns)
        if cost is None:
            return {}
        told: dict[str, AttributeValue] = {
            semconv.COST_USD: cost.usd,
            semconv.COST_PRICE_LIST: cost.price_list,
            semconv.COST_PRICE_DATE: cost.price_date,
        }
        if call.get(semconv.USAGE_ESTIMATED):
            told[semconv.COST_ESTIMATED] = True
        return told

    def _read(self) -> None:
        """Begin to read the list; once in a process."""
        if self._reading is not None:
            return
        os.register_at_fork(before=self._await_reading, after_in_child=self._forget_reading)
        reading = threading.Thread(target=self._load, name="arc-prices", daemon=True)
        with suppress(RuntimeError):  # the interpreter ends, and starts no thread any more
            reading.start()
            self._reading = reading

    def _load(self) -> None:
        try:
            self._list.load()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the library, calls and spans go on
            self._usable = False
            LOGGER.warning("costs are unknown: genai-prices can't be read", exc_info=error, extra={"cause": "prices"})

    def _await_reading(self) -> None:
        if self._reading is not None and self._reading is not threading.current_thread():
            self._reading.join(_FORK_SECONDS)

    def _forget_reading(self) -> None:
        # A lock that a thread held when the process forked stays so; PriceList has one for that time.
        if not self._list.loaded:
            self._list = self._list.anew()
            self._reading = None
