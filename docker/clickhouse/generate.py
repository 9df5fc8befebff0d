"""Writes cluster.sql: the schema of the migrations, as replicated and distributed tables.

python docker/clickhouse/generate.py > docker/clickhouse/cluster.sql
"""

import asyncio
import re
import sys
import tempfile
from pathlib import Path

import msgspec
from arc_core.store import Database, migrate, open_database

NULLS = ("otlp_traces", "otel_traces")
STORED = (
    "spans", "traces", "otel_logs", "otel_metrics_gauge", "otel_metrics_sum", "otel_metrics_histogram",
    "otel_metrics_exponential_histogram", "otel_metrics_summary", "schema_version",
)  # fmt: skip
VIEWS = ("otel_traces_of_otlp", "spans_of_otel_traces", "traces_of_spans")
SHARDED_BY = {"spans": "cityHash64(TenantId, TraceId)", "traces": "cityHash64(TenantId, TraceId)"}
"""All of a trace is on one shard, so that equal spans meet and are merged; of the rest, any shard takes any row."""

HEAD = """-- Arc's schema for a cluster: replicated tables in `arc_local`, and in `arc` what Arc Core writes to and reads from.
-- Made by docker/clickhouse/generate.py from the migrations. Run it once, on any node, with the macros {cluster},
-- {shard} and {replica} set on each.
"""


class _Text(msgspec.Struct):
    text: str


async def _created(database: Database, name: str) -> str:
    line = await database.query(
        "SELECT create_table_query AS text FROM system.tables WHERE database = 'arc' AND name = {name:String}",
        name=name,
    )
    return msgspec.json.decode(line, type=_Text).text


def _local(statement: str, name: str) -> str:
    made = statement.replace(f"arc.{name} ", f"arc_local.{name} ON CLUSTER '{{cluster}}' ", 1)
    path = f"'/clickhouse/tables/{{shard}}/arc/{name}', '{{replica}}'"

    def replicated(found: re.Match[str]) -> str:
        inside = (found[2] or "()")[1:-1]
        return f"ENGINE = Replicated{found[1]}MergeTree({path}{', ' + inside if inside else ''})"

    return re.sub(r"ENGINE = (\w*?)MergeTree(\([^)]*\))?", replicated, made, count=1)


async def statements() -> list[str]:
    """All statements of the file, in order."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_database(Path(folder) / "data") as database:
            await migrate(database)
            made = [f"CREATE DATABASE IF NOT EXISTS {name} ON CLUSTER '{{cluster}}'" for name in ("arc_local", "arc")]
            functions = await database.query(
                "SELECT create_query AS text FROM system.functions WHERE origin = 'SQLUserDefined' ORDER BY name"
            )
            for line in functions.splitlines():
                text = msgspec.json.decode(line, type=_Text).text
                made.append(
                    re.sub(
                        r"CREATE FUNCTION (\w+) AS", r"CREATE FUNCTION IF NOT EXISTS \1 ON CLUSTER '{cluster}' AS", text
                    )
                )
            made += [_local(await _created(database, name), name) for name in STORED]
            made += [
                f"CREATE TABLE arc.{name} ON CLUSTER '{{cluster}}' AS arc_local.{name} "
                f"ENGINE = Distributed('{{cluster}}', 'arc_local', '{name}', {SHARDED_BY.get(name, 'rand()')})"
                for name in STORED
            ]
            made += [
                (await _created(database, name)).replace(f"arc.{name} ", f"arc.{name} ON CLUSTER '{{cluster}}' ", 1)
                for name in NULLS
            ]
            for name in VIEWS:
                view = (await _created(database, name)).replace(
                    f"arc.{name} ", f"arc.{name} ON CLUSTER '{{cluster}}' ", 1
                )
                if name == "traces_of_spans":  # where the rows are, so that both are written together
                    view = view.replace("arc.", "arc_local.")
                made.append(view)
            version = await database.query("SELECT toString(max(Version)) AS text FROM schema_version")
            made.append(
                f"INSERT INTO arc.schema_version (Version) VALUES ({msgspec.json.decode(version, type=_Text).text})"
            )
            return made


if __name__ == "__main__":
    sys.stdout.write(HEAD + "".join(f"\n{statement};\n" for statement in asyncio.run(statements())))
