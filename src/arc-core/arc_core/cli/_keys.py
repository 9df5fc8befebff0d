"""`arc core keys`: who may send and read."""

from typing import Annotated, Final

import msgspec
import typer

from arc_core.access import OPERATOR_TENANT, Key
from arc_core.cli._options import DataOption, JsonOption, RegistryOption
from arc_core.cli._registry import actor, columns, moment, now_ms, registry_for_command

keys = typer.Typer(help="API keys: make, list, rotate and revoke them.", no_args_is_help=True, rich_markup_mode=None)

KeyArgument = Annotated[str, typer.Argument(metavar="ID", help="The twelve characters after arc_live_.")]


EPILOG: Final = """\b
Examples:
  arc core keys create --scope ingest --scope read
  arc core keys create --tenant acme --scope ingest --expires 90d
"""


class _KeyShown(msgspec.Struct, omit_defaults=True):
    """A key as `--json` shows it."""

    id: str
    prefix: str
    tenant: str
    name: str
    scopes: list[str]
    state: str
    created_ms: int
    expires_ms: int | None
    revoked_ms: int | None
    last_used_ms: int | None
    key: str | None = None
    """The whole key; only when it was just made."""


@keys.command(epilog=EPILOG)
def create(  # noqa: PLR0913 - one for each option
    *,
    tenant: Annotated[str, typer.Option("--tenant", metavar="ID", help="Whose telemetry it opens.")] = OPERATOR_TENANT,
    scope: Annotated[
        list[str], typer.Option("--scope", metavar="SCOPE", help="ingest, read or admin; may be given again.")
    ],
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="What it is for.")] = "",
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="TIME", help="How long it lasts: 12h, 90d.", show_default="for ever"),
    ] = None,
    data: DataOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key; it is shown now, and never again.

    A running Arc Core knows it within a second. Once there is a key, all but this Arc Core's own files need one.
    """
    from arc_core.registry import duration_ms, scopes_of

    with registry_for_command(data, registry) as opened:
        scopes = scopes_of(scope)
        expires_ms = None if expires is None else now_ms() + duration_ms(expires, "--expires")
        new = opened.create_key(tenant, scopes, actor(), name=name, expires_ms=expires_ms)
    _show_new(new.key, new.text, as_json=as_json)


@keys.command("list")
def list_keys(
    *,
    tenant: Annotated[str | None, typer.Option("--tenant", metavar="ID", help="Only this tenant's.")] = None,
    data: DataOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the keys there are, without their secrets."""
    with registry_for_command(data, registry) as opened:
        found = [key for key in opened.keyring().keys.values() if tenant in (None, key.tenant)]
    if as_json:
        for key in found:
            typer.echo(msgspec.json.encode(_shown(key)).decode())
        return
    head = ("KEY", "TENANT", "SCOPES", "STATE", "EXPIRES", "LAST USED", "NAME")
    typer.echo(columns(head, [_row(_shown(key)) for key in found]))


@keys.command()
def revoke(
    key_id: KeyArgument, *, data: DataOption = None, registry: RegistryOption = None, as_json: JsonOption = False
) -> None:
    """End a key; a running Arc Core refuses it within a second."""
    with registry_for_command(data, registry) as opened:
        key = opened.revoke_key(key_id, actor())
    typer.echo(msgspec.json.encode(_shown(key)).decode() if as_json else f"revoked {key.prefix}... of {key.tenant}")


@keys.command()
def rotate(
    key_id: KeyArgument,
    *,
    overlap: Annotated[
        str, typer.Option("--overlap", metavar="TIME", help="How long the old one still works: 0s, 24h.")
    ] = "24h",
    data: DataOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key for the same as another, which ends after a while."""
    from arc_core.registry import duration_ms

    with registry_for_command(data, registry) as opened:
        new = opened.rotate_key(key_id, actor(), overlap_ms=duration_ms(overlap, "--overlap"))
    _show_new(new.key, new.text, as_json=as_json)


def _show_new(key: Key, text: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(_shown(key, text)).decode())
        return
    typer.echo(text)
    lasts = "for ever" if key.expires_ms is None else f"until {moment(key.expires_ms)} UTC"
    scopes = ", ".join(sorted(key.scopes))
    typer.echo(f"This is shown once. It is for tenant {key.tenant} ({scopes}), {lasts}.", err=True)


def _shown(key: Key, text: str | None = None) -> _KeyShown:
    from arc_core.registry import state_of

    return _KeyShown(
        id=key.id,
        prefix=key.prefix,
        tenant=key.tenant,
        name=key.name,
        scopes=sorted(key.scopes),
        state=state_of(key, now_ms()),
        created_ms=key.created_ms,
        expires_ms=key.expires_ms,
        revoked_ms=key.revoked_ms,
        last_used_ms=key.last_used_ms,
        key=text,
    )


def _row(key: _KeyShown) -> tuple[str, ...]:
    when = (moment(key.expires_ms), moment(key.last_used_ms))
    return (f"{key.prefix}...", key.tenant, ",".join(key.scopes), key.state, *when, key.name)
