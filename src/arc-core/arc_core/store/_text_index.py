"""The index for searching in texts: it takes disk for each span, so it is made only where it is wanted."""

from typing import Final

import msgspec

from arc_core.model.texts import TEXTS, searched
from arc_core.store._database import Database

_TOKENIZER: Final = "splitByNonAlpha"
"""Words of letters and digits: what `hasAllTokens` asks for, with an index and without."""

_INDEXED: Final = """
SELECT name FROM system.data_skipping_indices
WHERE database = currentDatabase() AND table = 'spans' AND startsWith(name, 'text_')
"""


class _Index(msgspec.Struct):
    name: str


async def index_texts(database: Database, *, wanted: bool | None) -> bool:
    """Make the indexes where they are missing, drop them, or leave it at None; return whether they are there now.

    What is stored already is indexed in the background. Answers are the same before, meanwhile and afterwards. Raise
    StoreError when the engine refuses.
    """
    lines = await database.query(_INDEXED)
    there = {row.name for row in msgspec.json.Decoder(_Index).decode_lines(lines)}
    if wanted is None:
        return bool(there)
    steps = []
    for column in TEXTS:
        name = f"text_{column}"
        if wanted and name not in there:
            steps.append(f"ADD INDEX {name} {searched(column)} TYPE text(tokenizer = {_TOKENIZER})")
            steps.append(f"MATERIALIZE INDEX {name}")
        elif not wanted and name in there:
            steps.append(f"DROP INDEX {name}")
    if steps:
        await database.command(f"ALTER TABLE spans {', '.join(steps)}", settings={"mutations_sync": 0})
    return wanted
