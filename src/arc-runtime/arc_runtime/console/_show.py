"""Writing a summary to a file: as text, as a tree, as JSON."""

from typing import Final, Literal, TextIO

from arc_runtime.console._lines import as_json, as_text
from arc_runtime.console._summary import Summary
from arc_runtime.console._tree import as_tree

__all__ = ["Form", "show"]

Form = Literal["text", "tree", "json"]

_WIDEST: Final = 100
"""Columns; beyond that the eye loses the row between a name and its time."""


def show(summary: Summary, file: TextIO, form: Form | None = None) -> None:
    """Write `summary` to `file` in one piece: by default as a tree to a terminal, as text to everything else.

    Raise what `file` raises, e.g. BrokenPipeError when nobody reads it any more.
    """
    chosen = form or ("tree" if _is_terminal(file) else "text")
    if chosen == "tree":
        file.write(_drawn(summary, file))
    else:
        file.write(as_json(summary) if chosen == "json" else as_text(summary))
    file.flush()


def _drawn(summary: Summary, file: TextIO) -> str:
    from rich.console import Console

    console = Console(file=file, highlight=False)
    # Captured, and written by us: rich ends the process with status 1 when it meets a broken pipe.
    with console.capture() as drawn:
        console.print(as_tree(summary), width=min(console.width, _WIDEST), crop=False)
    return drawn.get()


def _is_terminal(file: TextIO) -> bool:
    try:
        return file.isatty()
    except (AttributeError, ValueError):  # one of the program's own, or closed
        return False
