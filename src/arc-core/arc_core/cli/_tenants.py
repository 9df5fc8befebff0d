"""`arc core tenants`: whose telemetry is kept apart, and how much each may send."""

from typing import Annotated

import msgspec
import typer

from arc_core.access import Limits, Tenant
from arc_core.cli._options import DataOption, JsonOption, RegistryOption
from arc_core.cli._registry import actor, columns, moment, now_ms, registry_for_command

tenants = typer.Typer(help="Tenants: make, limit and disable them.", no_args_is_help=True, rich_markup_mode=None)

TenantArgument = Annotated[str, typer.Argument(metavar="ID", help="a-z, 0-9, - and _; at most 63.")]


@tenants.command()
def create(
    tenant: TenantArgument,
    *,
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="What to call it.")] = "",
    data: DataOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a tenant."""
    with registry_for_command(data, registry) as opened:
        made = opened.create_tenant(tenant, actor(), name=name)
    _say(made, "made", as_json=as_json)


@tenants.command("list")
def list_tenants(*, data: DataOption = None, registry: RegistryOption = None, as_json: JsonOption = False) -> None:
    """Show the tenants there are, and what each sent today (UTC)."""
    from arc_core.registry import DAY_MS

    with registry_for_command(data, registry) as opened:
        found = list(opened.keyring().tenants.values())
        today = {one.tenant: one for one in opened.usage(now_ms() // DAY_MS)}
    if as_json:
        for tenant in found:
            typer.echo(msgspec.json.encode(tenant).decode())
        return
    rows = []
    for tenant in found:
        used = today.get(tenant.id)
        sent = ("0", "0") if used is None else (str(used.spans), str(used.size_bytes))
        state = "in use" if tenant.disabled_ms is None else f"disabled {moment(tenant.disabled_ms)}"
        rows.append((tenant.id, state, *sent, _limits(tenant), tenant.name))
    typer.echo(columns(("TENANT", "STATE", "SPANS TODAY", "BYTES TODAY", "LIMITS", "NAME"), rows))


@tenants.command()
def limit(  # noqa: PLR0913 - one for each option
    tenant: TenantArgument,
    *,
    requests_per_second: Annotated[float | None, typer.Option(min=0.001, help="Requests to the API.")] = None,
    spans_per_second: Annotated[float | None, typer.Option(min=0.001, help="Spans, log records, data points.")] = None,
    spans_per_day: Annotated[int | None, typer.Option(min=0, help="The same, from midnight UTC.")] = None,
    bytes_per_day: Annotated[int | None, typer.Option(min=0, help="Bytes of OTLP, inflated.")] = None,
    retention_days: Annotated[int | None, typer.Option(min=1, help="Delete telemetry after so long.")] = None,
    data: DataOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set all limits of a tenant anew; what is not given is not limited."""
    limits = Limits(
        requests_per_second=requests_per_second,
        spans_per_second=spans_per_second,
        spans_per_day=spans_per_day,
        bytes_per_day=bytes_per_day,
    )
    with registry_for_command(data, registry) as opened:
        changed = opened.limit_tenant(tenant, actor(), limits, retention_days)
    _say(changed, "limited", as_json=as_json)


@tenants.command()
def disable(
    tenant: TenantArgument, *, data: DataOption = None, registry: RegistryOption = None, as_json: JsonOption = False
) -> None:
    """Let nobody in for a tenant; its telemetry stays."""
    with registry_for_command(data, registry) as opened:
        changed = opened.disable_tenant(tenant, actor())
    _say(changed, "disabled", as_json=as_json)


@tenants.command()
def enable(
    tenant: TenantArgument, *, data: DataOption = None, registry: RegistryOption = None, as_json: JsonOption = False
) -> None:
    """Let a disabled tenant's keys in again."""
    with registry_for_command(data, registry) as opened:
        changed = opened.enable_tenant(tenant, actor())
    _say(changed, "enabled", as_json=as_json)


def _say(tenant: Tenant, done: str, *, as_json: bool) -> None:
    typer.echo(msgspec.json.encode(tenant).decode() if as_json else f"{done} tenant {tenant.id}")


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(number)


def _limits(tenant: Tenant) -> str:
    told = msgspec.to_builtins(tenant.limits)
    if tenant.retention_days is not None:
        told["retention_days"] = tenant.retention_days
    return ",".join(f"{name}={_plain(value)}" for name, value in told.items()) or "-"
