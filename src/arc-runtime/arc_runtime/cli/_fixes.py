"""`arc fixes`: the entries there are, and what they do to a request."""

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from arc_semconv.fixes import Change

from arc_runtime.cli._errors import NothingThereError, UsageError
from arc_runtime.cli._shown import as_json, counted
from arc_runtime.errors import ArcError, PatternError
from arc_runtime.fixes import (
    DEFAULT_ENTRIES,
    MENDABLE,
    BundleClient,
    Engine,
    Entry,
    Explanation,
    Held,
    Learner,
    Reason,
    Refusal,
    Registry,
    Request,
    catalogue,
    entries_in,
    explain,
)
from arc_runtime.settings import Settings

__all__ = ["fixes"]

_NOTHING: Final = 1
_PREDICATE: Final = "$predicate"
_BEFORE: Final = "before it leaves"
_AFTER: Final = "before it is sent once more"
_OF_THE_REFUSAL: Final = ("$status", "$error.")
_PROVIDERS: Final = {"messages": ("anthropic", "api.anthropic.com")}
"""Who is asked by default, and where, by API; else OpenAI."""
_YAML: Final = (".yaml", ".yml")
_OF_MESSAGES: Final = frozenset({"system", "stop_sequences", "thinking", "anthropic_version", "output_config"})
"""Fields that only Anthropic's API has."""
_APPLIED: Final = ("applied", "shadow", "canary", "control")
_WHY: Final = {
    "level": "its level is ask, and safe is allowed",
    "alert": "it is only reported",
    "outranked": "another entry came first",
    "nothing to change": "there is nothing to change: it is so already, or {api} has no such field",
    "off": "it is switched off",
    "no match": "not every condition holds",
}
"""What a verdict means, where nothing is applied."""

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Entries = Annotated[
    Path | None,
    typer.Option("--entries", metavar="FILE", help="Entries of your own too: JSON, one or a list; or YAML."),
]

fixes = typer.Typer(
    help="Show known failures and their fixes, and try them on a request; without a command, list them.",
    epilog="""\b
Examples:
  arc fixes                      what Arc brings along, learned, and your own
  arc fixes show arc.gpt-4.1.temperature
  arc fixes test request.json    what becomes of this request body, and why
  arc fixes test request.json --entries mine.json
  arc fixes test request.json --error answer.json    and after this refusal
  echo '{"model": "gpt-4.1", "temperature": 1}' | arc fixes test -

Exit status: 0 done, 1 test: nothing would be changed, 2 a file or value can't
be used, 4 there is no such entry.""",
    rich_markup_mode=None,
)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one entry."""

    id: str
    matches: bool
    applied: bool
    """It changed something, or would have."""
    why: str
    """Why it was not applied, or what the entry is for."""
    conditions: tuple[Held, ...]


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What `arc fixes test --json` says of one request."""

    file: str
    api: str
    mode: str
    """`on`: it is changed. `shadow`, `control`: it would be. `canary`: it is, as others are not. `off`: nothing is
    done. `none`: there is nothing to change."""
    changes: tuple[Change, ...]
    entries: list[Verdict]
    """Those that match, best first, then those that nearly do."""


@fixes.callback(invoke_without_command=True)
def all_fixes(context: typer.Context, *, entries: _Entries = None, json: _Json = False) -> None:
    """Show known failures and their fixes, and try them on a request; without a command, list them."""
    if context.invoked_subcommand is None:
        list_fixes(entries=entries, json=json)
    elif entries is not None or json:
        raise UsageError(
            f"options come behind the command: arc fixes {context.invoked_subcommand} --entries FILE --json"
        )


@fixes.command(
    "list",
    epilog="""\b
Examples:
  arc fixes list
  arc fixes list --entries mine.json --json""",
)
def list_fixes(*, entries: _Entries = None, json: _Json = False) -> None:
    """List the entries. Those that a program registers in its code are known to that program alone."""
    known = _Known(_settings(), entries)
    for entry in known.registry.entries:
        if json:
            sys.stdout.write(as_json(entry) + "\n")
            continue
        said = [entry.state, entry.level, *(["after an error"] if entry.when == "after_error" else [])]
        if until := known.until(entry.id):
            said.append(f"learned, until {until}")
        sys.stdout.write(f"{entry.id}  {', '.join(said)}  {as_json(entry.pattern)} -> {as_json(entry.fix)}\n")


def _ids(incomplete: str) -> list[str]:
    return [entry.id for entry in _Known(_settings()).registry.entries if entry.id.startswith(incomplete)]


