"""`arc redact`: what redaction finds in a text, and whether a policy does what its examples say."""

import os
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from arc_runtime.cli._errors import UsageError
from arc_runtime.cli._shown import as_json, counted
from arc_runtime.redaction import Finding, Policy, PolicyError, Tally, enforce, scrub, scrub_item
from arc_runtime.settings import Settings

__all__ = ["EPILOG", "redact"]

EPILOG: Final = """\b
Examples:
  arc redact app.log                    the text without what is found, in colour on a terminal
  arc redact request.json --json        a line a finding, without the value itself
  cat app.log | arc redact > clean.log
  arc redact --check policy.yaml        does the policy what its examples say
  arc redact --export collector         the rules for an OpenTelemetry Collector

Exit status: 0 done, 1 --check: an example comes out otherwise, 2 a file or option can't be used."""

_OTHERWISE: Final = 1
_DEEPEST: Final = 32
# Code points that are no characters (Unicode 23.7) and that nothing outside may send: they mark what was put in.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
_RESERVED: Final = re.compile(f"[{_OPEN}{_CLOSE}]")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_HIGHLIGHT, _PLAIN = "\x1b[1;33m", "\x1b[0m"
_RED, _GREEN = "\x1b[1;31m", "\x1b[1;32m"


class Found(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `arc redact --json` says of one finding; never the value."""

    type: str
    rule: str
    start: int
    """Index of its first code point: in the text, or in the value at `path`."""
    end: int
    line: int | None = None
    """From 1; of a text."""
    path: str | None = None
    """Of JSON: where the value stands, as `messages[0].content`."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What `arc redact --check --json` says of one example."""

    text: str
    wanted: str
    redacted: str
    holds: bool


class _Marking(Policy, frozen=True, kw_only=True):
    """A policy that remembers what it found and marks what it puts there."""

    caught: list[Finding] = msgspec.field(default_factory=list)

    def replaced(self, text: str, findings: Sequence[Finding], *, action: Any = None) -> str:
        self.caught.extend(findings)
        return super().replaced(text, findings, action=action)

    def _replacement(self, value: str, type_: str, action: Any) -> str:
        return f"{_OPEN}{super()._replacement(value, type_, action)}{_CLOSE}"


def redact(
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="Text or JSON; - reads stdin.", show_default="stdin")
    ] = "-",
    *,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE", help="A redaction policy.", show_default="ARC_REDACTION_POLICY"),
    ] = None,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="POLICY", help="Run the examples of a policy, and nothing else.")
    ] = None,
    export: Annotated[
        str | None,
        typer.Option("--export", metavar="collector", help="Print the rules as configuration of a Collector."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON: a line a finding, or an example.")] = False,
) -> None:
    """Show what redaction takes out of a text, as it would in telemetry; ARC_REDACTION is in force."""
    if check is not None:
        if file != "-" or policy is not None:
            raise UsageError("--check reads the policy that it names, and no FILE or --policy beside it")
        _check(check, json=json)
        return
    if export is not None:
        if export != "collector" or file != "-" or json:
            raise UsageError(f"--export {export!r}: only `collector` is there, in YAML, without a FILE")
        sys.stdout.write(_exported(_policy(policy)))
        return
    chosen = _policy(policy)
    shown, found = _redacted(chosen, _RESERVED.sub("\ufffd", _text(file)))
    if json:
        sys.stdout.writelines(f"{as_json(one)}\n" for one in found)
        return
    sys.stdout.write(_coloured(shown))
    types = Counter(one.type for one in found)
    told = f": {', '.join(f'{number} {type_}' for type_, number in sorted(types.items()))}" if types else ""
    sys.stderr.write(f"arc: {counted(len(found), 'finding')}{told}\n")


def _policy(path: Path | None) -> _Marking:
    """The policy in `path`, else the one that the environment names. Raises UsageError."""
    settings, warnings = Settings.from_env(os.environ)
    for warning in warnings:
        if "REDACTION" in warning:
            sys.stderr.write(f"arc: {warning}\n")
    named = path or settings.redaction_policy
    key = settings.redaction_key or ""
    try:
        return _Marking.from_file(named, level=settings.redaction, key=key)
    except PolicyError as error:
        raise UsageError(str(error)) from None


def _text(file: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return raw.decode()
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no UTF-8 at byte {error.start}; `iconv -t UTF-8` makes it so") from None


def _redacted(policy: _Marking, text: str) -> tuple[str, list[Found]]:
    """`text` with marks round what was put in, and what was found."""
    bare = text.removeprefix("\ufeff")  # as editors on Windows begin a file
    if bare.lstrip()[:1] in ("{", "["):
        try:
            held = msgspec.json.decode(bare)
        except (msgspec.DecodeError, RecursionError):
            held = None
        if held is not None:
            enforce(policy)
            found: list[Found] = []
            clean = _Walk(policy, found).value(held, "", 0)
            return msgspec.json.format(as_json(clean), indent=2) + "\n", found
    try:
        findings = policy.find(text)
    except Exception as error:  # a rule of the user's raised; in telemetry all of the text would be replaced
        raise UsageError(f"a rule of the policy raised {type(error).__name__}: {error}") from error
    found = []
    line, at = 1, 0
    for one in findings:
        line, at = line + text.count("\n", at, one.start), one.start
        found.append(Found(type=one.type, rule=one.rule, start=one.start, end=one.end, line=line))
    return policy.replaced(text, findings), found


class _Walk:
    """Goes through JSON as redaction goes through attributes, and says where it found what."""

    def __init__(self, policy: _Marking, found: list[Found]) -> None:
        self._policy, self._found = policy, found

    def value(self, value: object, path: str, depth: int) -> object:
        """What is left of `value`, which stands at `path`."""
        if depth < _DEEPEST and isinstance(value, dict):
            return self._mapping(value, path, depth)
        if depth < _DEEPEST and isinstance(value, list):
            return [self.value(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
        tally = Tally()
        return self._told(scrub(value, tally, depth=depth), tally, path)

    def _mapping(self, value: dict[str, object], path: str, depth: int) -> object:
        clean: dict[str, object] = {}
        for key, item in value.items():
            of_key, tally = Tally(), Tally()
            named = str(self._told(scrub(key, of_key), of_key, path))
            inside = f"{path}.{named}" if path else named
            if isinstance(item, (dict, list)) and self._policy.action_of(key) is None:
                clean[named] = self.value(item, inside, depth + 1)
                continue
            left = self._told(scrub_item(key, item, tally, depth=depth + 1), tally, inside)
            if left is not None or item is None:
                clean[named] = left
        return clean

    def _told(self, clean: object, tally: Tally, path: str) -> object:
        caught = [(one.type, one.rule, one.start, one.end) for one in self._policy.caught]
        self._policy.caught.clear()
        # What the policy drops by its key, and what could not be read, is counted and found by no rule.
        caught += [(type_, "key" if type_ == "DENIED" else "unread", 0, 0) for type_ in tally] if not caught else []
        where = _RESERVED.sub("", path)
        self._found += (
            Found(type=type_, rule=rule, start=start, end=end, path=where) for type_, rule, start, end in caught
        )
        return clean


def _coloured(text: str) -> str:
    """`text` for stdout: what was put in is in colour on a terminal, where control characters do nothing."""
    if _in_colour() or sys.stdout.isatty():
        text = _CONTROL.sub("\ufffd", text)
    if not _in_colour():
        return _RESERVED.sub("", text)
    return text.replace(_OPEN, _HIGHLIGHT).replace(_CLOSE, _PLAIN)


def _in_colour() -> bool:
    """As https://no-color.org and https://force-color.org have it."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def _exported(policy: Policy) -> str:
    from arc_runtime.redaction._collector import collector_config

    try:
        return collector_config(policy)
    except PolicyError as error:
        raise UsageError(str(error)) from None


def _check(path: Path, *, json: bool) -> None:
    policy = _policy(path)
    if not policy.examples:
        raise UsageError(f"{path} has no examples; write some: `examples: [{{text: ..., redacted: ...}}]`")
    done = []
    for example in policy.examples:
        try:
            redacted = _RESERVED.sub("", policy.redact(example.text))
        except Exception as error:  # noqa: BLE001 - a rule of the user's raised: that is what the check is to tell
            redacted = f"<{type(error).__name__}: {error}>"
        done.append(
            Checked(text=example.text, wanted=example.redacted, redacted=redacted, holds=redacted == example.redacted)
        )
    sys.stdout.writelines(f"{line}\n" for line in (map(as_json, done) if json else _told(done)))
    if not all(one.holds for one in done):
        raise typer.Exit(_OTHERWISE)


def _told(done: Sequence[Checked]) -> list[str]:
    good, bad, plain = (_GREEN, _RED, _PLAIN) if _in_colour() else ("", "", "")
    lines = []
    for one in done:
        mark = f"{good}ok{plain}  " if one.holds else f"{bad}not{plain} "
        lines.append(f"{mark} {as_json(one.text)}")
        if not one.holds:
            lines += [f"     wanted {as_json(one.wanted)}", f"     is     {as_json(one.redacted)}"]
    failed = sum(not one.holds for one in done)
    return [*lines, f"{counted(len(done), 'example')}, {failed or 'none'} otherwise"]
