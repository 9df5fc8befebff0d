"""The schema, brought up to date when a database is opened."""

import re
from importlib.resources import files
from typing import Final

import msgspec

from arc_core.errors import StartError
from arc_core.store._database import Database

_VERSIONS: Final = """
CREATE TABLE IF NOT EXISTS schema_version (Version UInt32, AppliedAt DateTime64(3) DEFAULT now64(3))
ENGINE = MergeTree ORDER BY Version
"""
_NAME: Final = re.compile(r"(\d{4})_\w+\.sql")
_COMMENT: Final = re.compile(r"^\s*--.*$", re.MULTILINE)


class _Applied(msgspec.Struct):
    version: int


async def migrate(database: Database) -> None:
    """Apply what is missing; raise StartError when a newer Arc Core has been here.

    Each statement can be run again: ClickHouse has no transaction around several, and a kill may come between two.
    """
    await database.command(_VERSIONS)
    applied = await _applied(database)
    known = _known()
    if applied > max(known):
        raise StartError(
            f"the data folder has schema {applied}, this Arc Core knows {max(known)}; install the newer arc-core again"
        )
    for version in sorted(version for version in known if version > applied):
        for statement in known[version]:
            await database.command(statement)
        await database.command("INSERT INTO schema_version (Version) SELECT {version:UInt32}", version=version)


async def _applied(database: Database) -> int:
    row = await database.query("SELECT max(Version) AS version FROM schema_version")
    return msgspec.json.decode(row, type=_Applied).version


def _known() -> dict[int, list[str]]:
    """Version and statements of each migration in the package."""
    known = {}
    for file in files("arc_core.store").joinpath("migrations").iterdir():
        if found := _NAME.fullmatch(file.name):
            bare = _COMMENT.sub("", file.read_text("utf-8"))
            known[int(found[1])] = [part for part in bare.split(";\n") if part.strip()]
    return known
