"""What a model call costs, from the price list of `genai-prices`."""

import math
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache
from importlib.metadata import version
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

from arc_semconv import attributes as names

from arc_prices._hosts import behind_gateway, charges

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider

__all__ = ["Cost", "PriceList"]

_LIBRARY: Final = "genai-prices"

_PROBE: Final = 1_000_000
"""Tokens priced to learn a rate; prices are listed per million."""

_DECIMALS: Final = 12
"""Far below the price of one token; it takes off what binary fractions add."""

_QUARTER_NS: Final = 15 * 60 * 1_000_000_000
"""Prices change on the quarter of an hour at most: some are lower at night."""

_PROVIDERS: Final = {"x_ai": "x-ai", "aws.bedrock": "aws", "mistral_ai": "mistral"}
"""Providers of the GenAI conventions that the price list knows under a name it would not find by itself."""

_GATEWAY: Final = "litellm"
"""What the list calls a server in front of many providers; a model is `provider/model` there."""


class Cost(NamedTuple):
    """What one model call costs."""

    usd: float
    """US dollars."""
    price_list: str
    """The list and its release, e.g. `genai-prices 0.2.3`."""
    price_date: str
    """The day of the newest price in the list, YYYY-MM-DD: prices are known up to then, at least."""


class _Tokens(NamedTuple):
    """How many tokens were used; those with a longer name are among those with a shorter one."""

    input: int
    cache_read: int
    cache_write: int
    output: int
    audio_input: int = 0
    audio_cache_read: int = 0
    audio_output: int = 0
    image_input: int = 0
    image_cache_read: int = 0
    image_output: int = 0

    @property
    def plain(self) -> bool:
        """Whether all of them are text, as far as is told."""
        return not any(self[4:])

    @property
    def adds_up(self) -> bool:
        """Whether no part is greater than its whole."""
        return (
            self.cache_read + self.cache_write <= self.input
            and self.audio_input + self.image_input <= self.input
            and self.audio_output + self.image_output <= self.output
            and self.audio_cache_read <= min(self.audio_input, self.cache_read)
            and self.image_cache_read <= min(self.image_input, self.cache_read)
        )


_COUNTS: Final = (
    (names.USAGE_INPUT_TOKENS, "input_tokens"),
    (names.USAGE_CACHE_READ_INPUT_TOKENS, "cache_read_tokens"),
    (names.USAGE_CACHE_WRITE_INPUT_TOKENS, "cache_write_tokens"),
    (names.USAGE_OUTPUT_TOKENS, "output_tokens"),
    (names.USAGE_AUDIO_INPUT_TOKENS, "input_audio_tokens"),
    (names.USAGE_AUDIO_CACHE_READ_INPUT_TOKENS, "cache_audio_read_tokens"),
    (names.USAGE_AUDIO_OUTPUT_TOKENS, "output_audio_tokens"),
    (names.USAGE_IMAGE_INPUT_TOKENS, "input_image_tokens"),
    (names.USAGE_IMAGE_CACHE_READ_INPUT_TOKENS, "cache_image_read_tokens"),
    (names.USAGE_IMAGE_OUTPUT_TOKENS, "output_image_tokens"),
)
"""Where the counts of `_Tokens` are, and what the library calls them, in its order."""


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


