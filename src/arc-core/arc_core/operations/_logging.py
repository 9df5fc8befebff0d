"""What Arc Core says of itself on stderr: lines for people, or JSON for programs."""

import logging
import sys
from datetime import UTC, datetime
from typing import Final

import msgspec

from arc_core.settings import LogFormat, LogLevel

_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "color_message"}
"""What every record has; what else it has was told with it."""


def log_to_stderr(form: LogFormat, level: LogLevel) -> None:
    """Have all loggers of this process write to stderr, in this form, from this level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    hush_clients()


def hush_clients() -> None:
    """Have the client of a ClickHouse server say nothing by itself: what it has to say comes as an error."""
    for name in ("clickhouse_connect", "urllib3"):
        logging.getLogger(name).propagate = False  # by this, as the client sets their levels anew
        logging.getLogger(name).addHandler(logging.NullHandler())


class _Text(logging.Formatter):
    """`arc core: MESSAGE name=value ...`, and a traceback below it where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        told = "".join(f" {name}={value}" for name, value in _told(record).items())
        line = f"arc core: {record.getMessage()}{told}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _Json(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, and what was told with it."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_told(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def _told(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
