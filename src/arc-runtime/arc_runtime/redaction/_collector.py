"""The rules as configuration of an OpenTelemetry Collector: its transform and its redaction processor.

A Collector's regular expressions cost some 40 ns a byte and more where they begin with anything but plain letters. So the
texts of a span are put together once and asked for clues, which mostly begin with plain letters; a rule runs where one of
its clues is there.

Regular expressions can't check digits or weigh words, so these are fewer and find more than `find` does where a form is
all there is, and nothing where the form says little. They are in RE2's syntax, which is that of Go's `regexp`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import translate
from typing import Final, NamedTuple

from arc_runtime.redaction._credentials import CREDENTIALS
from arc_runtime.redaction._custom import PolicyError, Rule, is_regex
from arc_runtime.redaction._mixed import IBAN_LENGTHS, MIXED
from arc_runtime.redaction._national import NUMBERS
from arc_runtime.redaction._policy import OWN_ADDRESSES, Policy

__all__ = ["CollectorRule", "collector_config", "collector_rules"]


class CollectorRule(NamedTuple):
    """What a Collector replaces."""

    type: str
    pattern: str
    """In RE2's syntax."""
    replacement: str
    """What is put in its place; `${1}` is the first group."""
    clues: tuple[str, ...] = ()
    """One of them is in every text that the rule replaces something in; none: it is always asked. Those that begin with
    `(?i)` are compared with the text in small letters; those that begin with `\\b` only where `_DENSE_TEXT` is."""
    left: str = ""
    """What no replaced text matches; the pattern unless told."""
    forms: tuple[str, ...] = ()
    """Of a number: `9` is a digit, `A` a capital letter, a blank what may be between."""