class PriceList:
    """The price list; it is read when the first model call is priced, or by `load`. No network call is ever made."""

    def __init__(self, also: Collection[str] = ()) -> None:
        """Of a list that holds for calls to the hosts in `also` too; see `charges`."""
        self._also = frozenset(also)
        self._loading = Lock()
        self._entry = lru_cache(maxsize=4096)(self._entry_uncached)

    def load(self) -> None:
        """Read the list now: 50 ms of CPU, or half a second where Python has not compiled the library yet."""
        with self._loading:
            _ = self._list

    def anew(self) -> "PriceList":
        """A list that is not read yet and holds for the same hosts: in a forked process locks may be held for ever."""
        return PriceList(self._also)

    @property
    def loaded(self) -> bool:
        """Whether the list is read."""
        return "_list" in self.__dict__

    def wanted(self, attributes: Mapping[str, object]) -> bool:
        """Whether the list has to be read to know what the call with these span attributes costs."""
        if names.USAGE_INPUT_TOKENS not in attributes and names.USAGE_OUTPUT_TOKENS not in attributes:
            return False
        return charges(_text(attributes, names.PROVIDER), _text(attributes, names.SERVER_ADDRESS), self._also)

    def usd(self, attributes: Mapping[str, object], start_ns: int) -> float | None:
        """The US dollars of `cost`."""
        found = self.cost(attributes, start_ns)
        return None if found is None else found.usd

    def cost(self, attributes: Mapping[str, object], start_ns: int) -> Cost | None:
        """What the model call with these span attributes costs; None when it is none or its price is not known.

        `start_ns` is when it began, since the epoch. Counts may be numbers or text. The price is not known when a count
        can't be read, the list has no rate for a sort of token that was used, or whoever runs the host does not charge
        what the list says. Input tokens include the cached ones, and both include those of audio and images (GenAI
        semantic conventions, `gen_ai.usage.*`). A cost that the span brings itself (`arc.cost.usd`) wins.
        """
        if (told := _number(attributes.get(names.COST_USD))) is not None:
            return Cost(told, _text(attributes, names.COST_PRICE_LIST), _text(attributes, names.COST_PRICE_DATE))
        if not self.wanted(attributes):
            return None
        provider, host = _text(attributes, names.PROVIDER), _text(attributes, names.SERVER_ADDRESS)
        tokens = _tokens(attributes)
        if tokens is None or not tokens.adds_up:
            return None
        tier, quarter = _text(attributes, names.OPENAI_RESPONSE_SERVICE_TIER), start_ns // _QUARTER_NS
        for key in (names.RESPONSE_MODEL, names.REQUEST_MODEL):
            model = _text(attributes, key)
            if model and (entry := self._entry(provider, host, model, tier, quarter)) is not None:
                usd = self._priced(entry, tokens)
                return None if usd is None else Cost(usd, self._list.name, self._list.date)
        return None

    @cached_property
    def _list(self) -> "_Snapshot":
        return _Snapshot()

    def _entry_uncached(self, provider: str, host: str, model: str, tier: str, quarter: int) -> "_Entry | None":
        self.load()
        found = self._list.find(_PROVIDERS.get(provider, provider), model)
        if found is None and "/" in model and behind_gateway(host, self._also):
            found = self._list.find(_GATEWAY, model)
        if found is None:
            return None
        seller, listed = found
        when = datetime.fromtimestamp(quarter * _QUARTER_NS / 1e9, UTC)
        price = listed.get_prices(when)
        # As the library does: a variant holds at the provider's own models, not at those it has of another.
        if tier and listed.price_variants and any(listed is one for one in seller.models):
            variant = listed.get_prices(when, {"service_tier": tier})
            price = price if variant == price else variant
        return _Entry(price, _listed(price), listed.id.endswith("free"), self._list.rates(price))

    def _priced(self, entry: "_Entry", tokens: _Tokens) -> float | None:
        """US dollars for `tokens`; None where the list has no rate for one of them, which the library takes for 0.

        Audio without a rate of its own would be priced as text, at a tenth of what it costs. Images have none where
        they cost what text does.
        """
        used = (tokens.input, tokens.output, tokens.audio_input, tokens.audio_output)
        known = any(entry.listed[:2]) and all(entry.listed[n] for n, count in enumerate(used) if count)
        if not known and not entry.free:
            return None
        if entry.rates is None or not tokens.plain:
            return round(self._list.slow_total(entry.price, tokens), _DECIMALS)
        return round(entry.rates.total(tokens), _DECIMALS)


class _Entry(NamedTuple):
    """The price of one model at one time."""

    price: "ModelPrice"
    listed: tuple[bool, ...]
    """Whether there is a rate for input, output, audio that is sent, and audio that comes back."""
    free: bool
    rates: _Rates | None
    """None where they depend on the number of tokens."""


class _Snapshot:
    """The part of `genai_prices` that is used; importing it takes time, so it is done here."""

    def __init__(self) -> None:
        from genai_prices import Usage
        from genai_prices.data_snapshot import get_snapshot
        from genai_prices.types import StartDateConstraint, TieredPrices

        self._usage = Usage
        self._tiered = TieredPrices
        self._snapshot = get_snapshot()
        today = datetime.now(UTC).date()
        dates = (
            one.constraint.start_date
            for provider in self._snapshot.providers
            for model in provider.models
            for one in (*(model.prices if isinstance(model.prices, list) else ()), *(model.price_variants or ()))
            if isinstance(one.constraint, StartDateConstraint) and one.constraint.start_date <= today
        )
        self.name = f"{_LIBRARY} {version(_LIBRARY)}"
        self.date = max(dates, default=date.min).isoformat()

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
        if provider == _GATEWAY:
            return True
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
        known = {key: count for (_, key), count in zip(_COUNTS, tokens, strict=True)}
        plain = {key: known[key] for _, key in _COUNTS[:4]}
        usage = self._usage(**plain, **{key: count for key, count in known.items() if count and key not in plain})
        return float(price.calc_price(usage)["total_price"])


def _listed(price: "ModelPrice") -> tuple[bool, ...]:
    rates = (price.input_mtok, price.output_mtok, price.input_audio_mtok, price.output_audio_mtok)
    return tuple(rate is not None for rate in rates)


def _tokens(attributes: Mapping[str, object]) -> _Tokens | None:
    """Return what was used; None when a count is there and cannot be read."""
    counts = []
    for name, _ in _COUNTS:
        told = attributes.get(name) or 0
        # As nearly all are, in the user's process.
        count = told if type(told) is int and told >= 0 else _number(told)
        if count is None:
            return None
        counts.append(int(count))
    return _Tokens(*counts)


def _text(attributes: Mapping[str, object], name: str) -> str:
    value = attributes.get(name)
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    """Return `value` as a number from 0 on; None when it is none."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and found >= 0 else None
