"""The JSON Schemas of patterns, fixes and entries, from the tables of the code."""

from typing import Any, Final

from arc_runtime.fixes import CALL_KEYS, ERROR_KEYS, MENDABLE, OPERATORS, PREDICATES, REWRITES

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
SCALAR: Final = {"type": ["string", "number", "boolean", "null"]}
ORDERED: Final = {"type": ["number", "string"]}
TAKES: Final[dict[str, Any]] = {
    **dict.fromkeys((">", ">=", "<", "<="), ORDERED),
    **{key: {} for key in ("==", "!=")},
    **{key: {"type": "array", "minItems": 1} for key in ("in", "not_in")},
    "exists": {"type": "boolean"},
    **{key: {"type": "string", "minLength": 1} for key in ("glob", "prefix")},
}
PATH: Final = r"^[^$.][^.]*(\.[^.]+)*$"


def pattern() -> dict[str, Any]:
    """What a pattern may look like."""
    tests = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {name: TAKES[name] for name in OPERATORS},
    }
    wanted = {"anyOf": [SCALAR, {"type": "array"}, tests]}
    text = {name: TAKES[name] for name in ("glob", "prefix")}
    message = {"type": "object", "minProperties": 1, "additionalProperties": False, "properties": text}
    known: dict[str, Any] = dict.fromkeys((*CALL_KEYS, *ERROR_KEYS), wanted)
    return {
        "$schema": DRAFT,
        "title": "A pattern: what to recognise in a request",
        "type": "object",
        "minProperties": 1,
        "properties": {**known, "$error.message": message, "$predicate": {"enum": sorted(PREDICATES)}},
        "patternProperties": {PATH: wanted},
        "additionalProperties": False,
    }


def fix() -> dict[str, Any]:
    """What a fix may look like."""
    fields = "|".join(sorted(frozenset().union(*MENDABLE.values())))
    path = rf"^({fields})(\.[^.]+)*$"
    number = {"type": "number"}
    commands = {
        "$rename": {"type": "string", "pattern": path},
        "$delete": {"const": True},
        "$clamp": {"type": "array", "prefixItems": [number, number], "minItems": 2, "maxItems": 2},
        "$default": {},
    }
    command = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": False}
    plain = {"not": {"type": "object", "patternProperties": {r"^\$": True}, "propertyNames": {"pattern": r"^\$"}}}
    named = {
        "type": "object",
        "required": ["$rewrite"],
        "additionalProperties": False,
        "properties": {"$rewrite": {"enum": sorted(REWRITES)}},
    }
    changes = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "patternProperties": {path: {"anyOf": [{**command, "properties": commands}, plain]}},
    }
    return {"$schema": DRAFT, "title": "A fix: what to change in a request", "anyOf": [named, changes]}
