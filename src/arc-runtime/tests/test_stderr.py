import logging

import pytest
from arc_runtime._stderr import quieten
from opentelemetry.instrumentation.utils import suppress_instrumentation


@pytest.fixture(autouse=True)
def as_before():
    loggers = [logging.getLogger(name) for name in ("arc_runtime", "opentelemetry")]
    kept = [(logger, list(logger.handlers), logger.propagate, logger.level) for logger in loggers]
    yield
    for logger, handlers, propagate, level in kept:
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


def test_by_default_warnings_of_arc_and_errors_of_opentelemetry_are_one_line_a_cause(capsys):
    quieten(None)
    for _ in range(3):
        logging.getLogger("arc_runtime").warning("bad\nvalue", extra={"cause": "x"})
        logging.getLogger("opentelemetry.exporter.otlp").warning("retrying in %s", 1)
        logging.getLogger("opentelemetry.exporter.otlp").error("failed, reason: %s", "refused")
        logging.getLogger("opentelemetry.exporter.other").error("failed in another way")
        logging.getLogger("opentelemetry.exporter.otlp").error("failed to export metrics")
        logging.getLogger("arc_runtime").error("not delivered", extra={"cause": "export"})
        logging.getLogger("opentelemetry.sdk").info("hello")
    captured = capsys.readouterr()
    assert captured.err == "arc: bad value\narc: failed, reason: refused\narc: failed to export metrics\n"
    assert captured.out == ""


def test_an_exception_is_its_type_and_message_and_a_traceback_only_at_debug(capsys):
    quieten(None)
    log = logging.getLogger("arc_runtime")
    log.warning("plugin failed", exc_info=ValueError("no\nway"))
    assert capsys.readouterr().err == "arc: plugin failed: ValueError: no way\n"
    quieten(logging.DEBUG)
    try:
        raise ValueError("again")
    except ValueError:
        log.exception("plugin failed")
    assert "Traceback" in capsys.readouterr().err


def test_nothing_reaches_the_root_logger_which_may_write_to_stdout(capsys):
    quieten(logging.DEBUG)
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logging.getLogger().addHandler(handler)
    try:
        logging.getLogger("opentelemetry.sdk").error("x")
        logging.getLogger("arc_runtime").error("y")
    finally:
        logging.getLogger().removeHandler(handler)
    assert records == []
    capsys.readouterr()


def test_an_http_client_is_not_heard_while_it_carries_telemetry(caplog):
    quieten(None)
    client = logging.getLogger("urllib3.connectionpool")
    with caplog.at_level(logging.DEBUG, "urllib3.connectionpool"):
        with suppress_instrumentation():
            client.debug("of the exporter")
        client.debug("of the program")
    assert [record.message for record in caplog.records] == ["of the program"]


def test_what_is_said_is_redacted_too(capsys):
    quieten(None)
    logging.getLogger("arc_runtime").warning("failed", exc_info=ValueError("no jane@example.com"))
    assert capsys.readouterr().err == "arc: failed: ValueError: no <EMAIL>\n"


def test_a_closed_stderr_is_survived(monkeypatch):
    quieten(None)
    monkeypatch.setattr("sys.stderr", None)
    logging.getLogger("arc_runtime").error("into the void")
