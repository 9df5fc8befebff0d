"""What becomes of findings: placeholders, keyed hashes, masks; by type and by key; what is let through, what never is.

A policy is immutable. `Policy.from_file` reads one from YAML; what can't be read is a `PolicyError` that names the
place, never a guess.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import translate
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, Self, get_args

import msgspec

from arc_runtime.errors import ArcError
from arc_runtime.redaction._engine import apart, find
from arc_runtime.redaction._finding import Finding
from arc_runtime.redaction._names import names

__all__ = ["OWN_ADDRESSES", "Action", "Example", "Level", "Policy", "PolicyError", "Rule", "is_regex"]

Level = Literal["off", "secrets", "standard", "strict"]
Action = Literal["placeholder", "hash", "mask", "drop", "keep"]

_LETTERS: Final = str.maketrans("0123456789", "ghijklmnop")
_UNMASKED: Final = 4
_LONG_ENOUGH: Final = 8
_LOOPBACK: Final = re.compile(r"127(?:\.[0-9]{1,3}){3}(?:/8)?|0\.0\.0\.0(?:/0)?|255\.255\.255\.255|::1?(?:/(?:0|128))?")
_LONG_NUMBER: Final = re.compile(r"(?<![0-9A-Za-z.])[0-9](?:[ .\-/]?[0-9]){5,30}(?![0-9])")
# Where the service itself runs; OpenTelemetry semantic conventions, server, host and network.
OWN_ADDRESSES: Final = frozenset(
    {
        "server.address",
        "server.socket.address",
        "net.host.name",
        "net.host.ip",
        "host.name",
        "host.ip",
        "host.mac",
        "host.id",
    }
    | {"network.local.address", "net.sock.host.addr", "k8s.pod.ip", "container.id", "service.instance.id", "url.scheme"}
)
_ADDRESSES: Final = frozenset({"IP_ADDRESS", "MAC_ADDRESS"})


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


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a policy is to do to a text; `arc redact --check` compares."""

    text: str
    redacted: str
    """What is to be left of it."""


