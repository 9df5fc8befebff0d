"""JSON schemas of tools and of answers, made what providers demand of them.

Source: OpenAI, structured outputs, supported schemas: in strict mode every object closes its properties and requires all
of them; what was optional may be null. An array says what is in it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from arc_semconv.fixes import Change

from arc_runtime.fixes._mend import Asked, Lesson, Mend
from arc_runtime.fixes._messages import is_request_fault, said, whole
from arc_runtime.fixes._refusal import Refusal

__all__ = ["close_objects", "is_bare_array", "is_open_object", "name_items"]

_CODES: Final = frozenset(
    {"invalid_function_parameters", "invalid_json_schema", "invalid_request_error", "invalid_value"}
)
_PLACE: Final = r"Invalid schema for (?:response_format|function|tool|text\.format) ['\"`][^'\"`]{1,128}['\"`]:\s*(?:In context=\(.*?\), ?)?"
_BARE: Final = whole(
    _PLACE + r"array schema missing items",
    r"(?:.{0,120}: )?array schema (?:is )?missing (?:the )?items",
    r"GenerateContentRequest\.[\w.\[\]]+\.items: missing field",
)
_OPEN: Final = whole(
    _PLACE + r"['\"`]additionalProperties['\"`] is required to be supplied and to be false",
    _PLACE + r"['\"`]required['\"`] is required to be supplied and to be an array including every key in properties\."
    r"\s*(?:Missing|Extra required key) ['\"`].{1,80}?['\"`](?: supplied)?",
    # Groq, Anthropic
    r"invalid JSON schema for (?:response_format|function|tool)[^'\"`]{0,20}: ['\"`][^'\"`]{1,128}['\"`]:[^`]{0,200}: "
    r"`(?:additionalProperties:false|required)` (?:must be set on every object|is required to be supplied .{1,120})",
    r"(?:output_config\.format|output_format|tools\.\d+(?:\.custom)?)(?:\.schema|\.input_schema)?: For ['\"`]object['\"`] type, "
    r"['\"`]additionalProperties['\"`] must be explicitly set to false",
)
_DEEPEST: Final = 64
_BELOW: Final = ("properties", "$defs", "definitions", "patternProperties")
_BESIDE: Final = ("anyOf", "allOf", "oneOf")


def is_bare_array(refusal: Refusal) -> bool:
    """Whether the error says that an array of a schema does not say what is in it."""
    return is_request_fault(refusal, _CODES) and said(refusal, _BARE) is not None


def is_open_object(refusal: Refusal) -> bool:
    """Whether the error says that an object of a strict schema is not closed."""
    return is_request_fault(refusal, _CODES) and said(refusal, _OPEN) is not None


def name_items(asked: Asked) -> Mend | None:
    """Have every array of every schema say what is in it: strings, where nothing says otherwise."""
    return _rewritten(asked, "name_items", lambda _strict, schema: _walk(schema, _with_items))


def close_objects(asked: Asked) -> Mend | None:
    """Close every object of every strict schema: no other properties, all required, what was optional may be null."""
    return _rewritten(asked, "close_objects", lambda strict, schema: _walk(schema, _closed) if strict else schema)


def _rewritten(asked: Asked, name: str, edit: Callable[[bool, Any], Any]) -> Mend | None:
    body = dict(asked.body)
    changes: list[Change] = []
    for field in ("tools", "functions"):
        old = body.get(field)
        if isinstance(old, list | tuple):
            tools = [_tool(tool, edit) for tool in old]
            changes += [
                Change(f"{field}.{place}", "rewrite", was, tool)
                for place, (was, tool) in enumerate(zip(old, tools, strict=True))
                if tool is not was
            ]
            body[field] = tools
    for field, path in (("response_format", ("json_schema",)), ("text", ("format",)), ("output_config", ("format",))):
        old = body.get(field)
        new = _answer_form(old, path, edit)
        if new is not old:
            body[field] = new
            changes.append(Change(field, "rewrite", old, new))
    return Mend(body, tuple(changes), Lesson({}, {"$rewrite": name})) if changes else None


def _tool(tool: Any, edit: Callable[[bool, Any], Any]) -> Any:
    if not isinstance(tool, Mapping):
        return tool
    if isinstance(inner := tool.get("function"), Mapping):
        new = _with_schema(inner, "parameters", edit)
        return tool if new is inner else {**tool, "function": new}
    return _with_schema(tool, "input_schema" if "input_schema" in tool else "parameters", edit)


def _with_schema(holder: Mapping[str, Any], key: str, edit: Callable[[bool, Any], Any]) -> Any:
    old = holder.get(key)
    new = edit(holder.get("strict") is True, old)
    return holder if new is old else {**holder, key: new}


def _answer_form(old: Any, path: tuple[str, ...], edit: Callable[[bool, Any], Any]) -> Any:
    if not isinstance(old, Mapping) or not isinstance(holder := old.get(path[0]), Mapping):
        return old
    schema = holder.get("schema")
    # An answer in the form of a schema is checked strictly unless the program says that it is not.
    new = edit(holder.get("strict") is not False, schema)
    return old if new is schema else {**old, path[0]: {**holder, "schema": new}}


def _walk(schema: Any, edit: Callable[[Mapping[str, Any]], Mapping[str, Any]], depth: int = 0) -> Any:
    """`schema` with `edit` done to it and all below; the same object where that changes nothing."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return schema
    new = dict(schema)
    for key in _BELOW:
        if isinstance(inner := new.get(key), Mapping):
            edited = {name: _walk(one, edit, depth + 1) for name, one in inner.items()}
            if any(edited[name] is not inner[name] for name in inner):
                new[key] = edited
    for key in _BESIDE:
        if isinstance(parts := new.get(key), list | tuple):
            walked = [_walk(one, edit, depth + 1) for one in parts]
            if any(one is not was for one, was in zip(walked, parts, strict=True)):
                new[key] = walked
    for key in ("items", "not"):
        if key in new:
            new[key] = _walk(new[key], edit, depth + 1)
    edited_whole = edit(new)
    same = edited_whole is new and all(new[key] is schema[key] for key in schema)
    return schema if same else edited_whole


