"""`arc core` and the commands below it."""

import typer

from arc_core.cli._audit import audit
from arc_core.cli._backup import backup, restore
from arc_core.cli._core import serve
from arc_core.cli._keys import keys
from arc_core.cli._move import move
from arc_core.cli._tenants import tenants

core = typer.Typer(
    name="core", add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=False
)
core.callback(invoke_without_command=True)(serve)
core.add_typer(keys, name="keys")
core.add_typer(tenants, name="tenants")
core.command("audit")(audit)
core.command("backup")(backup)
core.command("restore")(restore)
core.command("move")(move)
