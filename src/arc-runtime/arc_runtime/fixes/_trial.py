"""Trying an entry out on some of the calls: who gets it, who is compared with them."""

import hashlib
import random
from collections.abc import Callable
from typing import Final, Literal

from arc_runtime.fixes._entry import Entry
from arc_runtime.fixes._request import Request

__all__ = ["BUCKETS", "Arm", "KeyOf", "arm_of", "bucket_of"]

Arm = Literal["canary", "control", "none"]
KeyOf = Callable[[Literal["trace", "session", "user"], Request], "str | None"]

BUCKETS: Final = 10_000
_CONTROL: Final = 9_500
"""The first bucket of the control group: 5 % of the keys stay as they are for as long as an entry is under test."""


def bucket_of(salt: str, key: str) -> int:
    """The bucket of `key`, from 0 to 9,999: the first eight bytes of sha256(salt|key), so that widening only adds."""
    digest = hashlib.sha256(f"{salt}|{key}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % BUCKETS


def arm_of(entry: Entry, request: Request, key_of: KeyOf | None) -> Arm:
    """Whether the entry, a canary, mends `request`, compares with it, or leaves it out of the test."""
    key = key_of(entry.sticky, request) if key_of is not None else None
    # A call that belongs to nothing is drawn for by itself.
    bucket = random.randrange(BUCKETS) if key is None else bucket_of(entry.salt or entry.id, key)  # noqa: S311
    if bucket >= _CONTROL:
        return "control"
    return "canary" if bucket < entry.percent * BUCKETS / 100 else "none"
