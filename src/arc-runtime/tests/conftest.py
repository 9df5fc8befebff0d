import pytest
from arc_runtime.distro._redaction import redact_providers_to_come
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider


@pytest.fixture
def redacting_providers():
    """Every provider that the test makes redacts; those of later tests in this process are as they were."""
    kinds = (TracerProvider, LoggerProvider, MeterProvider)
    bare = [vars(kind)["__init__"] for kind in kinds]
    redact_providers_to_come.cache_clear()
    redact_providers_to_come()
    yield
    for kind, init in zip(kinds, bare, strict=True):
        kind.__init__ = init
    redact_providers_to_come.cache_clear()
