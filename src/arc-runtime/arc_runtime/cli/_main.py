"""Gathers the commands and runs one: a deliberate error is one line and a known exit status."""

import sys
from importlib.metadata import entry_points, version
from typing import Annotated, Final

import typer

from arc_runtime.cli import _bootstrap, _completion, _doctor, _fixes, _redact, _run, _traces
from arc_runtime.errors import ArcError

__all__ = ["main"]

_AS_TYPED: Final = {"ignore_unknown_options": True, "allow_interspersed_args": False}
"""Words behind the program are the program's."""


def main() -> None:
    """Run one command of `arc`."""
    try:
        _app()()
    except ArcError as error:
        sys.stderr.write(f"arc: {error}\n")
        raise SystemExit(error.exit_code) from error


def _app() -> typer.Typer:
    app = typer.Typer(
        name="arc",
        help="Arc: the reliability layer for AI agents.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_root)
    app.command("run", context_settings=_AS_TYPED, epilog=_run.EPILOG)(_run.run)
    app.add_typer(_traces.traces, name="traces")
    app.add_typer(_fixes.fixes, name="fixes")
    app.command("redact", epilog=_redact.EPILOG)(_redact.redact)
    app.command("doctor", epilog=_doctor.EPILOG)(_doctor.doctor)
    app.command("bootstrap", epilog=_bootstrap.EPILOG)(_bootstrap.bootstrap)
    app.command("completion", epilog=_completion.EPILOG)(_completion.completion)
    for entry_point in sorted(entry_points(group="arc.commands"), key=lambda found: found.name):
        try:
            command = entry_point.load()
            if isinstance(command, typer.Typer):
                app.add_typer(command, name=entry_point.name)
            else:
                app.command(entry_point.name)(command)
        except (ImportError, AttributeError) as error:
            sys.stderr.write(f"arc: the command {entry_point.name!r} is left out: {error}\n")
    return app


def _print_version(*, wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"arc {version('arc-runtime')}\n")
        raise typer.Exit


def _root(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", callback=lambda wanted: _print_version(wanted=wanted), is_eager=True)
    ] = False,
) -> None:
    """Arc: the reliability layer for AI agents."""
    del show_version
