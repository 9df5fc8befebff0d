"""Rules of the user's own, made into functions: regular expressions, lists of words, functions, models of names."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Final

import msgspec

from arc_runtime.errors import ArcError
from arc_runtime.redaction._finding import Finding
from arc_runtime.redaction._names import names

__all__ = ["Finder", "PolicyError", "Rule", "allowed", "compiled", "denied", "is_regex", "namer", "searcher"]

Finder = Callable[[str], Iterator[Finding]]

_WORD: Final = re.compile(r"[^\W_]+")
_PARSER: Final[Any] = import_module("re._parser")  # public under a name that is deprecated, `sre_parse`
_WITHOUT_BOUND: Final = 1_000


class PolicyError(ArcError):
    """A policy that can't be used; `place` is the part at fault."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(place, problem)
        self.place = place
        self.problem = problem

    def __str__(self) -> str:
        return f"redaction policy, {self.place}: {self.problem}"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of the user's own: exactly one of regex, words and function."""

    name: str
    """What findings call it."""
    type: str
    """What its placeholder says, in capitals: `EMPLOYEE_ID`."""
    regex: str | None = None
    """A regular expression; group 1, where there is one, is what is replaced."""
    words: Sequence[str] = ()
    """Words that are found whatever their case, where no letter or digit joins them."""
    function: Callable[[str], Iterable[tuple[int, int]]] | str | None = None
    """What gives start and end of each value in a text, or its name as `module:function`."""


def compiled(rule: Rule) -> Finder:
    """What finds the values of `rule`. Raises PolicyError."""
    place = f"rule {rule.name!r}"
    if sum((rule.regex is not None, bool(rule.words), rule.function is not None)) != 1:
        raise PolicyError(place, "it needs exactly one of regex, words and function")
    if re.fullmatch("[A-Z][A-Z0-9_]*", rule.type) is None:
        raise PolicyError(place, f"its type {rule.type!r} is no word in capitals such as EMPLOYEE_ID")
    if rule.function is not None:
        return _caller(_callable(rule.function, place), rule)
    if rule.regex is not None:
        pattern = _pattern(rule.regex, place)
        return searcher(pattern, rule.type, rule.name, group=min(pattern.groups, 1))
    return _finder(rule.words, place, rule.type, rule.name)


def denied(values: Sequence[str]) -> Finder:
    """What finds the texts, or what the `/regexes/`, of a deny-list. Raises PolicyError."""
    return _finder(values, "deny", "DENIED", "deny")


def allowed(values: Sequence[str]) -> Callable[[str], bool]:
    """Whether a value is on the allow-list `values`, or is what a `/regex/` there stands for. Raises PolicyError."""
    texts, patterns = _sorted_out(values, "allow")
    whole = frozenset(text.casefold() for text in texts)
    return lambda value: value.casefold() in whole or any(pattern.fullmatch(value) for pattern in patterns)


def is_regex(value: str) -> bool:
    """Whether a value of a list is one `/between slashes/`."""
    return value[:1] == value[-1:] == "/" and value.strip("/") != ""


def searcher(pattern: re.Pattern[str], type_: str, name: str, *, group: int = 0) -> Finder:
    """What finds `group` of `pattern`, or all of it where that is not in a match."""

    def found(text: str) -> Iterator[Finding]:
        for match in pattern.finditer(text):
            which = group if match.start(group) >= 0 else 0
            if match.end(which) > match.start(which):
                yield Finding(match.start(which), match.end(which), type_, name)

    return found


def namer(model: Any) -> Finder:
    """What finds names by `model`, or by what the function makes that `module:function` names. Raises PolicyError."""
    if isinstance(model, str):
        make = _callable(model, "names")
        try:
            model = make()
        except (Exception, SystemExit) as error:  # the user's code may raise anything: there is no model then
            raise PolicyError("names", f"{model!r} raised {type(error).__name__}: {error}") from error
    try:
        found = names(model)
    except TypeError as error:
        raise PolicyError("names", str(error)) from error
    # A word alone has nothing round it that a model could tell a name by, and most attributes are one.
    return lambda text: found(text) if " " in text.strip() or not text.isascii() else iter(())


def _pattern(regex: object, place: str, flags: int = 0) -> re.Pattern[str]:
    if not isinstance(regex, str):
        raise PolicyError(place, f"its regular expression {regex!r} is no text")
    try:
        found = re.compile(regex, flags)
        explodes = _explodes(_PARSER.parse(regex, flags))
    except (re.error, RecursionError, OverflowError) as error:
        raise PolicyError(place, f"its regular expression {regex!r} is wrong: {error}") from error
    if found.match("") is not None:
        raise PolicyError(place, f"its regular expression {regex!r} matches nothing at all, thus everywhere")
    if explodes:
        way_out = "one text can keep it busy for hours; repeat once, or write the inner repeat as `++` or `*+`"
        raise PolicyError(place, f"its regular expression {regex!r} repeats a repeat, as (a+)+ does: {way_out}")
    return found


