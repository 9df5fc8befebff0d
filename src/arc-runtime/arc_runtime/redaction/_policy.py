"""What becomes of findings: placeholders, keyed hashes, masks; by type and by key; what is let through, what never is.

A policy is immutable. `Policy.from_file` reads one from YAML; what can't be read is a `PolicyError` that names the
place, never a guess.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fnmatch import translate
from functools import cached_property
from pathlib import Path
from threading import local
from typing import Any, Final, Literal, Self, get_args

import msgspec

from arc_runtime.redaction._custom import Finder, PolicyError, Rule, allowed, compiled, denied, namer, searcher
from arc_runtime.redaction._engine import apart, find
from arc_runtime.redaction._finding import Finding

__all__ = ["OWN_ADDRESSES", "Action", "Example", "Level", "Policy"]

Level = Literal["off", "secrets", "standard", "strict"]
Action = Literal["placeholder", "hash", "mask", "drop", "keep"]

_LETTERS: Final = str.maketrans("0123456789", "ghijklmnop")
_UNMASKED: Final = 4
_LONG_ENOUGH: Final = 8
_LONGEST_KEY: Final = 64
_LARGEST: Final = 16 * 1024 * 1024
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
        if self.actions:
            self._check_types()

    @classmethod
    def from_file(cls, path: Path | None, *, level: Level | None = None, key: str = "") -> Self:
        """The policy in the YAML (or JSON) file at `path`, the plain one for None; `level` wins over the file's.

        Raises PolicyError.
        """
        if path is None:
            return cls(level=level or "standard", key=_bytes(key))
        try:
            with path.open("rb") as file:
                raw = file.read(_LARGEST + 1)
        except OSError as error:
            raise PolicyError(str(path), f"it can't be read: {error.strerror}") from error
        if len(raw) > _LARGEST:
            raise PolicyError(str(path), f"it is larger than {_LARGEST} bytes")
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
        except Exception as error:  # PyYAML lets through what its constructors raise: of `2020-99-99`, a ValueError
            raise PolicyError("the file", f"{type(error).__name__}: {error}") from error
        if (twice := _said_twice(raw)) is not None:
            raise PolicyError("the file", f"{twice!r} is in it twice, of which YAML takes the last; make them one")
        if held.level is True:
            raise PolicyError("level", f"true is none of {', '.join(get_args(Level))}")
        return cls(
            level=level or held.level or "off", actions=held.actions, keys=held.keys, allow=held.allow, deny=held.deny,
            rules=[rule.rule() for rule in held.rules], key=_bytes(key), examples=held.examples,
            names=held.names,
        )  # fmt: skip

    def find(self, text: str) -> list[Finding]:
        """What in `text` this policy takes away, in order and without overlaps."""
        if self.level == "off":
            return []
        found = find(text)
        if self.level == "secrets":
            found = [finding for finding in found if finding.type == "SECRET"]
        if self._own:
            own = self._asked(text)
            found = apart([*found, *own]) if own else found
        if found and self.level != "strict":
            found = [
                one for one in found if not (one.type == "IP_ADDRESS" and _LOOPBACK.fullmatch(text, one.start, one.end))
            ]
        if found and self._allowed is not None:
            found = [one for one in found if not self._allowed(text[one.start : one.end])]
        if found and self._keeps:
            found = [one for one in found if self._action(one.type) != "keep"]
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
        chosen = action or self._action(type_)
        if chosen == "hash":
            return f"<{type_}:{self._hash(value)}>"
        if chosen == "mask" and type_ != "SECRET":
            return _masked(value)
        if chosen == "keep":
            return value
        return "" if chosen == "drop" else f"<{type_}>"

    def _action(self, type_: str) -> Action:
        return self.actions.get(type_) or self.actions.get("default", "placeholder")

    def _hash(self, value: str) -> str:
        """The same for `+1 (212) 555-0187` and `+12125550187`, in letters only."""
        bare = value.lower() if "@" in value else "".join(filter(str.isalnum, value)).upper() or value
        key = self.key if len(self.key) <= _LONGEST_KEY else hashlib.blake2b(self.key).digest()
        digest = hashlib.blake2b(bare.encode("utf-8", "replace"), key=key, digest_size=8)
        return digest.hexdigest().translate(_LETTERS)

    def _asked(self, text: str) -> list[Finding]:
        """What rules of the user's find, who may log or trace: that is not read by them again, but for ever."""
        if getattr(self._asking, "now", False):
            raise PolicyError("rules", "one of them ends a span or logs, which it would have to read itself")
        self._asking.now = True
        try:
            return [finding for rule in self._own for finding in rule(text)]
        finally:
            self._asking.now = False

    def _check_types(self) -> None:
        # Imported where they are needed: they bring in all the rules, and most programs have no actions.
        from difflib import get_close_matches

        from arc_runtime.redaction._types import known_types

        known = known_types() | {rule.type for rule in self.rules} | {"default"}
        for type_ in self.actions:
            if type_ not in known:
                near = get_close_matches(type_.upper(), known, 1, 0)[0]
                raise PolicyError(f"actions.{type_}", f"there is no such type; is it {near}?")

    @cached_property
    def _asking(self) -> local:
        return local()

    @cached_property
    def _keeps(self) -> bool:
        return "keep" in self.actions.values()

    @cached_property
    def _own(self) -> tuple[Finder, ...]:
        made = [compiled(rule) for rule in self.rules]
        if self.names is not None:
            made.append(namer(self.names))
        if self.deny:
            made.append(denied(self.deny))
        if self.level == "strict":
            made.append(searcher(_LONG_NUMBER, "NUMBER", "strict"))
        return tuple(made)

    @cached_property
    def _allowed(self) -> Callable[[str], bool] | None:
        return allowed(self.allow) if self.allow else None

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
    level: Level | bool = "standard"
    """False is what YAML 1.1 makes of `off`."""
    actions: dict[str, Action] = {}
    keys: dict[str, Action] = {}
    allow: list[str] = []
    deny: list[str] = []
    rules: list[_FileRule] = []
    examples: list[Example] = []
    names: str | None = None


def _said_twice(raw: bytes | str) -> str | None:
    """A key that a mapping in `raw`, which was read already, has more than once."""
    import yaml

    nodes = [yaml.compose(raw, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, yaml.MappingNode):
            keys = Counter(str(key.value) for key, _ in node.value)
            if keys.total() > len(keys):
                return keys.most_common(1)[0][0]
            nodes += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            nodes += node.value
    return None


def _bytes(key: str) -> bytes:
    # Bytes of the environment that are no UTF-8 come as halves of surrogate pairs.
    return key.encode("utf-8", "surrogateescape")


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