class Policy(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What is redacted, and how."""

    level: Level = "standard"
    """`off`; `secrets` only; `standard`; `strict`, which takes away every number of six digits and more."""
    actions: Mapping[str, Action] = {}
    """What becomes of a finding, by its type; `default` is for all others."""
    keys: Mapping[str, Action] = {}
    """The same by the attribute's key, with `*` for any part; before the types. `drop` takes the attribute away, `keep`
    lets it through unread."""
    allow: Sequence[str] = ()
    """Values (whole, or `/regex/`) that are let through, whatever found them."""
    deny: Sequence[str] = ()
    """Texts (or `/regex/`) that are always replaced."""
    rules: Sequence[Rule] = ()
    key: bytes = b""
    """What hashes are keyed with (`ARC_REDACTION_KEY`)."""
    examples: Sequence[Example] = ()
    names: Any = None
    """A spaCy pipeline or an analyzer of Presidio that finds names of people and places, or what makes one, as
    `module:function`. It is asked for each text that is longer than a word; its types are PERSON, LOCATION
    and ADDRESS."""

    def __post_init__(self) -> None:
        for place, actions in (("actions", self.actions), ("keys", self.keys)):
            for name, action in actions.items():
                if action not in get_args(Action):
                    raise PolicyError(f"{place}.{name}", f"{action!r} is none of {', '.join(get_args(Action))}")
                if action == "hash" and not self.key:
                    raise PolicyError(f"{place}.{name}", "hash needs a key: set ARC_REDACTION_KEY")
        if self.level not in get_args(Level):
            raise PolicyError("level", f"{self.level!r} is none of {', '.join(get_args(Level))}")
        self._own, self._allowed, self._keys  # noqa: B018 - compiled now, so that what is wrong is said now

    @classmethod
    def from_file(cls, path: Path, *, level: Level | None = None, key: str = "") -> Self:
        """The policy in the YAML (or JSON) file at `path`; `level` wins over the file's. Raises PolicyError."""
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise PolicyError(str(path), f"it can't be read: {error.strerror}") from error
        return cls.from_yaml(raw, level=level, key=key)

    @classmethod
    def from_yaml(cls, raw: bytes | str, *, level: Level | None = None, key: str = "") -> Self:
        """The policy that `raw` says. Raises PolicyError."""
        try:
            held = msgspec.yaml.decode(raw, type=_File, strict=True)
        except msgspec.DecodeError as error:
            raise PolicyError("the file", str(error)) from error
        except ImportError as error:
            raise PolicyError("the file", "YAML is read by PyYAML: pip install pyyaml") from error
        return cls(
            level=level or held.level, actions=held.actions, keys=held.keys, allow=held.allow, deny=held.deny,
            rules=[rule.rule() for rule in held.rules], key=key.encode(), examples=held.examples,
            names=held.names,
        )  # fmt: skip

    def find(self, text: str) -> list[Finding]:
        """What in `text` this policy takes away, in order and without overlaps."""
        if self.level == "off":
            return []
        found = find(text)
        if self.level == "secrets":
            found = [finding for finding in found if finding.type == "SECRET"]
        own = [finding for rule in self._own for finding in rule(text)]
        if own:
            found = apart([*found, *own])
        if found and self.level != "strict":
            found = [
                one for one in found if not (one.type == "IP_ADDRESS" and _LOOPBACK.fullmatch(text, one.start, one.end))
            ]
        if found and self._allowed is not None:
            found = [one for one in found if not self._allowed.fullmatch(text, one.start, one.end)]
        return found

    def redact(self, text: str) -> str:
        """`text` without what `find` finds; the same object when that is nothing."""
        findings = self.find(text)
        return self.replaced(text, findings) if findings else text

    def replaced(self, text: str, findings: Sequence[Finding], *, action: Action | None = None) -> str:
        """`text` with each of `findings` replaced as its type (or `action`) demands."""
        pieces: list[str] = []
        at = 0
        for finding in findings:
            pieces += (
                text[at : finding.start],
                self._replacement(text[finding.start : finding.end], finding.type, action),
            )
            at = finding.end
        return "".join((*pieces, text[at:]))

    def action_of(self, key: str) -> Action | None:
        """What is to be done with the attribute `key`, whatever is in it; None when its value decides."""
        for pattern, action in self._keys:
            if pattern.match(key):
                return action
        return None

    def lets_pass(self, key: str, type_: str) -> bool:
        """Whether a value of `type_` belongs under `key`: where the service runs is no secret of a person."""
        return type_ in _ADDRESSES and key in OWN_ADDRESSES and self.level != "strict"

    @property
    def plain(self) -> bool:
        """Whether a text without built-in findings has none at all."""
        return not self._own

    def _replacement(self, value: str, type_: str, action: Action | None) -> str:
        chosen = action or self.actions.get(type_) or self.actions.get("default", "placeholder")
        if chosen == "hash":
            return f"<{type_}:{self._hash(value)}>"
        if chosen == "mask" and type_ != "SECRET":
            return _masked(value)
        if chosen == "keep":
            return value
        return "" if chosen == "drop" else f"<{type_}>"

    def _hash(self, value: str) -> str:
        """The same for `+1 (212) 555-0187` and `+12125550187`, in letters only."""
        bare = value.lower() if "@" in value else "".join(filter(str.isalnum, value)).upper() or value
        digest = hashlib.blake2b(bare.encode("utf-8", "replace"), key=self.key[:64], digest_size=8)
        return digest.hexdigest().translate(_LETTERS)

    @cached_property
    def _own(self) -> tuple[Callable[[str], Iterator[Finding]], ...]:
        made = [_compiled(rule) for rule in self.rules]
        if self.names is not None:
            made.append(_namer(self.names))
        if self.deny:
            made.append(_searcher(_either(self.deny, "deny", whole=False), "DENIED", "deny"))
        if self.level == "strict":
            made.append(_searcher(_LONG_NUMBER, "NUMBER", "strict"))
        return tuple(made)

    @cached_property
    def _allowed(self) -> re.Pattern[str] | None:
        return _either(self.allow, "allow", whole=True) if self.allow else None

    @cached_property
    def _keys(self) -> tuple[tuple[re.Pattern[str], Action], ...]:
        return tuple((re.compile(translate(name)), action) for name, action in self.keys.items())


class _FileRule(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    type: str
    regex: str | None = None
    words: Sequence[str] = ()
    function: str | None = None

    def rule(self) -> Rule:
        return Rule(name=self.name, type=self.type, regex=self.regex, words=self.words, function=self.function)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    level: Level = "standard"
    actions: dict[str, Action] = {}
    keys: dict[str, Action] = {}
    allow: list[str] = []
    deny: list[str] = []
    rules: list[_FileRule] = []
    examples: list[Example] = []
    names: str | None = None


def _masked(value: str) -> str:
    """Stars for all letters and digits but the last four; for all of a short value and of an address."""
    seen = sum(map(str.isalnum, value))
    hidden = seen if seen < _LONG_ENOUGH or "@" in value else seen - _UNMASKED
    shown: list[str] = []
    for char in value:
        if char.isalnum():
            shown.append("*" if hidden > 0 else char)
            hidden -= 1
        else:
            shown.append(char if char in " -" else "*")
    return "".join(shown)


def _compiled(rule: Rule) -> Callable[[str], Iterator[Finding]]:
    place = f"rule {rule.name!r}"
    if sum((rule.regex is not None, bool(rule.words), rule.function is not None)) != 1:
        raise PolicyError(place, "it needs exactly one of regex, words and function")
    if re.fullmatch("[A-Z][A-Z0-9_]*", rule.type) is None:
        raise PolicyError(place, f"its type {rule.type!r} is no word in capitals such as EMPLOYEE_ID")
    if rule.function is not None:
        return _caller(_callable(rule.function, place), rule)
    if rule.words:
        return _searcher(_either(rule.words, place, whole=False), rule.type, rule.name)
    return _searcher(_pattern(rule.regex or "", place), rule.type, rule.name)


def _pattern(regex: str, place: str) -> re.Pattern[str]:
    try:
        found = re.compile(regex)
    except re.error as error:
        raise PolicyError(place, f"its regular expression {regex!r} is wrong: {error}") from error
    if found.match("") is not None:
        raise PolicyError(place, f"its regular expression {regex!r} matches nothing at all, thus everywhere")
    return found


def is_regex(value: str) -> bool:
    """Whether a value of a list is one `/between slashes/`."""
    return value[:1] == value[-1:] == "/" and value.strip("/") != ""


def _either(values: Sequence[str], place: str, *, whole: bool) -> re.Pattern[str]:
    parts = []
    for value in values:
        if is_regex(value):
            parts.append(_pattern(value[1:-1], place).pattern)
        elif value:
            parts.append(re.escape(value) if whole else rf"(?<![^\W_]){re.escape(value)}(?![^\W_])")
        else:
            raise PolicyError(place, "there is an empty value in it")
    return re.compile("|".join(f"(?:{part})" for part in parts), re.IGNORECASE)


def _searcher(pattern: re.Pattern[str], type_: str, name: str) -> Callable[[str], Iterator[Finding]]:
    group = 1 if pattern.groups else 0

    def found(text: str) -> Iterator[Finding]:
        for match in pattern.finditer(text):
            which = group if match.start(group) >= 0 else 0
            if match.end(which) > match.start(which):
                yield Finding(match.start(which), match.end(which), type_, name)

    return found


def _caller(function: Callable[[str], Iterable[tuple[int, int]]], rule: Rule) -> Callable[[str], Iterator[Finding]]:
    def found(text: str) -> Iterator[Finding]:
        for start, end in function(text):
            if not 0 <= start < end <= len(text):
                raise PolicyError(
                    f"rule {rule.name!r}", f"its function says ({start}, {end}) of {len(text)} characters"
                )
            yield Finding(start, end, rule.type, rule.name)

    return found


def _namer(model: Any) -> Callable[[str], Iterator[Finding]]:
    if isinstance(model, str):
        make = _callable(model, "names")
        try:
            model = make()  # type: ignore[call-arg]
        except Exception as error:  # the user's code may raise anything, and all of it means that there is no model
            raise PolicyError("names", f"{model!r} raised {type(error).__name__}: {error}") from error
    try:
        found = names(model)
    except TypeError as error:
        raise PolicyError("names", str(error)) from error
    # A word alone has nothing round it that a model could tell a name by, and most attributes are one.
    return lambda text: found(text) if " " in text.strip() or not text.isascii() else iter(())


def _callable(function: Any, place: str) -> Callable[[str], Iterable[tuple[int, int]]]:
    if not isinstance(function, str):
        return function  # type: ignore[no-any-return]
    module, _, name = function.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise PolicyError(place, f"its function {function!r} can't be imported: {error}") from error
    if not callable(found):
        raise PolicyError(place, f"its function {function!r} can't be called")
    return found  # type: ignore[no-any-return]
