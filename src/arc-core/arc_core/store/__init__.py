"""Rows into ClickHouse and out of it."""

from arc_core.store._chdb import open_database
from arc_core.store._database import Database, Health, Settings, Value
from arc_core.store._migrations import migrate
from arc_core.store._server import open_server
from arc_core.store._text_index import index_texts
from arc_core.store._writer import Writer

__all__ = [
    "Database",
    "Health",
    "Settings",
    "Value",
    "Writer",
    "index_texts",
    "migrate",
    "open_database",
    "open_server",
]
