"""What comes from a gateway that has stamped each resource with its tenant."""

from collections.abc import Callable

from google.protobuf.message import Message

from arc_core.access import ANY_TENANT
from arc_core.app._meter import MeteredReceiver, Write
from arc_core.errors import ArcCoreError, ForbiddenError, MalformedError
from arc_core.ingest import Held, Signal, by_tenant, joined, rejection
from arc_core.model import Tenant
from arc_core.operations import Metrics


class DividedReceiver(MeteredReceiver):
    """A receiver that takes what is of several tenants as a request of each."""

    def __init__(
        self,
        write: Write,
        cost_of: Callable[[dict[str, str], int], float | None],
        metrics: Metrics,
        check: Callable[[str], object],
    ) -> None:
        """`check` raises ForbiddenError for a tenant that may not send."""
        super().__init__(write, cost_of, metrics)
        self._check = check

    async def export(self, signal: Signal, body: bytes, held: Held, tenant: Tenant, *, is_json: bool) -> Message:
        """See `Receiver`. What one tenant may not send is rejected; what others sent along is stored."""
        if tenant.id != ANY_TENANT:
            return await super().export(signal, body, held, tenant, is_json=is_json)
        if is_json:
            raise MalformedError("resources of several tenants are read from protobuf; send that, or name one tenant")
        parts = by_tenant(body)
        held.grow(sum(map(len, parts.values())))
        answers: list[Message] = []
        failed: ArcCoreError | None = None
        for name, part in parts.items():
            try:
                self._check(name)
            except ForbiddenError as error:
                answers.append(rejection(signal.name, part, str(error)))
                continue
            try:
                answers.append(await super().export(signal, part, held, Tenant(name), is_json=False))
            except ArcCoreError as error:
                # All of it will come again; by then this has told the others from it.
                failed = failed or error
        if failed is not None:
            raise failed
        return joined(signal.name, answers)
