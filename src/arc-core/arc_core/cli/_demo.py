"""`arc demo`."""

from pathlib import Path
from typing import Annotated

import typer

_INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it: 128 and the number of SIGINT."""


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Run the demo once and exit.")] = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="HTTP port of Arc Core; 0 takes a free one.")
    ] = 0,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="Keep the database in this folder.",
            show_default="one that ends with the demo",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the trace as a line of JSON.")] = False,
) -> None:
    r"""Run a recorded multi-agent app against Arc Core, without a key or a network.

    \b
    Examples:
      arc demo
      arc demo --once --json

    Exit status: 0 it shows what it promises, 1 the program failed, 2 something is not installed, 3 no trace arrived,
    4 the trace lacks something, 130 Ctrl-C.
    """
    try:
        from arc_core.demo import run

        status = run(once=once, http_port=port, data=data, as_json=as_json)
    except KeyboardInterrupt:  # before `run` listens for it itself: imports take most of a second
        status = _INTERRUPTED
    raise typer.Exit(status)
