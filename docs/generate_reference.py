"""Writes the tables of docs/reference whose source is the code.

python docs/generate_reference.py          rewrite the marked regions
python docs/generate_reference.py --check  exit with 1 when one of them is stale
"""

import ast
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from arc_core.api import Admin, Backups, Exports, Imports, Operation, Reads, Tails, document
from arc_core.filters import FIELDS
from arc_runtime.fixes import DEFAULT_ENTRIES, MENDABLE, OPERATORS, REWRITABLE, REWRITES, catalogue
from fix_schemas import fix, pattern

ROOT: Final = Path(__file__).resolve().parent.parent
SETTINGS: Final = ROOT / "src/arc-runtime/arc_runtime/settings.py"
API: Final = ROOT / "src/arc-semconv/arc_semconv/api.py"
FIXES: Final = ROOT / "src/arc-semconv/arc_semconv/fixes.py"
REGION: Final = re.compile(r"<!-- generated: (?P<name>[\w:-]+) -->\n.*?<!-- /generated -->", re.DOTALL)

OPENAPI: Final = ROOT / "docs/reference/openapi.json"
SHAPES: Final = (
    "TraceSummary", "TracePage", "TraceDetail", "SpanView", "EventView", "LinkView", "Redactions", "SpanSummary",
    "SpanPage", "SessionSummary", "SessionPage", "Took", "AgentSummary", "AgentList", "ModelSummary", "ModelList",
    "CostItem", "CostList", "FailureGroup", "FailureList", "StatItem", "StatList", "Imported", "KeyView", "KeyList",
    "KeyOrder", "RotationOrder", "AuditItem", "AuditPage", "Health", "Problem",
)  # fmt: skip

SAYS: Final = {
    ">": "greater; numbers with numbers, strings with strings",
    ">=": "greater or equal",
    "<": "less",
    "<=": "less or equal",
    "==": "equal; the same as a bare value",
    "!=": "there, and not equal",
    "in": "equal to one of a list",
    "not_in": "there, and equal to none of a list",
    "exists": "`true`: there; `false`: not there",
    "glob": "a string that matches `*`, `?` and `[...]` as a whole",
    "prefix": "a string that starts so",
}


class Field(NamedTuple):
    """One field of a class as its source has it."""

    name: str
    annotation: str
    default: str
    says: str


def fields_of(path: Path, class_name: str) -> Iterator[Field]:
    """The annotated fields of a class and the docstring under each."""
    tree = ast.parse(path.read_text("utf-8"))
    (body,) = [node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name]
    for node, below in zip(body, [*body[1:], ast.Pass()], strict=True):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        says = ""
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            says = " ".join(below.value.value.split())
        yield Field(node.target.id, ast.unparse(node.annotation), _default(node.value), says)


def _default(node: ast.expr | None) -> str:
    if isinstance(node, ast.Call):  # msgspec.field(default=...)
        node = next((word.value for word in node.keywords if word.arg == "default"), None)
    return "" if node is None else ast.unparse(node)


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def settings(prefix: str) -> str:
    """The settings whose variable starts with `prefix`."""
    return table(("Variable", "Values", "Default", "What it does"), _settings(prefix))


def _settings(prefix: str) -> Iterator[tuple[str, ...]]:
    for field in fields_of(SETTINGS, "Settings"):
        told = re.match(r"`(?P<name>[A-Z_\[\]]+)`[:;]? (?P<says>.*)", field.says)
        if told is None:
            raise SystemExit(f"Settings.{field.name}: its docstring does not start with the name of a variable")
        if told["name"].startswith(prefix):
            default = {"None": "unset", "False": "unset", "{}": "unset", "()": "unset"}.get(
                field.default, field.default.strip("'")
            )
            says = told["says"]
            if standard := re.fullmatch(r"unset: (\w+)\.", says):
                default, says = standard[1], "as OpenTelemetry defines it."
            values = next((says for end, says in _BY_NAME.items() if told["name"].endswith(end)), None)
            values = values or _values(field.annotation)
            yield f"`{told['name']}`", values, default, says


_BY_NAME: Final = {"_URL": "a URL", "_ENDPOINT": "a URL", "_FILE": "a file", "_POLICY": "a file"}
"""What a setting takes, by the end of its name."""


def _values(annotation: str) -> str:
    choices = dict(_aliases()).get(annotation.removesuffix(" | None"), annotation)
    if choices.startswith("Literal"):
        return ", ".join(f"`{value}`" for value in ast.literal_eval(choices.removeprefix("Literal")))
    words = {"Endpoint": "a URL", "bool": "yes or no", "int": "a number", "float": "a number", "Path": "a folder"}
    return words.get(annotation.removesuffix(" | None"), "text")