_ADDRESSES: Final = ("IP_ADDRESS", "MAC_ADDRESS")
_EDGE: Final = r"(?:\b|\\+[nrt])"
"""Where a word begins, behind an escape too."""
_OPEN_FROM: Final = 100
"""Repetitions bounded so high have no bound here: RE2 allows no more than 1,000, and writes them all out."""
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_NOT_LOOPBACK: Final = "(?:25[0-4]|2[0-4][0-9]|1[013-9][0-9]|12[0-689]|[1-9][0-9]|[1-9])"
_HEX: Final = "[0-9A-Fa-f]"
_FOREIGN: Final = r"\x{80}-\x{10FFFF}"
_WORD: Final = f"0-9A-Za-z_{_FOREIGN}"
# Written with a look at what follows, which RE2 has not: a digit among the first characters.
_OPENAI: Final = r"sk-(?:[A-Za-z0-9_-]{0,40}[0-9][A-Za-z0-9_-]{15,}|[A-Za-z]{40,})"
_SIXTEEN: Final = "(?:4[0-9]{3}|5[1-5][0-9]{2}|2[2-7][0-9]{2}|6011|65[0-9]{2}|64[4-9][0-9]|35[2-8][0-9]|62[0-9]{2})"  # of the first four
_FIFTEEN: Final = (
    "3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5}|3(?:0[0-5]|[689][0-9])[0-9][ -]?[0-9]{6}[ -]?[0-9]{4}"  # and of fourteen
)
_BORN: Final = (
    r"(?i)\b(dob|date of birth|birth[ _]?da(?:y|te)|born|geburtsdatum|geboren|naissance|nacimiento|nascita|nascimento)"
    r"([^0-9A-Za-z]{1,6}|[^0-9A-Za-z]{1,3}(?:on|am|le|el|il)[^0-9A-Za-z]{1,3})"
    r"(?:(?:19|20)[0-9]{2}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.](?:[0-9]{4}|[0-9]{2}))\b"
)
_CARD: Final = rf"(?:{_SIXTEEN}(?:[ -]?[0-9]{{4}}){{3}}|{_FIFTEEN})\b"
_SSN: Final = r"\b(?:00[1-9]|0[1-9][0-9]|[1-578][0-9]{2}|6[0-57-9][0-9]|66[0-57-9])[- ][0-9]{2}[- ][0-9]{4}\b"
_ITIN: Final = r"\b9[0-9]{2}[- ][5-9][0-9][- ][0-9]{4}\b"
_HETU: Final = r"\b[0-3][0-9][01][0-9]{3}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]\b"
_DIGITS: Final = (rf"(?:\b{_CARD}|{_SSN}|{_ITIN}|{_HETU})",)
_COINS: Final = (
    "0x[0-9a-fA-F]{40}", "[13][1-9A-HJ-NP-Za-km-z]{25}",
    *(f"{coin}[02-9ac-hj-np-z]{{25}}" for coin in ("bc1", "tb1", "ltc1", "addr1", "cosmos1", "osmo1")),
)  # fmt: skip
# `.` where the small letter s may be written as its old long form, which lower case leaves as it is.
_BEARER: Final = ("(?i)bearer", r"(?i)ba.ic\s")
_BIRTH: Final = (
    "(?i)dob", "(?i)birth", "(?i)born", "(?i)gebur", "(?i)geboren", "(?i)nai..ance", "(?i)nacimiento", "(?i)na.ci(?:ta|mento)",
)  # fmt: skip
_COOKIE: Final = r"(?i)\b(set-cookie|cookie)(\"?\s?[:=]\s?\"?)"
_IP4: Final = r"\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"
_PLAIN: Final = (
    CollectorRule("SECRET", r"://[^\s:/?#@\"'<>\\|{}]{0,128}:[^\s/?#@\"'<>\\{}]{1,256}@", "://<SECRET>@", ("@",)),
    CollectorRule("SECRET", r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{20,}", "${1} <SECRET>", _BEARER),
    CollectorRule("SECRET", rf"{_COOKIE}[^\r\n\"'\\]{{8,}}", "${1}${2}<SECRET>", ("(?i)cookie",), rf"{_COOKIE}[^\r\n\"'\\<][^\r\n\"'\\]{{7,}}"),
    CollectorRule("EMAIL", rf"[{_WORD}.!#$*+^{{}}~'-]+@(?:[{_WORD}-]+\.)+(?:xn--[a-z0-9-]{{2,}}|[A-Za-z{_FOREIGN}]{{2,}})", "", ("@",)),
    CollectorRule("CARD", rf"(^|[^\w.]){_CARD}", "${1}<CARD>", _DIGITS),
    CollectorRule("US_SSN", _SSN, "", _DIGITS),
    CollectorRule("US_ITIN", _ITIN, "", _DIGITS),
    CollectorRule("CRYPTO", r"\b(?:0x[0-9a-fA-F]{40}|[13][1-9A-HJ-NP-Za-km-z]{25,34}|(?:bc1|tb1|ltc1|addr1|cosmos1|osmo1)[02-9ac-hj-np-z]{25,110})\b", "", _COINS),
    CollectorRule("IP_ADDRESS", rf"\b{_NOT_LOOPBACK}(?:\.{_OCTET}){{3}}\b(?:/[0-9]{{1,2}}\b)?", "", (_IP4,)),
    CollectorRule("IP_ADDRESS", rf"\b(?:(?:{_HEX}{{1,4}}:){{7}}{_HEX}{{1,4}}|(?:{_HEX}{{1,4}}:){{2,6}}(?::{_HEX}{{1,4}}){{1,5}})\b(?:/[0-9]{{1,3}}\b)?", "", (rf":{_HEX}{{1,4}}:",)),
    CollectorRule("MAC_ADDRESS", rf"\b{_HEX}{{2}}(?:(?::{_HEX}{{2}}){{5}}|(?:-{_HEX}{{2}}){{5}})\b", "", (rf":{_HEX}{{2}}:{_HEX}{{2}}:", rf"-{_HEX}{{2}}-{_HEX}{{2}}-")),
    CollectorRule("FI_PERSONAL_IDENTITY_CODE", _HETU, "", _DIGITS),
    CollectorRule("DATE_OF_BIRTH", _BORN, "${1}${2}<DATE_OF_BIRTH>", _BIRTH),
    CollectorRule("PHONE", r"\+[1-9](?:[ .()-]{0,2}[0-9]){7,14}\b", "", (r"\+[1-9](?:[ .()-]{0,2}[0-9]){7}",)),
)  # fmt: skip
# Of the forms that begin with no letters of their own, or with too common ones.
_CLUES: Final = {
    "azure-ad-secret": ("Q~[A-Za-z0-9_~.-]{31}",),
    "terraform-token": (r"\.atlasv1\.",),
    "harness-token": (r"at\.[A-Za-z0-9_-]{22}\.",),
    "langfuse-key": ("k-lf-",),
    "sourcegraph-token": ("sgp_", "slk_"),
    "slack-webhook": (r"hooks\.slack\.com/",),
    "discord-webhook": ("/api/webhooks/",),
    "teams-webhook": (r"\.webhook\.office\.com/",),
    "stripe-key": ("k_(?:live|test|prod)_[A-Za-z0-9]{10}",),
    "mailgun-key": ("key-[0-9a-f]{32}",),
    "mailgun-signing-key": ("-[0-9a-f]{8}-[0-9a-f]{8}",),
    "mailchimp-key": ("-us[0-9]",),
    "brevo-key": ("sib-[0-9a-f]{64}",),
    "lob-key": ("live_(?:pub_)?[0-9a-f]{30}", "test_(?:pub_)?[0-9a-f]{30}"),
    "mapbox-token": (r"k\.[A-Za-z0-9]{40}",),
    "maxmind-key": ("_[A-Za-z0-9]{29}_mmk",),
    "authress-key": (r"\.acc[_-]",),
}
_DENSE_TEXT: Final = "[0-9A-Z](?:[ .()+-]{0,2}[0-9A-Z]){8}"
"""Numbers of nine signs and more; one look for what a dozen of looks ask for more exactly."""
_IBAN: Final = r"\b[A-Z]{2}[0-9]{2}(?:[ -]?[0-9A-Z]){11}"
_SIGNS: Final = {"9": "[0-9]", "A": "[A-Z]", " ": "[ .-]"}
_KEY_ENDS: Final = r'"\n|is|\n"'
_VALUE_ENDS: Final = r'"\n|and|\n"'
"""Between texts that are put together, so that no rule finds something in two of them."""
_KEYS: Final = (
    r"(?i)(?:^|[._-])(?:passw(?:or)?d|passphrase|pwd|secret|(?:api|access|secret|private)[._-]?key|"
    r"(?:access|refresh|auth|bearer|session)[._-]?token|authorization|cookie|set-cookie|ssn)$"
)
"""Keys whose value is a secret, whatever it looks like."""
_IN_KEYS: Final = frozenset(("EMAIL", "CARD", "PHONE", "US_SSN"))
"""What people are told apart by, and so what maps are keyed by; other rules look at values alone."""
_TOGETHER: Final = 10
"""How many forms of credentials are one regular expression: all together grow out of what RE2 keeps in memory."""
_TELLING: Final = 3
"""In how many groups a number is, at least, whose writing tells it."""
_LONG_ENOUGH: Final = 10
_SHOWS: Final = 7.0
"""How much a form with letters proves that is worth exporting."""
_LOOKS: Final = re.compile(r"\(\?(?:[=!]|<[=!])")
_AT_END: Final = "(?![A-Za-z0-9])"
_BOUNDS: Final = re.compile(r"\{([0-9]+),([0-9]+)\}")


def collector_rules(policy: Policy) -> list[CollectorRule]:
    """What of `policy` a Collector can do; PolicyError names a rule whose regular expression RE2 has not."""
    if policy.level == "off":
        return []
    rules = [rule for rule in _built_in() if policy.level != "secrets" or rule.type == "SECRET"]
    if policy.level == "strict":
        rules.append(CollectorRule("NUMBER", r"(^|[^\w.])[0-9](?:[ .\-/]?[0-9]){5,30}\b", "${1}<NUMBER>"))
    rules += (_of(rule) for rule in policy.rules if rule.function is None)
    if policy.deny:
        rules.append(CollectorRule("DENIED", _either(policy.deny, "deny"), ""))
    found = []
    for rule in rules:
        action = policy.actions.get(rule.type) or policy.actions.get("default", "placeholder")
        if action != "keep":
            put_in = rule.replacement or f"<{rule.type}>"
            found.append(
                rule._replace(replacement=put_in.replace(f"<{rule.type}>", "") if action == "drop" else put_in)
            )
    return found


def collector_config(policy: Policy) -> str:
    """`policy` as the `processors` section of a Collector's configuration, in YAML.

    The transform processor puts placeholders into values, `transform/arc`; the redaction processor, `redaction/arc`, masks
    what stands under a telling key. Raises PolicyError.
    """
    rules = collector_rules(policy)
    functions = [rule.name for rule in policy.rules if rule.function is not None]
    hidden = [pattern for pattern, action in _keys(policy) if action not in ("keep", "drop")]
    kept = [pattern for pattern, action in _keys(policy) if action == "keep"]
    if policy.level == "standard":
        kept.append(f"^(?:{'|'.join(_quoted(key) for key in sorted(OWN_ADDRESSES))})$")
    # A resource says where the service runs.
    elsewhere = [rule for rule in rules if rule.type not in _ADDRESSES]
    around = [
        *_group(_statements(policy, elsewhere, _Place("resource"))),
        *_group(_statements(policy, rules, _Place("scope", ("name",)))),
    ]
    lines = [
        "# Rules of Arc's redaction for an OpenTelemetry Collector 0.130 or later, as a second line of defence: there are no",
        "# check digits and no words beside a number here. In each pipeline, both: processors: [transform/arc, redaction/arc].",
        *(f"# Left out: the rule {name!r}, which is a function." for name in functions),
        "processors:",
        "  transform/arc:",
        "    error_mode: propagate  # what could not be redacted is not sent on",
        *_signal(
            "trace",
            *around,
            *_group(_aside("span", policy, _statements(policy, rules, _Place("span", ("name", "status.message"))))),
            *_group(_statements(policy, rules, _Place("spanevent", ("name",)))),
        ),
        *_signal("log", *around, *_group(_aside("log", policy, _statements(policy, rules, _Place("log", ("body",)))))),
        *_signal(
            "metric", *around, *_group(_aside("datapoint", policy, _statements(policy, rules, _Place("datapoint"))))
        ),
        "  redaction/arc:",
        "    allow_all_keys: true",
        "    redact_all_types: true",
        "    summary: silent",
        *_listed("blocked_key_patterns", [*hidden, *([_KEYS] if policy.level != "off" else [])]),
        *_listed("ignored_key_patterns", kept),
        *_listed("allowed_values", [f"^(?i:{_re2(one, 'allow')})$" for one in map(_form, policy.allow)]),
    ]
    return "\n".join(lines) + "\n"


def _signal(name: str, *groups: str) -> Iterator[str]:
    # A list that is left empty is null in YAML, which a Collector refuses.
    yield f"    {name}_statements:" if groups else f"    {name}_statements: []"
    yield from groups


def _built_in() -> Iterator[CollectorRule]:
    for at in range(0, len(CREDENTIALS), _TOGETHER):
        kinds = CREDENTIALS[at : at + _TOGETHER]
        forms = [_credential(kind.rule, kind.form) for kind in kinds]
        clues = [
            clue
            for kind, form in zip(kinds, forms, strict=True)
            for clue in _CLUES.get(kind.rule, (form.removeprefix(_EDGE),))
        ]
        yield CollectorRule("SECRET", "|".join(f"(?:{form})" for form in forms), "", tuple(clues))
    yield from _PLAIN
    ibans = "|".join(f"{country}[0-9]{{2}}(?:[ -]?[0-9A-Z]){{{size - 4}}}" for country, size in IBAN_LENGTHS.items())
    yield CollectorRule("IBAN", rf"\b(?:{ibans})\b", "", (_IBAN,))
    lettered: dict[str, list[str]] = {}
    for form, found in MIXED.items():
        if found[0].bits >= _SHOWS and " " not in form:
            lettered.setdefault(found[0].type, []).append(form)
    yield from _numbers(lettered)
    grouped: dict[str, list[str]] = {}
    seen: set[tuple[int, ...]] = {(3, 2, 4)}
    for number in NUMBERS:
        for shape in number.shapes:
            if not _is_common(shape) and shape not in seen:
                seen.add(shape)
                grouped.setdefault(number.type, []).append(" ".join("9" * size for size in shape))
    yield from _numbers(grouped)


def _numbers(forms: Mapping[str, Sequence[str]]) -> Iterator[CollectorRule]:
    clue = rf"\b{_tree([form for found in forms.values() for form in found])}\b"
    for kind, found in forms.items():
        yield CollectorRule(kind, rf"\b{_tree(found)}\b", "", (clue,), forms=tuple(found))


def _tree(forms: Iterable[str]) -> str:
    """A regular expression for all of `forms`, which says what they begin with but once; the longest is found."""
    rests: dict[str, set[str]] = {}
    for form in forms:
        rests.setdefault(form[:1], set()).add(form[1:])
    ends = rests.pop("", None) is not None
    parts = []
    for sign, behind in sorted(rests.items()):
        times, rest = 1, behind
        while len(rest) == 1 and (only := next(iter(rest))).startswith(sign):
            times, rest = times + 1, {only[1:]}
        parts.append(_SIGNS[sign] + (f"{{{times}}}" if times > 1 else "") + _tree(rest))
    if not parts:
        return ""
    return "|".join(parts) if len(parts) == 1 and not ends else f"(?:{'|'.join(parts)}){'?' if ends else ''}"


def _is_common(shape: Sequence[int]) -> bool:
    """Whether other numbers are written so too: with a mark at each thousand, as a date, a phone, in fours."""
    return (
        len(shape) < _TELLING
        or set(shape[1:]) == {3}
        or set(shape) == {4}
        or sum(shape) < _LONG_ENOUGH
        or shape in {(3, 3, 4), (4, 3, 3)}
    )


def _credential(rule: str, form: str) -> str:
    if rule == "openai-key":
        return _EDGE + _OPENAI
    bare = _re2(form, f"rule {rule!r}")
    begins = re.match(r"(?:\(\?:)*(?:[A-Za-z0-9]|\[[A-Za-z0-9-]*\])", bare)
    return (_EDGE if begins else "") + bare


def _re2(form: str, place: str) -> str:
    """`form` without looks ahead and behind, which RE2 has not, and without bounds that it refuses."""
    form = form.replace(r"(?:(?!-----)[\s\S])", "(?:[^-]|-{1,4}[^-])")
    while (look := _LOOKS.search(form)) is not None:
        end = _closing(form, look.start())
        group = form[look.start() : end]
        form = form[: look.start()] + (r"\b" if group == _AT_END else "") + form[end:]
    form = _BOUNDS.sub(lambda found: found.group() if int(found[2]) < _OPEN_FROM else f"{{{found[1]},}}", form)
    if re.search(r"(?<!\\)(?:\\\\)*\\[1-9]|\(\?P=|\(\?>|\(\?\(|[*+?}]\+", form):
        raise PolicyError(place, f"its regular expression {form!r} has what a Collector's has not; leave it to Arc")
    return form


def _closing(form: str, at: int) -> int:
    """Where the group ends that begins at `at`."""
    depth, inside, index = 0, False, at
    while index < len(form):
        char = form[index]
        if char == "\\":
            index += 1
        elif inside:
            inside = char != "]"
        elif char == "[":
            inside = True
            index += form[index + 1 : index + 2] in ("]", "^")
        elif char in "()":
            depth += 1 if char == "(" else -1
            if depth == 0:
                return index + 1
        index += 1
    return len(form)


def _of(rule: Rule) -> CollectorRule:
    place = f"rule {rule.name!r}"
    if rule.words:
        return CollectorRule(rule.type, _either(rule.words, place), "")
    form = _re2(rule.regex or "", place)
    return CollectorRule(rule.type, form, "", (), f"(?m:{form})")


def _form(value: str) -> str:
    return value[1:-1] if is_regex(value) else _quoted(value)


def _quoted(value: str) -> str:
    return re.sub(r"[\\.+*?()|\[\]{}^$]", r"\\\g<0>", value)


def _either(values: Sequence[str], place: str) -> str:
    parts = []
    for value in values:
        form = _re2(_form(value), place)
        parts.append(form if form != _quoted(value) else rf"{_edge(value[0])}{form}{_edge(value[-1])}")
    return f"(?i:{'|'.join(parts)})"


def _edge(char: str) -> str:
    return r"\b" if char.isascii() and char.isalnum() else ""


def _keys(policy: Policy) -> Iterator[tuple[str, str]]:
    for name, action in policy.keys.items():
        # `(?s:...)\Z` of Python is `(?s:...)\z` of RE2.
        yield "^" + translate(name).replace(r"\Z", r"\z").replace(r"(?>.*?", "(?:.*?"), action


class _Place(NamedTuple):
    """Where statements find text, and what they keep while they look."""

    where: str
    texts: tuple[str, ...] = ()

    @property
    def attributes(self) -> str:
        return f"{self.where}.attributes"

    def kept(self, name: str) -> str:
        return f'{self.where}.cache["{name}"]'

    def has(self, pattern: str) -> str:
        return f"IsMatch({self.kept('text')}, {_literal(pattern)})"

    def taken_in(self) -> Iterator[str]:
        """The other texts, put among the attributes: so each rule is asked once."""
        for text in self.texts:
            yield f'set({self.attributes}["arc:{text}"], {self.where}.{text}) where IsString({self.where}.{text})'

    def put_back(self) -> Iterator[str]:
        for text in self.texts:
            held = f'{self.attributes}["arc:{text}"]'
            yield f"set({self.where}.{text}, {held}) where {held} != nil"
            yield f'delete_key({self.attributes}, "arc:{text}")'

    def read(self, condition: str = "") -> Iterator[str]:
        """Everything that is text here, or can be written so, put together."""
        also = f" where {condition}" if condition else ""
        flat = self.kept("flat")
        yield f"set({flat}, {self.attributes}){also}"
        if "body" in self.texts:
            also_body = f" and {condition}" if condition else ""
            yield f'set({flat}["arc:body"], {self.where}.body) where not IsString({self.where}.body){also_body}'
        yield f"flatten({flat}, resolveConflicts=true){also}"
        yield f"set({self.kept('text')}, ToKeyValueString({flat}, {_KEY_ENDS}, {_VALUE_ENDS})){also}"

    def read_as_it_stands(self) -> str:
        """What flattening may have lost, of two attributes that come to one key: put to the text too."""
        text, flat = self.kept("text"), self.kept("flat")
        plain = f"ToKeyValueString({self.attributes}, {_KEY_ENDS}, {_VALUE_ENDS})"
        return f"set({text}, Concat([{text}, {plain}], {_VALUE_ENDS})) where {flat} != {self.attributes}"

    def flatten(self, condition: str) -> Iterator[str]:
        """Lists and maps made flat, so that rules reach what is in them."""
        yield f"flatten({self.attributes}, resolveConflicts=true) where {condition}"
        if "body" in self.texts:
            body, held = f"{self.where}.body", self.kept("body")
            where = f" where {condition} and not IsString({body}) and {body} != nil"
            yield f'set({held}["body"], {body}){where}'
            yield f"flatten({held}, resolveConflicts=true){where}"
            yield f"set({body}, {held}){where}"

    def replace(self, rule: CollectorRule, condition: str, part: str = "value") -> Iterator[str]:
        words = f'"{part}", {_literal(rule.pattern)}, {_literal(rule.replacement)}'
        yield f"replace_all_patterns({self.attributes}, {words}) where {condition}"
        if "body" in self.texts:
            yield f"replace_all_patterns({self.where}.body, {words}) where IsMap({self.where}.body) and {condition}"


def _statements(policy: Policy, rules: Sequence[CollectorRule], place: _Place) -> Iterator[str]:
    for pattern, action in _keys(policy):
        if action == "drop":
            yield f"delete_matching_keys({place.attributes}, {_literal(pattern)})"
    if rules:
        yield from _redacted(rules, place)


def _redacted(rules: Sequence[CollectorRule], place: _Place) -> Iterator[str]:
    """Replace text where it stands.

    What still is there then stands in lists and maps, which are made flat, or is a number, which is made text.
    """
    flags = {clues: place.kept(f"clue {at}") for at, clues in enumerate(dict.fromkeys(rule.clues for rule in rules))}
    found, left, still = _is(place.kept("found")), _is(place.kept("left")), _is(place.kept("still"))
    yield from place.taken_in()
    yield from place.read()
    yield place.read_as_it_stands()
    yield f'set({place.kept("lower")}, ConvertCase({place.kept("text")}, "lower"))'
    yield f"set({place.kept('dense')}, true) where {place.has(_DENSE_TEXT)}"
    for clues, flag in flags.items():
        yield f"set({flag}, true)" + (f" where {' or '.join(_asked(place, clue) for clue in clues)}" if clues else "")
    for rule in rules:
        yield from place.replace(rule, _is(flags[rule.clues]))
    yield f"set({place.kept('found')}, true) where {' or '.join(map(_is, flags.values()))}"
    yield from place.read(found)
    rules = _numbers_merged(rules)
    again = " or ".join(f"{_is(flags[rule.clues])} and {place.has(rule.left or rule.pattern)}" for rule in rules)
    yield f"set({place.kept('left')}, true) where {again}"
    yield from place.flatten(left)
    for rule in rules:
        yield from place.replace(rule, f"{left} and {_is(flags[rule.clues])}")
        if rule.type in _IN_KEYS:
            yield from place.replace(rule, f"{left} and {_is(flags[rule.clues])}", part="key")
    numeric = [rule for rule in rules if rule.type == "CARD" or not rule.clues]
    if numeric:
        yield from place.read(left)
        again = " or ".join(f"{left} and {place.has(rule.left or rule.pattern)}" for rule in numeric)
        yield f"set({place.kept('still')}, true) where {again}"
        yield f"stringify_all({place.attributes}) where {still}"
        if "body" in place.texts:
            yield f"stringify_all({place.where}.body) where IsMap({place.where}.body) and {still}"
    for rule in numeric:
        yield from place.replace(rule, still)
    yield from place.put_back()


def _numbers_merged(rules: Sequence[CollectorRule]) -> list[CollectorRule]:
    """`rules`, but one `NUMBER` for all numbers with the same clues."""
    forms: dict[tuple[str, ...], list[str]] = {}
    for rule in rules:
        if rule.forms:
            forms.setdefault(rule.clues, []).extend(rule.forms)
    merged = [CollectorRule("NUMBER", rf"\b{_tree(found)}\b", "<NUMBER>", clues) for clues, found in forms.items()]
    return [*(rule for rule in rules if not rule.forms), *merged]


def _is(flag: str) -> str:
    return f"{flag} == true"


def _asked(place: _Place, clue: str) -> str:
    if clue.startswith("(?i)"):
        return f"IsMatch({place.kept('lower')}, {_literal(clue.removeprefix('(?i)'))})"
    return (
        f"{_is(place.kept('dense'))} and {place.has(clue)}" if clue.startswith((r"\b", r"(?:\b")) else place.has(clue)
    )


def _aside(where: str, policy: Policy, statements: Iterable[str]) -> Iterator[str]:
    """`statements`, round which the addresses of the service itself are kept aside."""
    own = sorted(OWN_ADDRESSES) if policy.level == "standard" else []
    place = '{}.{}["{}"]'.format
    for key in own:
        aside, held = place(where, "cache", key), place(where, "attributes", key)
        yield f"set({aside}, {held}) where IsString({held}) and IsMatch({held}, {_literal('^[0-9A-Fa-f.:-]{7,45}$')})"
        yield f'delete_key({where}.attributes, "{key}") where {aside} != nil'
    yield from statements
    for key in own:
        aside, held = place(where, "cache", key), place(where, "attributes", key)
        yield f"set({held}, {aside}) where {aside} != nil"


def _group(statements: Iterator[str] | Sequence[str]) -> list[str]:
    lines = [f"        - {_scalar(statement)}" for statement in statements]
    return ["      - statements:", *lines] if lines else []


def _listed(name: str, values: Sequence[str]) -> list[str]:
    return [f"    {name}:", *(f"      - {_scalar(value)}" for value in values)] if values else []


def _literal(text: str) -> str:
    """`text` as a string of OTTL."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _scalar(text: str) -> str:
    """`text` in YAML's single quotes; a Collector reads `$$` as `$`, and `$` as a variable."""
    return "'" + text.replace("'", "''").replace("$", "$$") + "'"
