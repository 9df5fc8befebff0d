"""What a model call costs, from the price list of `genai-prices`."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from arc_semconv import attributes as names

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider

_PROBE: Final = 1_000_000
"""Tokens priced to learn a rate; prices are listed per million."""

_DECIMALS: Final = 12
"""Far below the price of one token; it takes off what binary fractions add."""

_OWN_SERVERS: Final = frozenset({"ollama", "vllm", "lmstudio", "lm_studio", "llama.cpp", "llama_cpp", "sglang", "tgi"})
"""Providers that run models on machines of one's own: nobody charges the list price for a token there."""

_PROVIDERS: Final = {"x_ai": "x-ai", "aws.bedrock": "aws", "mistral_ai": "mistral"}
"""Providers of the GenAI conventions that the price list knows under a name it would not find by itself."""


class _Tokens(NamedTuple):
    input: int
    cache_read: int
    cache_write: int
    output: int


_COUNTS: Final = (
    names.USAGE_INPUT_TOKENS,
    names.USAGE_CACHE_READ_INPUT_TOKENS,
    names.USAGE_CACHE_WRITE_INPUT_TOKENS,
    names.USAGE_OUTPUT_TOKENS,
)
"""Where the counts of `_Tokens` are, in its order."""


class _Rates(NamedTuple):
    """US dollars: for a call, and for a token of each sort."""

    call: float
    fresh: float
    cache_read: float
    cache_write: float
    output: float

    def total(self, tokens: _Tokens) -> float:
        fresh = tokens.input - tokens.cache_read - tokens.cache_write
        return (
            self.call
            + self.fresh * fresh
            + self.cache_read * tokens.cache_read
            + self.cache_write * tokens.cache_write
            + self.output * tokens.output
        )


class Prices:
    """The price list, read when the first model call is priced."""

    def __init__(self) -> None:
        self._find = lru_cache(maxsize=4096)(self._find_uncached)
        self._rates: dict[int, _Rates | None] = {}

    def cost(self, attributes: Mapping[str, str], start_ns: int) -> float | None:
        """US dollars for the model call with these span attributes; None when it is none or its price is not known.

        It is not known when a count of tokens cannot be read, or the list has no rate for a sort of token that was
        used. A cost that the span brings itself (`arc.cost.usd`) wins. Input tokens include the cached ones (GenAI
        semantic conventions, `gen_ai.usage.input_tokens`).
        """
        if (told := attributes.get(names.COST_USD)) is not None and (cost := _number(told)) is not None:
            return cost
        if names.USAGE_INPUT_TOKENS not in attributes and names.USAGE_OUTPUT_TOKENS not in attributes:
            return None
        tokens = _tokens(attributes)
        if tokens is None or tokens.input < tokens.cache_read + tokens.cache_write:
            return None
        provider = attributes.get(names.PROVIDER, "")
        if provider.lower() in _OWN_SERVERS:
            return None
        for key in (names.RESPONSE_MODEL, names.REQUEST_MODEL):
            if (model := attributes.get(key)) and (found := self._find(provider, model)) is not None:
                return self._priced(found, tokens, start_ns)
        return None

    @cached_property
    def _list(self) -> "_PriceList":
        return _PriceList()

    def _find_uncached(self, provider: str, model: str) -> "tuple[Provider, ModelInfo] | None":
        return self._list.find(_PROVIDERS.get(provider, provider), model)

    def _priced(self, found: "tuple[Provider, ModelInfo]", tokens: _Tokens, start_ns: int) -> float | None:
        _, model = found
        price = model.get_prices(datetime.fromtimestamp(start_ns / 1e9, UTC))
        if not _has_rates(price, tokens) and not model.id.endswith("free"):
            return None
        # The list lives as long as this object, so the id of an entry is never used again for another.
        if id(price) not in self._rates:
            self._rates[id(price)] = self._list.rates(price)
        rates = self._rates[id(price)]
        total = self._list.slow_total(price, tokens) if rates is None else rates.total(tokens)
        return round(total, _DECIMALS)


class _PriceList:
    """The part of `genai_prices` that is used; importing it takes half a second."""

    def __init__(self) -> None:
        from genai_prices import Usage
        from genai_prices.data_snapshot import get_snapshot
        from genai_prices.types import TieredPrices

        self._usage = Usage
        self._tiered = TieredPrices
        self._snapshot = get_snapshot()

    def find(self, provider: str, model: str) -> "tuple[Provider, ModelInfo] | None":
        """Return the entry for `model` at `provider`; None when there is none.

        Where the list does not know the provider, or none is named, it is the entry at whoever makes the model.
        """
        provider_id = provider if provider and self._knows(provider) else None
        try:
            found: tuple[Provider, ModelInfo] = self._snapshot.find_provider_model(model, None, provider_id, None)
        except LookupError:
            return None
        return found

    def _knows(self, provider: str) -> bool:
        try:
            self._snapshot.find_provider(None, provider, None)
        except LookupError:
            return False
        return True

    def rates(self, price: "ModelPrice") -> _Rates | None:
        """Return the rates of `price`; None when they depend on the number of tokens.

        Reckoning with rates takes 1 us where the library takes 60 us a call, which would be half the time of ingest.
        """
        if any(isinstance(value, self._tiered) for value in vars(price).values()):
            return None
        call = self.slow_total(price, _Tokens(0, 0, 0, 0))
        samples = (
            _Tokens(_PROBE, 0, 0, 0),
            _Tokens(_PROBE, _PROBE, 0, 0),
            _Tokens(_PROBE, 0, _PROBE, 0),
            _Tokens(0, 0, 0, _PROBE),
        )
        return _Rates(call, *((self.slow_total(price, sample) - call) / _PROBE for sample in samples))

    def slow_total(self, price: "ModelPrice", tokens: _Tokens) -> float:
        """US dollars for `tokens`."""
        usage = self._usage(
            input_tokens=tokens.input,
            cache_read_tokens=tokens.cache_read,
            cache_write_tokens=tokens.cache_write,
            output_tokens=tokens.output,
        )
        return float(price.calc_price(usage)["total_price"])


def _has_rates(price: "ModelPrice", tokens: _Tokens) -> bool:
    """Whether the list says what the tokens that were used cost; the library takes a rate it has not for 0."""
    if price.input_mtok is None and price.output_mtok is None:
        return False
    return not (tokens.input and price.input_mtok is None) and not (tokens.output and price.output_mtok is None)


def _tokens(attributes: Mapping[str, str]) -> _Tokens | None:
    """Return what was used; None when a count is there and cannot be read."""
    counts = []
    for name in _COUNTS:
        count = _number(attributes.get(name) or "0")
        if count is None:
            return None
        counts.append(int(count))
    return _Tokens(*counts)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
