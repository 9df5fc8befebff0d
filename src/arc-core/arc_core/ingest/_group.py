"""A request as a stream: its records one at a time, so that no request is ever in memory as objects as a whole."""

from collections.abc import Iterable
from typing import Final, Generic, NamedTuple, TypeVar

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope

from arc_core.errors import TooLargeError

T = TypeVar("T")

MAX_RECORDS: Final = 200_000
"""Records (spans, log records, data points), scopes and resources that one request may hold together."""


class Group(NamedTuple, Generic[T]):
    """Records of one resource and one scope."""

    resource: dict[str, str]
    """Attributes as text."""
    resource_schema_url: str
    scope: InstrumentationScope
    scope_schema_url: str
    records: Iterable[T]
    """Made as they are asked for; each may raise MalformedError or TooLargeError."""


class Budget:
    """The records that one request may still hold."""

    def __init__(self) -> None:
        self._left = MAX_RECORDS

    def spend(self, records: int = 1) -> None:
        """Take `records` off; raise TooLargeError when there are not so many left."""
        self._left -= records
        if self._left < 0:
            raise TooLargeError(
                f"the request holds more than {MAX_RECORDS} records, scopes and resources; send fewer at a time"
            )