def _explodes(parsed: Any) -> bool:
    """Whether a text can be split over a repeat inside a repeat in ways without number, each of which is tried."""
    for operation, given in parsed:
        if str(operation) in ("MAX_REPEAT", "MIN_REPEAT") and given[1] >= _WITHOUT_BOUND and _stretches(given[2]):
            return True
        if any(map(_explodes, _inside(given))):
            return True
    return False


def _stretches(parsed: Any) -> bool:
    """Whether a repeat without bound can be all that there is of what `parsed` stands for."""
    for at, (operation, given) in enumerate(parsed):
        others = (parsed[other : other + 1] for other in range(len(parsed)) if other != at)
        if all(other.getwidth()[0] == 0 for other in others):
            repeats = str(operation) in ("MAX_REPEAT", "MIN_REPEAT") and given[1] >= _WITHOUT_BOUND
            if repeats or (str(operation) in ("SUBPATTERN", "BRANCH") and any(map(_stretches, _inside(given)))):
                return True
    return False


def _inside(given: Any) -> Iterator[Any]:
    """The parts of an operation that are expressions themselves."""
    if isinstance(given, _PARSER.SubPattern):
        yield given
    elif isinstance(given, tuple | list):
        for part in given:
            yield from _inside(part)


def _sorted_out(values: Sequence[str], place: str) -> tuple[list[str], list[re.Pattern[str]]]:
    texts, patterns = [], []
    for value in values:
        if not value:
            raise PolicyError(place, "there is an empty value in it")
        if is_regex(value):
            patterns.append(_pattern(value[1:-1], place, re.IGNORECASE))
        else:
            texts.append(value)
    return texts, patterns


def _finder(values: Sequence[str], place: str, type_: str, name: str) -> Finder:
    texts, patterns = _sorted_out(values, place)
    by_word, others = _indexed(texts)
    finders = [searcher(pattern, type_, name) for pattern in patterns]
    if by_word:
        finders.append(lambda text: _looked_up(text, by_word, type_, name))
    if others:
        finders.append(searcher(re.compile("|".join(map(re.escape, others))), type_, name))
    return lambda text: (finding for finder in finders for finding in finder(text))


def _indexed(texts: Sequence[str]) -> tuple[Mapping[str, Sequence[tuple[int, int, str]]], list[str]]:
    """`texts` by their first word, each with where that begins and how long it is; and those without a word."""
    by_word: dict[str, list[tuple[int, int, str]]] = {}
    others = []
    for text in dict.fromkeys(texts):
        word = _WORD.search(text)
        if word is None:
            others.append(text)
        else:
            by_word.setdefault(word.group().casefold(), []).append((word.start(), len(text), text.casefold()))
    return by_word, others


def _looked_up(
    text: str, by_word: Mapping[str, Sequence[tuple[int, int, str]]], type_: str, name: str
) -> Iterator[Finding]:
    # One alternation of them all would try each at every character: a dictionary has a hundred thousand.
    for word in _WORD.finditer(text):
        for before, size, wanted in by_word.get(word.group().casefold(), ()):
            start = word.start() - before
            end = start + size
            joined = text[start - 1 : start].isalnum() if start > 0 else start < 0
            if not joined and not text[end : end + 1].isalnum() and text[start:end].casefold() == wanted:
                yield Finding(start, end, type_, name)


def _caller(function: Callable[[str], Iterable[tuple[int, int]]], rule: Rule) -> Finder:
    def found(text: str) -> Iterator[Finding]:
        for start, end in function(text):
            if not 0 <= start < end <= len(text):
                raise PolicyError(
                    f"rule {rule.name!r}", f"its function says ({start}, {end}) of {len(text)} characters"
                )
            yield Finding(start, end, rule.type, rule.name)

    return found


def _callable(function: Any, place: str) -> Callable[..., Any]:
    found = function
    if isinstance(function, str):
        module, _, name = function.partition(":")
        try:
            found = getattr(import_module(module), name)
        except (Exception, SystemExit) as error:  # the user's module may raise anything as it is imported
            why = f"{type(error).__name__}: {error}"
            raise PolicyError(place, f"its function {function!r} can't be imported: {why}") from error
    if not callable(found):
        raise PolicyError(place, f"its function {function!r} can't be called")
    return found  # type: ignore[no-any-return]
