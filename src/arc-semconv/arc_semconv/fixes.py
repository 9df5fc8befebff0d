"""What a fix did to a request, as it travels on a span (`arc.fix.changes`)."""

from typing import Literal

import msgspec


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field of a request that a fix changed."""

    path: str
    """Where in the wire body, e.g. `response_format.type`."""
    op: Literal["set", "delete", "rename", "rewrite"] = "set"
    """What was done; a clamp or a default is a `set`."""
    old: object = msgspec.UNSET
    """The value before; left out when there was none or content is not captured."""
    new: object = msgspec.UNSET
    """The value sent, or the new path of a renamed field; left out when the field was removed or content is not
    captured."""


class Fix(msgspec.Struct, frozen=True):
    """The fixes recorded on one model call."""

    ids: list[str]
    """Ids of the entries that matched and applied."""
    mode: str
    """`on`, `shadow`, `canary` or `control`."""
    trigger: str
    """`before` the request left, `after_error`, or `after_answer`: it was not as the request demands."""
    outcome: str
    """`ok`, `error` or `unknown`."""
    changes: list[Change]
    """Every field that was changed, in the order it was changed."""
