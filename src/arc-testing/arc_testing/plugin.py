"""The fixtures, as a pytest plugin."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ["arc_core", "clean_environment", "kafka", "postgres", "spans", "state_home"]

# Imports are inside the fixtures: pytest loads this module in every run of whoever has it installed.


@pytest.fixture(scope="session")
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that XDG_STATE_HOME names in tests: none writes to the home of whoever runs it."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, state_home: Path) -> None:
    """No test sees the OTEL_* and ARC_* variables of whoever runs it, nor his spool, nor his Arc Core."""
    monkeypatch.setenv("XDG_STATE_HOME", str(state_home))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(state_home))
    for name in list(os.environ):
        if name.startswith(("OTEL_", "ARC_")):
            monkeypatch.delenv(name)


@pytest.fixture
def spans() -> "Iterator[object]":
    """A SpanStore: providers whose spans and events are kept."""
    from arc_testing._spans import SpanStore

    store = SpanStore()
    yield store
    store.tracer_provider.shutdown()
    store.logger_provider.shutdown()


@pytest.fixture(scope="session")
def arc_core(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[object]":
    """A RunningCore that the whole session shares; each test uses a service name of its own."""
    from arc_testing._core import running_core

    with running_core(tmp_path_factory.mktemp("arc-core")) as core:
        yield core


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[object]":
    """A RunningKafka that the whole session shares; each test uses topics of its own, and leaves it running."""
    from arc_testing._kafka import running_kafka

    with running_kafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture(scope="session")
def postgres() -> "Iterator[str]":
    """The URL of a PostgreSQL server that the whole session shares; each test uses names of its own in it."""
    from arc_testing._postgres import running_postgres

    with running_postgres() as url:
        yield url
