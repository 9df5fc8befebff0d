"""Models that are gone, and names that are misspelt: from one table with its source and date."""

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec
from arc_semconv.fixes import Change

from arc_runtime.fixes._mend import Asked, Lesson, Mend
from arc_runtime.fixes._messages import is_request_fault, said, whole
from arc_runtime.fixes._refusal import Refusal

__all__ = ["ModelTable", "is_model_gone", "is_model_unknown", "model_table", "nearest_name", "replace_model"]

_CODES: Final = frozenset(
    {
        "api_error",
        "invalid_model",
        "invalid_request_error",
        "model_decommissioned",
        "model_not_available",
        "model_not_found",
        "not_found",
        "not_found_error",
    }
)
_GONE: Final = whole(
    r"The model ['\"`](?P<name>[^'\"`]+)['\"`] has been (?:deprecated|decommissioned|retired)"
    r"(?: and is no longer supported)?(?:, learn more here: \S+)?",
    r"model: (?P<name>[\w.:@/-]+)",
    r"(?:The requested model|The model) ['\"`](?P<name>[^'\"`]+)['\"`] does not exist",
    r"The model ['\"`](?P<name>[^'\"`]+)['\"`] does not exist or you do not have access to it",
    r"The model ['\"`]?(?P<name>[\w.:@/-]+)['\"`]? is not (?:found|available|supported)",
    r"Model (?:not found|Not Exist)[: ]*['\"`]?(?P<name>[\w.:@/-]*)['\"`]?",
    r"model ['\"`](?P<name>[^'\"`]+)['\"`] not found(?:, try pulling it first)?",
    r"The model (?P<name>[\w.:@/-]+) does not exist or your team [\w-]+ does not have access to it",
    r"(?P<name>[\w.:@/-]+) is not a valid model ID",
    r"No endpoints found for (?P<name>[\w.:@/-]*[\w])",
    r"(?:models/)?(?P<name>[\w.:@-]+) is not found for API version \w+, or is not supported for \w+.{0,200}",
    r"Unable to access model (?P<name>[\w.:@/-]*[\w])",
    r"Invalid model(?: name| identifier|: |ID)?:? ['\"`]?(?P<name>[\w.:@/-]*\w)['\"`]?",
    r"Model (?P<name>[\w.:@/-]+) is not supported.{0,400}",
)
_CLOSEST: Final = 2


class ModelTable(msgspec.Struct, frozen=True):
    """What is known of models' names."""

    source: str
    date: str
    replacements: dict[str, str]
    """The provider's own advice for a model that is gone."""
    known: dict[str, list[str]]
    """Names that each provider serves."""


@cache
def model_table() -> ModelTable:
    """The table as it came with this version."""
    return msgspec.json.decode((files("arc_runtime.fixes") / "models.json").read_bytes(), type=ModelTable)


def is_model_gone(refusal: Refusal) -> bool:
    """Whether the error says that there is no such model, and the table has one that took its place."""
    return _named(refusal) in model_table().replacements


def is_model_unknown(refusal: Refusal) -> bool:
    """Whether the error says that there is no such model, or none for this account."""
    return _named(refusal) is not None


def _named(refusal: Refusal) -> str | None:
    found = said(refusal, _GONE) if is_request_fault(refusal, _CODES) else None
    return found["name"] if found else None


def replace_model(asked: Asked) -> Mend | None:
    """Ask the model that took the place of the one that is gone, else the one whose name is at most two letters away."""
    model = asked.body.get("model")
    # The name of a deployment of Azure is the program's own.
    if not isinstance(model, str) or asked.provider.startswith("azure"):
        return None
    if asked.refusal and not _is_about(asked.refusal, model):
        return None
    table = model_table()
    new = table.replacements.get(model)
    if new is None:
        # Whoever speaks OpenAI's protocol at an address of his own is taken for OpenAI.
        every = list(dict.fromkeys(name for names in table.known.values() for name in names))
        new = nearest_name(model, table.known.get(asked.provider, ())) or nearest_name(model, every)
        new = table.replacements.get(new, new) if new is not None else None
    if new is None or new == model:
        return None
    lesson = Lesson({}, {"$rewrite": "replace_model"})
    return Mend({**asked.body, "model": new}, (Change("model", "rewrite", model, new),), lesson)


def _is_about(refusal: Refusal, model: str) -> bool:
    named = _named(refusal)
    return named is not None and named in ("", model)


def nearest_name(name: str, known: Sequence[str]) -> str | None:
    """The one of `known` that is nearest to `name`, at most two letters away; None where two are as near."""
    if name in known or len(name) < 2 * _CLOSEST + 2:
        return None
    near = sorted((distance, other) for other in known if (distance := _distance(name, other)) <= _CLOSEST)
    # Digits are what versions differ in: one of them is no slip of the finger.
    near = [(distance, other) for distance, other in near if re.findall(r"\d", name) == re.findall(r"\d", other)]
    if not near or (len(near) > 1 and near[0][0] == near[1][0]):
        return None
    return near[0][1]


def _distance(one: str, other: str) -> int:
    """Letters put in, taken out, exchanged, or swapped with their neighbour, from `one` to `other`; 3 for any more."""
    if abs(len(one) - len(other)) > _CLOSEST:
        return _CLOSEST + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        after = [place]
        for column, wanted in enumerate(other, 1):
            cost = min(row[column] + 1, after[column - 1] + 1, row[column - 1] + (letter != wanted))
            if place > 1 and column > 1 and letter == other[column - 2] and one[place - 2] == wanted:
                cost = min(cost, before[column - 2] + 1)
            after.append(cost)
        before, row = row, after
    return min(row[-1], _CLOSEST + 1)
