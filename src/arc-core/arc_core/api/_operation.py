"""One operation of the API: its route, who may use it, and all that the schema tells of it."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from arc_core.access import Caller, Scope
from arc_core.api._parameters import Parameter


class Call(msgspec.Struct, frozen=True):
    """One request that was let in."""

    request: Request
    caller: Caller
    values: dict[str, Any]
    """Of its parameters, by name."""

    def __getitem__(self, name: str) -> Any:
        """The value of the parameter `name`."""
        return self.values[name]


Handler = Callable[[Call], Awaitable[msgspec.Struct | Response]]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """What can be asked."""

    method: str
    path: str
    name: str
    """Unique; `operationId` in the schema."""
    says: str
    scope: Scope
    handler: Handler
    parameters: tuple[Parameter, ...] = ()
    path_parameters: dict[str, str] = {}
    """Regular expressions by name."""
    takes: type[msgspec.Struct] | None = None
    """The shape of its JSON body."""
    media_types: tuple[str, ...] = ()
    """Of its body, when that is no such shape."""
    answers: type[msgspec.Struct] | None = None
    """The shape of its answer."""
    answer_types: tuple[str, ...] = ()
    """Media types of its answer, when that is no such shape."""
    status: int = 200
    refusals: tuple[int, ...] = ()
    """HTTP statuses of refusals beyond those that all operations have."""
