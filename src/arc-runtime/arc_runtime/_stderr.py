"""What Arc says on the user's stderr: nothing, or one line a cause.

The SDK's exporters log once for every failed batch, with tracebacks; a program whose backend is away would be buried.
So Arc's loggers and OpenTelemetry's share one handler here, and stay out of the root logger, which may well write to
the program's stdout.
"""

import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Final

from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from arc_runtime.redaction import redact

__all__ = ["LOGGER", "quieten"]


class _Said(logging.LoggerAdapter[logging.Logger]):
    """Says what it is told by way of handlers that may be the program's own: one that raises is no failure of Arc's."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        return msg, kwargs

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        with suppress(Exception):
            super().log(level, msg, *args, **kwargs)


LOGGER: Final = _Said(logging.getLogger("arc_runtime"))

_CLIENTS_OF_EXPORTERS: Final = ("urllib3.connectionpool", "urllib3.util.retry", "charset_normalizer")


class _OneLine(logging.Handler):
    """Writes each cause once, as one line; at DEBUG all of it, with tracebacks."""

    def __init__(self, level: int | None) -> None:
        super().__init__(logging.WARNING if level is None else level)
        self._chosen = level
        self._seen: set[object] = set()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self._wanted(record):
                sys.stderr.write(self._line(record))
                sys.stderr.flush()
        except Exception:  # noqa: BLE001 - stderr is closed, gone as under pythonw, or one of the program's own
            return  # there is nowhere left to say so

    def _wanted(self, record: logging.LogRecord) -> bool:
        if self._chosen == logging.DEBUG:
            return True
        if self._chosen is None and record.levelno < logging.ERROR and not record.name.startswith("arc_runtime"):
            return False
        if record.name.startswith("opentelemetry.configuration.file"):
            return False  # it raises next, and who catches that says it with the way out
        cause = _cause(record)
        if cause in self._seen:
            return False
        self._seen.add(cause)
        return True

    def _line(self, record: logging.LogRecord) -> str:
        return redact(self._raw_line(record))

    def _raw_line(self, record: logging.LogRecord) -> str:
        text = " ".join(record.getMessage().split())
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            if self._chosen == logging.DEBUG:
                return f"arc: {text}\n{logging.Formatter().formatException(record.exc_info)}\n"
            text = f"{text}: {type(error).__name__}: {' '.join(str(error).split())}"
        return f"arc: {text}\n"


def _cause(record: logging.LogRecord) -> object:
    if record.name.startswith("opentelemetry.exporter"):
        # The exporters say the same in several ways. Metrics that are refused are no reason to be silent about spans.
        return "export of metrics" if "metrics" in record.getMessage() else "export"
    return getattr(record, "cause", None) or (record.name, record.msg)


class _NotOfExporters(logging.Filter):
    """Drops what an HTTP client logs while it carries telemetry: the program did not make that request."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002
        return is_instrumentation_enabled()


def quieten(level: int | None) -> None:
    """Route Arc's and OpenTelemetry's logs to stderr, one line a cause, from `level` on.

    `level` None is the default: warnings of Arc, errors of OpenTelemetry. A handler that the program itself put on
    those loggers keeps working.
    """
    one_line = _OneLine(level)
    for name in ("arc_runtime", "opentelemetry"):
        logger = logging.getLogger(name)
        for handler in [handler for handler in logger.handlers if isinstance(handler, _OneLine)]:
            logger.removeHandler(handler)
        logger.addHandler(one_line)
        logger.propagate = False
        if level is not None:
            logger.setLevel(level)
    for name in _CLIENTS_OF_EXPORTERS:
        logging.getLogger(name).addFilter(_NotOfExporters())
