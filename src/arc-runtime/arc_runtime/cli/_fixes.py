"""`arc fixes`: the entries there are, and what they do to a request."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from arc_semconv.fixes import Change

from arc_runtime.cli._errors import NothingThereError, UsageError
from arc_runtime.cli._shown import as_json, counted
from arc_runtime.fixes import DEFAULT_ENTRIES, MENDABLE, Engine, Entry, Registry, Request, Verdict, explained
from arc_runtime.settings import Settings

__all__ = ["fixes"]

_NOTHING: Final = 1
_LEVELS: Final[dict[str, tuple[str, ...]]] = {"safe": ("safe",), "ask": ("safe", "ask")}

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Entries = Annotated[
    Path | None,
    typer.Option("--entries", metavar="FILE", help="Entries of your own too: JSON, one or a list of them."),
]

fixes = typer.Typer(
    help="Show known failures and their fixes, and try them on a request; without a command, list them.",
    epilog="""\b
Examples:
  arc fixes                      what Arc brings along
  arc fixes show arc.gpt-4.1.temperature
  arc fixes test request.json    what becomes of this request body, and why
  arc fixes test request.json --entries mine.json
  echo '{"model": "gpt-4.1", "temperature": 1}' | arc fixes test -

Exit status: 0 done, 1 test: nothing would be changed, 2 a file or value can't
be used, 4 there is no such entry.""",
    rich_markup_mode=None,
)


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What `arc fixes test --json` says of one request."""

    file: str
    api: str
    mode: str
    """`on`: it is changed. `shadow`: it would be. `off`: nothing is done. `none`: there is nothing to change."""
    changes: list[Change]
    entries: list[Verdict]


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
    for entry in _known(entries):
        if json:
            sys.stdout.write(as_json(entry) + "\n")
        else:
            sys.stdout.write(
                f"{entry.id}  {entry.state}, {entry.level}  {as_json(entry.pattern)} -> {as_json(entry.fix)}\n"
            )


def _ids(incomplete: str) -> list[str]:
    return [entry.id for entry in DEFAULT_ENTRIES if entry.id.startswith(incomplete)]


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
    found = next((entry for entry in _known(entries) if entry.id == entry_id), None)
    if found is None:
        raise NothingThereError(f"there is no entry {entry_id!r}; `arc fixes` lists those there are")
    if json:
        sys.stdout.write(as_json(found) + "\n")
        return
    told = {
        "id": found.id,
        "pattern": as_json(found.pattern),
        "fix": as_json(found.fix),
        "origin": found.origin,
        "level": found.level,
        "state": found.state,
        "priority": str(found.priority),
        "why": found.reason or "-",
    }
    sys.stdout.writelines(f"{name:<9} {value}\n" for name, value in told.items())


@fixes.command(
    "test",
    epilog="""\b
Examples:
  arc fixes test request.json
  arc fixes test request.json --entries mine.json --json""",
)
def try_fixes(  # noqa: PLR0913 - one for each option
    file: Annotated[str, typer.Argument(metavar="FILE", help="The JSON body of a request; - reads stdin.")],
    *,
    api: Annotated[
        str, typer.Option("--api", metavar="API", help=f"One of {', '.join(MENDABLE)}.", show_default="by its fields")
    ] = "",
    provider: Annotated[str, typer.Option("--provider", help="What `$provider` is.")] = "openai",
    host: Annotated[str, typer.Option("--host", help="What `$host` is.")] = "api.openai.com",
    agent: Annotated[str | None, typer.Option("--agent", help="What `$agent` is.", show_default="none")] = None,
    entries: _Entries = None,
    json: _Json = False,
) -> None:
    """Say what becomes of a request: which entries match, on what, and what they change. Nothing is sent."""
    body = _body(file)
    if api and api not in MENDABLE:
        raise UsageError(f"--api {api!r} is none of {', '.join(MENDABLE)}")
    request = Request(body, provider, api or _api_of(body), host, body.get("stream") is True, agent)
    settings, _ = Settings.from_env(os.environ)
    known = _known(entries)
    mended = Engine(Registry(known), mode=settings.fixes, level=settings.fixes_level).before(request)
    tested = Tested(
        file=file,
        api=request.api,
        mode=mended.mode if mended is not None else "off" if settings.fixes == "off" else "none",
        changes=list(mended.changes) if mended is not None else [],
        entries=explained(known, request, mended, levels=_LEVELS[settings.fixes_level]),
    )
    sys.stdout.write(as_json(tested) + "\n" if json else "".join(f"{line}\n" for line in _lines(tested)))
    if mended is None:
        raise typer.Exit(_NOTHING)


def _lines(tested: Tested) -> list[str]:
    found = []
    for verdict in tested.entries:
        found.append(f"{verdict.id}: {'matches' if verdict.matches else 'does not match'}")
        for one in verdict.conditions:
            has = "nothing" if one.found is msgspec.UNSET else as_json(one.found)
            mark = "yes" if one.holds else "no "
            found.append(f"  {mark}  {one.key} {as_json(one.wanted)}: the request has {has}")
        if verdict.why:
            found.append(f"  {'why' if verdict.applied else 'not applied'}: {verdict.why}")
    found.append("")
    for made in tested.changes:
        if made.op == "rename":
            found += [f"- {made.path}", f"+ {made.new}"]
            continue
        found += [f"- {made.path}: {as_json(made.old)}"] if made.old is not msgspec.UNSET else []
        found += [f"+ {made.path}: {as_json(made.new)}"] if made.new is not msgspec.UNSET else []
    verdicts = {
        "on": f"{counted(len(tested.changes), 'change')} before it leaves",
        "shadow": f"{counted(len(tested.changes), 'change')} recorded, none made",
        "off": "ARC_FIXES=off: nothing is looked at",
        "none": "it leaves as it is",
    }
    return [*found, f"{tested.api}: {verdicts[tested.mode]}"]


def _known(path: Path | None) -> Sequence[Entry]:
    """What Arc brings along, and the entries in `path`; raise UsageError when it can't be read as such."""
    if path is None:
        return DEFAULT_ENTRIES
    found = _parsed(str(path), _text(str(path)))
    return [*DEFAULT_ENTRIES, *(_entry(str(path), one) for one in (found if isinstance(found, list) else [found]))]


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
    from arc_runtime.errors import PatternError

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


def _api_of(body: Mapping[str, object]) -> str:
    if "messages" in body:
        return "chat.completions"
    if "prompt" in body:
        return "completions"
    if "input" in body:
        return "embeddings" if "embedding" in str(body.get("model")) else "responses"
    return "chat.completions"
