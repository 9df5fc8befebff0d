"""Names of tools that a provider does not take, and back again in the answer."""

import re
from collections.abc import Mapping
from typing import Any, Final

from arc_semconv.fixes import Change

from arc_runtime.fixes._mend import Afterwards, Asked, Lesson, Mend
from arc_runtime.fixes._messages import is_request_fault, said, whole
from arc_runtime.fixes._refusal import Refusal

__all__ = ["is_tool_name_refused", "sanitize_tool_names"]

_REFUSED: Final = whole(
    r"Invalid ['\"`](?:tools|messages|functions|input)\[\d+\][\w.\[\]]*name['\"`]: string (?:does not match pattern|too long).{0,200}",
    r"tools\.\d+\.(?:\w+\.)?name: String should (?:match pattern|have at most \d+ characters).{0,120}",
    r"['\"`][^'\"`]{1,256}['\"`] (?:does not match ['\"`][^'\"`]{1,80}['\"`]|is too long) - ['\"`](?:tools|functions)\.\d+[\w.]*\.name['\"`]",
    r"Function name was .{1,256}? but must be a-z, A-Z, 0-9.{0,120}",
    r"(?:GenerateContentRequest\.[\w.\[\]]+\.name: )?Invalid function name\.?\s*Must start with a letter.{0,200}",
)
_ALLOWED: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")
_LONGEST: Final = 64


def is_tool_name_refused(refusal: Refusal) -> bool:
    """Whether the error says that the name of a tool has letters that it may not have."""
    return is_request_fault(refusal) and said(refusal, _REFUSED) is not None


def sanitize_tool_names(asked: Asked) -> Mend | None:
    """Give tools names of letters, digits, `_` and `-`, at most 64; in the answer they have their own again."""
    names: dict[str, str] = {}
    taken = {name for field in ("tools", "functions") for name in map(_name_of, _list(asked.body.get(field))) if name}
    for name in sorted(taken):
        if not _ALLOWED.fullmatch(name):
            names[name] = _fresh(name, taken | set(names.values()))
    if not names:
        return None
    body = {field: _renamed(value, names) if field in _PLACES else value for field, value in asked.body.items()}
    changes = tuple(
        Change(field, "rewrite", asked.body[field], body[field])
        for field in body
        if field in _PLACES and body[field] is not asked.body[field]
    )
    back = tuple((sent, own) for own, sent in names.items())
    return Mend(body, changes, Lesson({}, {"$rewrite": "sanitize_tool_names"}), Afterwards(names=back))


_PLACES: Final = ("tools", "functions", "messages", "input", "tool_choice")
_DEEPEST: Final = 6


def _list(value: object) -> "list[Any] | tuple[Any, ...]":
    return value if isinstance(value, list | tuple) else ()


def _name_of(tool: object) -> str | None:
    if not isinstance(tool, Mapping):
        return None
    inner = tool.get("function")
    name = inner.get("name") if isinstance(inner, Mapping) else tool.get("name")
    return name if isinstance(name, str) else None


def _fresh(name: str, taken: set[str]) -> str:
    clean = re.sub(r"[^a-zA-Z0-9_-]", "_", name)
    clean = clean if re.match(r"[a-zA-Z_]", clean) else f"_{clean}"
    new, number = clean[:_LONGEST], 1
    while new in taken:
        number += 1
        ending = f"_{number}"
        new = clean[: _LONGEST - len(ending)] + ending
    return new


def _renamed(value: Any, names: Mapping[str, str], depth: int = 0) -> Any:
    """`value` with other names where tools are named: below `name`, not within arguments or schemas."""
    if depth > _DEEPEST:
        return value
    if isinstance(value, Mapping):
        new = {
            key: names.get(inner, inner)
            if key == "name" and isinstance(inner, str)
            else inner
            if key in ("parameters", "input_schema", "arguments", "input", "content") and not _holds_calls(inner)
            else _renamed(inner, names, depth + 1)
            for key, inner in value.items()
        }
        return value if all(new[key] is value[key] for key in value) else new
    if isinstance(value, list | tuple):
        items = [_renamed(item, names, depth + 1) for item in value]
        return value if all(one is was for one, was in zip(items, value, strict=True)) else items
    return value


def _holds_calls(content: object) -> bool:
    return any(isinstance(part, Mapping) and part.get("type") == "tool_use" for part in _list(content))
