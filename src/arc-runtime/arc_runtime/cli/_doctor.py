"""`arc doctor` tells whether everything is there that `opentelemetry-instrument` needs, and whether a span arrives."""

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Final

import msgspec
import typer

from arc_runtime.cli._check import Check, failed, passed, warned
from arc_runtime.cli._export import SILENT, check_service_name
from arc_runtime.cli._policy import check_redaction
from arc_runtime.cli._shown import wide_unless_terminal
from arc_runtime.settings import Settings

__all__ = ["EPILOG", "doctor"]

EPILOG: Final = """\b
Examples:
  ARC_ENDPOINT=http://127.0.0.1:4318 arc doctor
  arc doctor --json"""

_MARKS: Final = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red")}
_PLAIN: Final = {"ok": "ok", "warning": "!!", "problem": "XX"}


def doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON lines.")] = False
) -> None:
    """Check versions, plugins, endpoint, key and TLS; send one span and read it back.

    Exit status: 0 when telemetry works or is set to send nothing, 1 when something must be done.
    """
    findings: list[Check] = []
    for check in _checks(os.environ):
        findings.append(check)
        if as_json:
            sys.stdout.write(msgspec.json.encode(check).decode() + "\n")
    if not as_json:
        _print(findings)
    if any(check.state == "problem" for check in findings):
        raise typer.Exit(1)


def _checks(env: Mapping[str, str]) -> Iterator[Check]:
    # The SDK and what it brings: not for the other commands.
    from arc_runtime.cli._config_file import check_config_file
    from arc_runtime.cli._delivery import check_delivery
    from arc_runtime.cli._installation import check_entry_points, check_plugins, check_versions
    from arc_runtime.cli._metrics_page import check_metrics_page

    yield from check_versions()
    yield from check_entry_points(env)
    settings, warnings = Settings.from_env(env)
    yield from check_plugins(settings)
    for warning in warnings:
        yield warned("settings", warning, "correct or unset it")
    if not warnings:
        yield passed("settings", "every ARC_* setting is understood")
    if not settings.active:
        name = "ARC_DISABLE" if settings.disabled else "OTEL_SDK_DISABLED"
        yield failed("switched off", f"{name} is set: nothing is traced or mended", f"unset {name}")
        return
    yield from check_redaction(settings)
    yield from check_metrics_page(settings)
    if settings.config_file is not None:
        yield from check_config_file(settings.config_file, endpoint_ignored=settings.endpoint is not None)
        return
    yield from check_service_name(env)
    yield from check_delivery(settings, env)


def _print(findings: list[Check]) -> None:
    from rich.table import Table
    from rich.text import Text

    console = wide_unless_terminal()
    table = Table.grid(padding=(0, 2))
    for check in findings:
        mark, colour = _MARKS[check.state]
        if not console.encoding.lower().startswith("utf"):
            mark = _PLAIN[check.state]
        detail = Text(check.detail, overflow="fold")
        if check.advice:
            detail.append(f"\n-> {check.advice}", style="bold")
        table.add_row(Text(mark, style=colour), Text(check.name, style="bold"), detail)
    console.print(table)
    problems = sum(check.state == "problem" for check in findings)
    warnings = sum(check.state == "warning" for check in findings)
    silent = any(check.name in SILENT for check in findings)
    works = "your program is set to send no spans" if silent else "telemetry works"
    verdict = f"{problems} to solve" if problems else works
    console.print(
        Text(
            f"\n{verdict}, {warnings} to look at" if warnings else f"\n{verdict}",
            style="red" if problems else "yellow" if silent else "green",
        )
    )
