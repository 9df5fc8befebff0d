"""`python -m arc_core` runs `arc core` without the `arc` command installed."""

import typer

from arc_core.cli import core

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command("core")(core)

if __name__ == "__main__":
    app(prog_name="arc core")
