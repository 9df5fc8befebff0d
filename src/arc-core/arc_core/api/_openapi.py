"""The API as OpenAPI 3.1 tells it."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

import msgspec
from arc_semconv.api import Problem
from arc_semconv.attributes import API_KEY_HEADER

from arc_core.api._operation import Operation

_REF: Final = "#/components/schemas/{name}"
_ALWAYS: Final = (400, 401, 403, 429, 503)
"""Refusals that each operation has."""


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The OpenAPI document of `operations`, as JSON can hold it."""
    shapes: list[type[msgspec.Struct]] = [
        Problem,
        *(shape for one in operations for shape in (one.takes, one.answers) if shape is not None),
    ]
    schemas, components = msgspec.json.schema_components(
        list(dict.fromkeys(shapes)), ref_template=_REF, schema_hook=_anything
    )
    names = dict(zip(dict.fromkeys(shapes), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _told(operation, names)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Arc Core", "version": version("arc-core"), "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": "/"}],
        "security": [{"key": []}, {"bearer": []}, {}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": API_KEY_HEADER},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _anything(kind: type) -> dict[str, Any]:
    if kind is object:
        return {"description": "any JSON"}
    raise NotImplementedError  # by this a hook tells msgspec that it does not know the type either


def _told(operation: Operation, names: dict[type[msgspec.Struct], dict[str, Any]]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.says,
        "description": f"Needs the scope `{operation.scope}`.",
        "parameters": [*_path_parameters(operation), *_query_parameters(operation)],
        "responses": _responses(operation, names),
    }
    if operation.takes is not None:
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": names[operation.takes]}}}
    elif operation.media_types:
        told["requestBody"] = {"required": True, "content": {one: {"schema": {}} for one in operation.media_types}}
    return told


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": f"^{pattern}$"}}
        for name, pattern in operation.path_parameters.items()
    ]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": parameter.name,
            "in": "query",
            "required": False,
            "allowEmptyValue": True,
            "description": re.sub(r"\[(.*?)\]\(.*?\)", r"\1", parameter.says),
            "schema": parameter.schema,
        }
        for parameter in operation.parameters
        if not parameter.is_hidden
    ]


def _responses(operation: Operation, names: dict[type[msgspec.Struct], dict[str, Any]]) -> dict[str, Any]:
    if operation.answers is not None:
        content = {"application/json": {"schema": names[operation.answers]}}
    else:
        content = {one: {"schema": {}} for one in operation.answer_types}
    responses: dict[str, Any] = {
        str(operation.status): {"description": HTTPStatus(operation.status).phrase, "content": content}
    }
    for status in sorted({*_ALWAYS, *operation.refusals}):
        problem = {"application/problem+json": {"schema": names[Problem]}}
        responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": problem}
    return responses
