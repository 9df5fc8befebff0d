"""The API as its schema says it is: each operation is asked what the schema allows, and what it does not."""

import subprocess
import sys

import pytest
import schemathesis
from arc_core.api import Admin, Backups, Exports, Imports, Reads, Tails
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

load_all_checks()
schemathesis.openapi.format(
    "arc-filter",
    st.sampled_from(["", "kind:llm", "service:a* -status:ok", "duration>1s OR cost<=0.5", '"some text" since:24h']),
)

PARTS = [Reads(None), Exports(None), Imports(None), Tails(None, None, None), Admin(None), Backups(None, None, None)]
OPERATIONS = [
    (one.method, one.path)
    for part in PARTS
    for one in part.operations()
    if one.name != "tail"  # it has no end; what it answers is tested where its events are
]


@pytest.fixture(scope="module")
def keyed(launched, tmp_path_factory):
    """A running Arc Core that asks for keys, and one that opens all."""
    data = tmp_path_factory.mktemp("openapi")
    options = ["--scope", "ingest", "--scope", "read", "--scope", "admin", "--data", str(data)]
    done = subprocess.run(
        [sys.executable, "-m", "arc_core", "keys", "create", *options], capture_output=True, text=True, check=True
    )
    return launched(data), done.stdout.strip()


@pytest.fixture(scope="module")
def schema(keyed):
    core, key = keyed
    return schemathesis.openapi.from_url(f"http://{core.http}/api/v1/openapi.json", headers={"x-api-key": key})


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.name.lower())
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_one_that_the_schema_tells_of(keyed, schema, method, path, mode):
    core, key = keyed
    operation = schema[path][method]
    excluded = []
    if "import" in path:  # what OTLP's JSON may be is told by OTLP, not by this schema
        excluded += CHECKS.get_by_names(["positive_data_acceptance"])
    if "import" in path or "filter" in str(operation.definition.raw["parameters"]):  # most texts are filters
        excluded += CHECKS.get_by_names(["negative_data_rejection"])

    @settings(max_examples=8, suppress_health_check=list(HealthCheck), deadline=None, database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        case.call_and_validate(
            base_url=f"http://{core.http}", headers={"x-api-key": key}, timeout=60, excluded_checks=excluded
        )

    try:
        ask()
    except Unsatisfiable:
        # Where there is nothing to be told, nothing can be told wrongly.
        assert mode is GenerationMode.NEGATIVE
        assert not operation.definition.raw["parameters"]
        assert "requestBody" not in operation.definition.raw or "import" in path


def test_the_schema_tells_of_every_operation(schema):
    told = {(result.ok().method.upper(), result.ok().path) for result in schema.get_all_operations()}

    assert told == {*OPERATIONS, ("GET", "/api/v1/tail")}
