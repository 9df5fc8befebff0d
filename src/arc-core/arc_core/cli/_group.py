"""`arc core` and the commands below it."""

import typer

from arc_core.cli._audit import audit
from arc_core.cli._backup import backup, restore
from arc_core.cli._core import EPILOG, serve
from arc_core.cli._keys import keys
from arc_core.cli._move import EPILOG as MOVE_EPILOG
from arc_core.cli._move import move
from arc_core.cli._tenants import tenants

core = typer.Typer(
    name="core", add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, epilog=EPILOG
)
core.callback(invoke_without_command=True)(serve)
core.add_typer(keys, name="keys")
core.add_typer(tenants, name="tenants")
core.command("audit")(audit)
core.command("backup")(backup)
core.command("restore")(restore)
core.command("move", epilog=MOVE_EPILOG)(move)