def _is_of(schema: Mapping[str, Any], kind: str) -> bool:
    said_kind = schema.get("type")
    return said_kind == kind or (isinstance(said_kind, list) and kind in said_kind)


def _with_items(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if not _is_of(schema, "array") or "items" in schema or "prefixItems" in schema:
        return schema
    return {**schema, "items": {"type": "string"}}


def _closed(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = schema.get("properties")
    if not (_is_of(schema, "object") or isinstance(properties, Mapping)):
        return schema
    known = properties if isinstance(properties, Mapping) else {}
    required = schema.get("required")
    demanded = list(required) if isinstance(required, list | tuple) else []
    names = [*[name for name in demanded if name in known], *[name for name in known if name not in demanded]]
    if schema.get("additionalProperties") is False and demanded == names:
        return schema
    optional = {name: _or_null(known[name]) for name in known if name not in demanded}
    return {**schema, "properties": {**known, **optional}, "required": names, "additionalProperties": False}


def _or_null(schema: Any) -> Any:
    if not isinstance(schema, Mapping) or _is_of(schema, "null"):
        return schema
    kind = schema.get("type")
    if isinstance(kind, str) and "enum" not in schema and "const" not in schema:
        return {**schema, "type": [kind, "null"]}
    if isinstance(kind, list) and "enum" not in schema:
        return {**schema, "type": [*kind, "null"]}
    parts = schema.get("anyOf")
    if isinstance(parts, list | tuple) and any(isinstance(part, Mapping) and _is_of(part, "null") for part in parts):
        return schema
    return {"anyOf": [schema, {"type": "null"}]}
