"""`arc core audit`: who changed what."""

from typing import Annotated

import msgspec
import typer

from arc_core.cli._options import DataOption, JsonOption, RegistryOption
from arc_core.cli._registry import columns, moment, registry_for_command


def audit(  # noqa: PLR0913 - one for each option
    *,
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="ID", help="Only what concerns this tenant.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="So many of the newest.")] = 100,
    verify: Annotated[bool, typer.Option("--verify", help="Check that no entry is missing or was altered.")] = False,
    data: DataOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the changes to tenants and keys, newest first.

    --verify says the hash of the newest, to be kept where those who can write to the registry cannot.

    Exit status: 0, or 1 when --verify finds an entry that is missing or was altered.
    """
    with registry_for_command(data, registry) as opened:
        broken = opened.broken_audit() if verify else None
        entries = opened.audit(tenant_id=tenant, limit=limit)
        head = opened.audit_head()
    if broken is not None:
        typer.echo(f"arc core: the audit log is broken: entry {broken} is missing or was altered", err=True)
        raise typer.Exit(1)
    if verify:
        typer.echo(
            f"arc core: the audit log is whole: {head.number} entries, the newest has the hash {head.hash}", err=True
        )
    if as_json:
        for entry in entries:
            typer.echo(msgspec.json.encode(entry).decode())
        return
    titles = ("NUMBER", "AT (UTC)", "WHO", "WHAT", "TENANT", "SUBJECT", "DETAIL")
    rows = [
        (
            str(entry.number),
            moment(entry.at_ms),
            entry.actor,
            entry.action,
            entry.tenant,
            entry.subject,
            msgspec.json.encode(entry.detail).decode(),
        )
        for entry in entries
    ]
    typer.echo(columns(titles, rows))
