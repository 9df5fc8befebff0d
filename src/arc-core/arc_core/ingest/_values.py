"""OTLP attribute values as the text that ClickHouse keeps, in the way the Collector writes them."""

import base64
import math
from collections.abc import Iterable
from decimal import Decimal

import msgspec
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

_EXACT_FLOAT = 2**53
"""Up to here every whole float is written without a fraction, as JSON writers of other languages do."""


def texts(attributes: Iterable[KeyValue]) -> dict[str, str]:
    """Key and text of each attribute; the last of two with one key wins."""
    # A text is the most frequent value by far, so it is tried before asking which one it is.
    return {pair.key: pair.value.string_value or text(pair.value) for pair in attributes}


def text(value: AnyValue) -> str:
    """`value` as text: arrays and maps as JSON, bytes as base64, empty when it is not set."""
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "array_value" | "kvlist_value":
            return msgspec.json.encode(_plain(value)).decode()
        case _:
            return _scalar_text(_plain(value))


def _scalar_text(plain: object) -> str:
    if plain is None:
        return ""
    if isinstance(plain, bool):
        return "true" if plain else "false"
    return _float_text(plain) if isinstance(plain, float) else str(plain)


def _float_text(number: float) -> str:
    """`number` as ClickHouse writes it: as JavaScript does, but without the plus of an exponent."""
    if 1e-6 <= abs(number) < 1e21:  # noqa: PLR2004 - ECMA-262, Number::toString
        return format(Decimal(repr(number)), "f").removesuffix(".0")
    return repr(number).replace("e-0", "e-").replace("e+", "e")


def _plain(value: AnyValue) -> object:
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return _plain_float(value.double_value)
        case "array_value":
            return [_plain(item) for item in value.array_value.values]
        case "kvlist_value":
            return {pair.key: _plain(pair.value) for pair in value.kvlist_value.values}
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case _:
            return None


def _plain_float(number: float) -> float | int | str:
    """JSON has no word for what is not finite: ProtoJSON's words are used (`NaN`, `Infinity`, `-Infinity`)."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number.is_integer() and abs(number) <= _EXACT_FLOAT:
        return int(number)
    return number
