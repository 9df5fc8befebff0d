"""Names of people and places, which have no form: found by a model that the user brings.

Either a spaCy pipeline (`nlp(text).ents`, each with `start_char`, `end_char`, `label_`) or an analyzer of Presidio
(`analyzer.analyze(text=..., language=...)`, results with `start`, `end`, `entity_type`, `score`). Neither package is
imported here.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from arc_runtime.redaction._finding import Finding

__all__ = ["NAMES", "names"]

NAMES: Final = {
    "PERSON": "PERSON", "PER": "PERSON", "GPE": "LOCATION", "LOC": "LOCATION", "FAC": "LOCATION",
    "LOCATION": "LOCATION", "STREET_ADDRESS": "ADDRESS", "ADDRESS": "ADDRESS",
}  # fmt: skip
"""What is called what, of the labels of spaCy's models (OntoNotes 5, WikiNER) and of Presidio's entities."""
_LEAST_SCORE: Final = 0.5


def names(model: Any, *, language: str = "en") -> Callable[[str], Iterator[Finding]]:
    """What finds names in a text by `model`; TypeError when it is neither a spaCy pipeline nor a Presidio analyzer.

    `language` is what Presidio is told.
    """
    if callable(getattr(model, "analyze", None)):
        return lambda text: _by_presidio(model, text, language)
    if callable(model):
        return lambda text: _by_spacy(model, text)
    raise TypeError(f"{type(model).__name__} is neither a spaCy pipeline nor an analyzer of Presidio")


def _by_spacy(model: Any, text: str) -> Iterator[Finding]:
    for entity in model(text).ents:
        if (type_ := NAMES.get(entity.label_)) is not None:
            yield from _checked(text, entity.start_char, entity.end_char, type_, "spacy")


def _by_presidio(model: Any, text: str, language: str) -> Iterator[Finding]:
    for result in model.analyze(text=text, language=language):
        if (type_ := NAMES.get(result.entity_type)) is not None and result.score >= _LEAST_SCORE:
            yield from _checked(text, result.start, result.end, type_, "presidio")


def _checked(text: str, start: int, end: int, type_: str, rule: str) -> Iterator[Finding]:
    if not 0 <= start < end <= len(text):
        raise ValueError(f"the model says ({start}, {end}) of {len(text)} characters")
    # What stands there already in a name's place is no name.
    if not (text[start - 1 : start] == "<" and text[end : end + 1] == ">"):
        yield Finding(start, end, type_, rule)