def _aliases() -> Iterator[tuple[str, str]]:
    for node in ast.parse(SETTINGS.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, ast.unparse(node.value)


def mendable() -> str:
    """Which request fields a fix may touch."""
    rows = ((f"`{api}`", _names(names), _names(REWRITABLE[api])) for api, names in sorted(MENDABLE.items()))
    return table(("API (`$api`)", "Fields", "By `$rewrite` alone"), rows)


def rewrites() -> str:
    """The named rewrites."""
    rows = ((f"`{name}`", one.says, "yes" if one.needs_refusal else "no") for name, one in REWRITES.items())
    return table(("Rewrite", "What it does", "Reads the error"), rows)


def failures() -> str:
    """What the catalogue knows of providers' errors."""
    rows = ((f"`{one.id}`", one.level, _fix_of(one.fix), one.reason, one.advice) for one in catalogue())
    return table(("Id", "Level", "Fix", "What is wrong", "What you can do"), rows)


def _fix_of(fix: Mapping[str, object]) -> str:
    return f"`{fix['$rewrite']}`" if "$rewrite" in fix else _json(fix) if fix else ""


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def operators() -> str:
    """The operators of the pattern language."""
    return table(("Operator", "Holds when the value is"), ((f"`{name}`", SAYS[name]) for name in OPERATORS))


def entries() -> str:
    """The entries that Arc brings along."""
    rows = (
        (f"`{one.id}`", _json(one.pattern), _json(one.fix), one.level, one.state, one.reason) for one in DEFAULT_ENTRIES
    )
    return table(("Id", "Pattern", "Fix", "Level", "State", "Why"), rows)


def _json(value: object) -> str:
    return f"`{msgspec.json.encode(value).decode()}`"


def shape(path: Path, class_name: str) -> str:
    """The fields of one shape of the API."""
    rows = ((f"`{one.name}`", f"`{one.annotation}`", one.says) for one in fields_of(path, class_name))
    return table(("Field", "Type", ""), rows)


def operations() -> list[Operation]:
    """What can be asked of Arc Core; nothing is asked of it here."""
    parts = (Reads(None), Exports(None), Imports(None), Tails(None, None, None), Admin(None), Backups(None, None, None))
    return [one for part in parts for one in part.operations()]


def requests() -> str:
    """The requests that the API takes."""
    return table(("Request", "Scope", "", "Answer"), (_request(one) for one in operations()))


def _request(one: Operation) -> tuple[str, ...]:
    if one.answers is None:
        answer = ", ".join(f"`{kind}`" for kind in one.answer_types)
    else:
        answer = f"[{one.answers.__name__}](#{one.answers.__name__.lower()})"
    return f"`{one.method} {one.path}`", f"`{one.scope}`", one.says, answer


def parameters(name: str) -> str:
    """The parameters of the request `name`."""
    (wanted,) = [one for one in operations() if one.name == name]
    told = [one for one in wanted.parameters if not one.is_hidden]
    return table(("Name", "Meaning"), ((f"`{one.name}`", one.says) for one in told))


def fields() -> str:
    """The fields of the filter language."""
    return table(("Field", "What it is"), ((f"`{name}`", says) for name, says in FIELDS.items()))


def openapi() -> str:
    """The OpenAPI document of the API."""
    return json.dumps(document(operations()), indent=1, ensure_ascii=False) + "\n"


TABLES: Final[dict[str, Callable[[], str]]] = {
    "settings:arc": lambda: settings("ARC_"),
    "settings:otel": lambda: settings("OTEL_"),
    "fixes:mendable": mendable,
    "fixes:operators": operators,
    "fixes:entries": entries,
    "api:requests": requests,
    "filters:fields": fields,
    "fixes:rewrites": rewrites,
    "fixes:failures": failures,
    **{
        f"api:parameters:{name}": (lambda name=name: parameters(name))
        for name in ("traces", "spans", "sessions", "agents", "models", "costs", "errors", "stats", "export", "audit")
    },
    **{f"api:{name}": (lambda name=name: shape(API, name)) for name in SHAPES},
    **{f"api:{name}": (lambda name=name: shape(FIXES, name)) for name in ("Fix", "Change")},
}


def generated(text: str) -> str:
    """`text` with every marked region written anew."""
    return REGION.sub(
        lambda found: f"<!-- generated: {found['name']} -->\n{TABLES[found['name']]()}\n<!-- /generated -->", text
    )


def main(arguments: list[str]) -> int:
    """Rewrite, or with `--check` only compare; the exit status."""
    stale = []
    if not OPENAPI.exists() or OPENAPI.read_text("utf-8") != openapi():
        stale.append(OPENAPI.relative_to(ROOT))
        if "--check" not in arguments:
            OPENAPI.write_text(openapi(), "utf-8")
    for path in sorted((ROOT / "docs").rglob("*.md")):
        before = path.read_text("utf-8")
        after = generated(before)
        if after != before:
            stale.append(path.relative_to(ROOT))
            if "--check" not in arguments:
                path.write_text(after, "utf-8")
    for name, schema in (("pattern", pattern()), ("fix", fix())):
        path, text = ROOT / f"docs/reference/{name}.schema.json", json.dumps(schema, indent=2) + "\n"
        if not path.exists() or path.read_text("utf-8") != text:
            stale.append(path.relative_to(ROOT))
            if "--check" not in arguments:
                path.write_text(text, "utf-8")
    for path in stale:
        print(f"{path}: {'stale; run python docs/generate_reference.py' if '--check' in arguments else 'rewritten'}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
