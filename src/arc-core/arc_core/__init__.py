"""Arc Core: takes the telemetry of AI agents over OTLP, keeps it in ClickHouse and shows it.

`arc core` runs it; `python -m arc_core` does the same. The layers, lowest first: `errors`, `settings`, `access`,
`model`, `ingest`, `store`, `web`, `app`, `cli`.
"""

__all__: list[str] = []
