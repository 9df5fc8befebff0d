"""What the engine is told to read OTLP."""

import re
from functools import cache
from pathlib import Path
from typing import Final

from arc_core.store._database import Settings

_CODE: Final = re.compile(r"Code: (\d+)")

_BAD_ROWS: Final = frozenset({6, 26, 27, 32, 33, 38, 41, 53, 69, 70, 72, 117, 130, 131, 190, 241, 307, 349, 444})
"""Codes of errors that come from the rows themselves: they cannot be read, or take more memory than an insert may."""


@cache
def schema_settings(table: str) -> Settings:
    """Return the settings under which `table` of a server takes protobuf."""
    return {
        "format_schema_source": "string",
        "format_schema_message_name": "Request",
        "format_schema": re.sub(r"\s*//.*", "", _schema(table).read_text("utf-8")),
    }


def schema_file_settings(table: str) -> Settings:
    """Return the settings under which `table` of chDB takes protobuf.

    A server opens no file outside its own folder; chDB would keep a copy of what is not a file in the working folder.
    """
    return {"format_schema": f"{_schema(table)}:Request"}


def _schema(table: str) -> Path:
    return Path(__file__).with_name("otlp") / f"{table.removeprefix('otlp_')}.proto"


def means_bad_rows(error: str) -> bool:
    """Whether `error`, a text of ClickHouse's, is about the rows of an insert and not about the engine."""
    found = _CODE.search(error)
    return found is not None and int(found[1]) in _BAD_ROWS