@fixes.command(
    "show",
    epilog="""\b
Examples:
  arc fixes show arc.gpt-4.1.temperature
  arc fixes show arc.gpt-4.1.temperature --json""",
)
def show(
    entry_id: Annotated[str, typer.Argument(metavar="ID", autocompletion=_ids)],
    *,
    entries: _Entries = None,
    json: _Json = False,
) -> None:
    """Show one entry."""
    known = _Known(_settings(), entries)
    found = known.registry.get(entry_id)
    if found is None:
        raise NothingThereError(f"there is no entry {entry_id!r}; `arc fixes` lists those there are")
    if json:
        sys.stdout.write(as_json(found) + "\n")
        return
    told = {
        "id": found.id,
        "pattern": as_json(found.pattern),
        "fix": as_json(found.fix),
        "when": found.when,
        "origin": found.origin,
        "level": found.level,
        "state": found.state,
        "priority": str(found.priority),
        "why": found.reason or "-",
        "advice": found.advice or "-",
        "source": found.source or "-",
        "until": known.until(entry_id) or "-",
    }
    sys.stdout.writelines(f"{name:<9} {value}\n" for name, value in told.items())


@fixes.command(
    "test",
    epilog="""\b
Examples:
  arc fixes test request.json
  arc fixes test request.json --error answer.json --status 422
  arc fixes test request.json --entries mine.json --json""",
)
def try_fixes(  # noqa: PLR0913 - one for each option
    file: Annotated[str, typer.Argument(metavar="FILE", help="The JSON body of a request; - reads stdin.")],
    *,
    api: Annotated[
        str, typer.Option("--api", metavar="API", help=f"One of {', '.join(MENDABLE)}.", show_default="by its fields")
    ] = "",
    provider: Annotated[str, typer.Option("--provider", help="What `$provider` is.", show_default="by the API")] = "",
    host: Annotated[str, typer.Option("--host", help="What `$host` is.", show_default="by the API")] = "",
    agent: Annotated[str | None, typer.Option("--agent", help="What `$agent` is.", show_default="none")] = None,
    error: Annotated[
        str, typer.Option("--error", metavar="FILE", help="The JSON that the provider refused the request with.")
    ] = "",
    status: Annotated[int, typer.Option("--status", help="The HTTP status that came with --error.")] = 400,
    entries: _Entries = None,
    json: _Json = False,
) -> None:
    """Say what becomes of a request: which entries match, on what, and what they change. Nothing is sent."""
    body = _body(file)
    if api and api not in MENDABLE:
        raise UsageError(f"--api {api!r} is none of {', '.join(MENDABLE)}")
    refusal = Refusal.of(status, _parsed(error, _text(error))) if error else None
    api = api or _api_of(body, provider)
    usual = _PROVIDERS.get(api, ("openai", "api.openai.com"))
    asked = (body, provider or usual[0], api, host or usual[1])
    request = Request(*asked, stream=body.get("stream") is True, agent=agent, refusal=refusal)
    settings = _settings()
    engine = Engine(_Known(settings, entries).registry, mode=settings.fixes, level=settings.fixes_level)
    explanation = explain(engine, request)
    tested = Tested(
        file=file,
        api=request.api,
        mode="off" if settings.fixes == "off" else explanation.mode,
        changes=explanation.changes,
        entries=_verdicts(explanation, request.api),
    )
    when = _AFTER if error else _BEFORE
    sys.stdout.write(as_json(tested) + "\n" if json else "".join(f"{line}\n" for line in _lines(tested, when)))
    if explanation.mode == "none":
        raise typer.Exit(_NOTHING)


def _verdicts(explanation: Explanation, api: str) -> list[Verdict]:
    found = [(reason, True) for reason in explanation.matched]
    found += [(reason, not reason.failed) for reason in explanation.nearest]
    return [_verdict(reason, api, matches=matches) for reason, matches in found]


def _verdict(reason: Reason, api: str, *, matches: bool) -> Verdict:
    applied = reason.verdict in _APPLIED and bool(reason.changes)
    why = reason.reason if applied else _WHY.get(reason.verdict, reason.reason).format(api=api)
    if not applied and reason.advice:
        why = f"{why}; {reason.advice}"
    return Verdict(id=reason.id, matches=matches, applied=applied, why=why, conditions=reason.conditions)


