"""What Arc Core has of a service, and the environment of a program that sends to it."""

import os
from collections import Counter
from pathlib import Path

from arc_testing import RunningCore


def environment(endpoint: str, service: str, spool: Path) -> dict[str, str]:
    """That of this process without its telemetry settings, with those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "ARC_"))}
    return kept | {"ARC_ENDPOINT": endpoint, "OTEL_SERVICE_NAME": service, "ARC_SPOOL_DIR": str(spool)}


def names_of(core: RunningCore, service: str) -> Counter[str]:
    """How many spans there are of each trace's name; each trace is meant to have one."""
    found: Counter[str] = Counter()
    after = ""
    while True:
        page = core.get(f"/api/v1/traces?service={service}&limit=200{after}")
        for trace in page["traces"]:
            found[trace["name"]] += trace["spans"]
        if not page["next"]:
            return found
        after = f"&before={page['next']}"


def count_of(core: RunningCore, service: str) -> tuple[int, int]:
    """How many spans, and how many names."""
    found = names_of(core, service)
    return found.total(), len(found)
