"""The index for searching in texts: 150 bytes a span, so it is made only where it is wanted."""

from typing import Final

from arc_core.store._database import Database

_INDEXED: Final = ("InputMessages", "OutputMessages", "StatusMessage")
"""Columns of `spans` that `hasAllTokens(column, 'words')` then finds without reading them."""


async def index_texts(database: Database, *, wanted: bool) -> None:
    """Make the indexes where they are missing, or drop them; what is stored already is indexed in the background."""
    for column in _INDEXED:
        name = f"text_{column}"
        if wanted:
            kind = "text(tokenizer = 'splitByNonAlpha')"
            await database.command(f"ALTER TABLE spans ADD INDEX IF NOT EXISTS {name} {column} TYPE {kind}")
            await database.command(f"ALTER TABLE spans MATERIALIZE INDEX {name}", settings={"mutations_sync": 0})
        else:
            await database.command(f"ALTER TABLE spans DROP INDEX IF EXISTS {name}")