def _lines(tested: Tested, when: str) -> list[str]:
    found = []
    for verdict in tested.entries:
        found.append(f"{verdict.id}: {'matches' if verdict.matches else 'does not match'}")
        for one in verdict.conditions:
            mark = "yes" if one.holds else "no "
            found.append(f"  {mark}  {one.key} {as_json(one.wanted)}{_has(one)}")
        if verdict.why:
            found.append(f"  {'why' if verdict.applied else 'not applied'}: {verdict.why}")
    found.append("")
    for made in tested.changes:
        if made.op == "rename":
            found += [f"- {made.path}", f"+ {made.new}"]
            continue
        found += [f"- {made.path}: {as_json(made.old)}"] if made.old is not msgspec.UNSET else []
        found += [f"+ {made.path}: {as_json(made.new)}"] if made.new is not msgspec.UNSET else []
    changes = counted(len(tested.changes), "change")
    verdicts = {
        "on": f"{changes} {when}",
        "canary": f"{changes} {when}, as one of those under test",
        "control": "none made, as one of those that the test compares with",
        "shadow": f"{changes} recorded, none made",
        "off": "ARC_FIXES=off: nothing is looked at",
        "none": "it leaves as it is" if when == _BEFORE else "nothing is sent again",
    }
    return [*found, f"{tested.api}: {verdicts[tested.mode]}"]


def _has(condition: Held) -> str:
    """What the request, or the answer that refused it, has where `condition` looks; a predicate looks at all of it."""
    if condition.key == _PREDICATE:
        return ""
    has = "nothing" if condition.found is msgspec.UNSET else as_json(condition.found)
    return f": the {'refusal' if condition.key.startswith(_OF_THE_REFUSAL) else 'request'} has {has}"


def _settings() -> Settings:
    settings, warnings = Settings.from_env(os.environ)
    for warning in warnings:
        _warn(warning)
    return settings


class _Known:
    """The entries of a process that runs with `settings`, and those in `path`; nothing is asked for or written.

    UsageError when a file can't be read as such.
    """

    def __init__(self, settings: Settings, path: Path | None = None) -> None:
        self.registry = Registry((*DEFAULT_ENTRIES, *catalogue()))
        folder = settings.fixes_dir
        self._learner = Learner(self.registry, folder / "learned.json" if folder is not None else None)
        if settings.fixes_public_keys:
            BundleClient(self.registry, settings, _warn)  # takes what the last process kept
        if settings.fixes_file is not None:
            try:
                self.registry.replace("file", entries_in(settings.fixes_file))
            except ArcError as error:
                raise UsageError(f"ARC_FIXES_FILE: {error}") from None
        for entry in _own(path) if path is not None else ():
            self.registry.register(entry)

    def until(self, entry_id: str) -> str | None:
        """The day on which an entry that was learned is forgotten; None for one that was not."""
        expires = next((one.expires for one in self._learner.known if one.entry.id == entry_id), None)
        return datetime.fromtimestamp(expires, UTC).date().isoformat() if expires is not None else None


def _warn(problem: str) -> None:
    sys.stderr.write(f"arc: {problem}\n")


def _own(path: Path) -> list[Entry]:
    """The entries in `path`: one, or a list; in YAML where its name says so."""
    if path.suffix.lower() in _YAML:
        try:
            return entries_in(path)
        except ArcError as error:
            raise UsageError(str(error)) from None
    found = _parsed(str(path), _text(str(path)))
    return [_entry(str(path), one) for one in (found if isinstance(found, list) else [found])]


def _entry(path: str, found: object) -> Entry:
    fields = Entry.__struct_fields__
    if not isinstance(found, dict) or not {"pattern", "fix"} <= found.keys():
        raise UsageError(f"{path}: an entry is an object with `pattern` and `fix`, this is {as_json(found)[:100]}")
    if unknown := sorted(found.keys() - set(fields)):
        raise UsageError(f"{path}: an entry has no {', '.join(unknown)}; there are: {', '.join(fields)}")
    try:
        named: dict[str, Any] = found if "id" in found else {**found, "id": Entry.of(found["pattern"], found["fix"]).id}
        entry = msgspec.convert(named, Entry)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {error}") from None
    return _compiling(path, entry)


def _compiling(path: str, entry: Entry) -> Entry:
    try:
        Registry([entry])
    except PatternError as error:
        raise UsageError(f"{path}: {entry.id}: {error}") from None
    return entry


def _body(file: str) -> Mapping[str, object]:
    found = _parsed(file, _text(file))
    if not isinstance(found, dict):
        raise UsageError(f"{file}: the body of a request is a JSON object, this is {as_json(found)[:100]}")
    return found


def _text(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}") from None


def _parsed(file: str, text: bytes) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise UsageError(f"{file} is no JSON: {error}") from None


def _api_of(body: Mapping[str, object], provider: str) -> str:
    model = str(body.get("model"))
    if provider == "anthropic" or (not provider and (model.startswith("claude") or not _OF_MESSAGES.isdisjoint(body))):
        return "messages"
    if "messages" in body:
        return "chat.completions"
    if "prompt" in body:
        return "completions"
    if "input" in body:
        return "embeddings" if "embedding" in model else "responses"
    return "chat.completions"
