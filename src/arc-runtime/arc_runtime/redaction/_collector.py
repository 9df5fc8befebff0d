"""The rules as configuration of an OpenTelemetry Collector: its transform and its redaction processor.

Regular expressions can't check digits or weigh words, so these are fewer and find more than `find` does where a form is
all there is, and nothing where the form says little. They are in RE2's syntax, which is that of Go's `regexp`.
"""

import re
from collections.abc import Iterator, Sequence
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
_PLAIN: Final = (
    ("SECRET", r"://[^\s:/?#@\"'<>\\|{}]{0,128}:[^\s/?#@\"'<>\\{}]{1,256}@", "://<SECRET>@"),
    ("SECRET", r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{20,}", "${1} <SECRET>"),
    ("SECRET", r"(?i)\b(set-cookie|cookie)(\"?\s?[:=]\s?\"?)[^\r\n\"'\\]{8,}", "${1}${2}<SECRET>"),
    ("EMAIL", rf"[{_WORD}.!#$*+^{{}}~'-]+@(?:[{_WORD}-]+\.)+(?:xn--[a-z0-9-]{{2,}}|[A-Za-z{_FOREIGN}]{{2,}})", ""),
    ("CARD", rf"(^|[^\w.])(?:{_SIXTEEN}(?:[ -]?[0-9]{{4}}){{3}}|{_FIFTEEN})\b", "${1}<CARD>"),
    ("US_SSN", r"\b(?:00[1-9]|0[1-9][0-9]|[1-578][0-9]{2}|6[0-57-9][0-9]|66[0-57-9])[- ][0-9]{2}[- ][0-9]{4}\b", ""),
    ("US_ITIN", r"\b9[0-9]{2}[- ][5-9][0-9][- ][0-9]{4}\b", ""),
    ("CRYPTO", r"\b(?:0x[0-9a-fA-F]{40}|[13][1-9A-HJ-NP-Za-km-z]{25,34}|(?:bc1|tb1|ltc1|addr1|cosmos1|osmo1)[02-9ac-hj-np-z]{25,110})\b", ""),
    ("IP_ADDRESS", rf"\b{_NOT_LOOPBACK}(?:\.{_OCTET}){{3}}\b(?:/[0-9]{{1,2}}\b)?", ""),
    ("IP_ADDRESS", rf"\b(?:(?:{_HEX}{{1,4}}:){{7}}{_HEX}{{1,4}}|(?:{_HEX}{{1,4}}:){{2,6}}(?::{_HEX}{{1,4}}){{1,5}})\b(?:/[0-9]{{1,3}}\b)?", ""),
    ("MAC_ADDRESS", rf"\b{_HEX}{{2}}(?:(?::{_HEX}{{2}}){{5}}|(?:-{_HEX}{{2}}){{5}})\b", ""),
    ("FI_PERSONAL_IDENTITY_CODE", r"\b[0-3][0-9][01][0-9]{3}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]\b", ""),
    ("DATE_OF_BIRTH", _BORN, "${1}${2}<DATE_OF_BIRTH>"),
    ("PHONE", r"\+[1-9](?:[ .()-]{0,2}[0-9]){7,14}\b", ""),
)  # fmt: skip
_KEYS: Final = (
    r"(?i)(?:^|[._-])(?:passw(?:or)?d|passphrase|pwd|secret|(?:api|access|secret|private)[._-]?key|"
    r"(?:access|refresh|auth|bearer|session)[._-]?token|authorization|cookie|set-cookie|ssn)$"
)
"""Keys whose value is a secret, whatever it looks like."""
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

    The transform processor puts placeholders into text, `transform/arc`; the redaction processor, `redaction/arc`, masks
    what is no text and what stands under a telling key. Raises PolicyError.
    """
    rules = collector_rules(policy)
    functions = [rule.name for rule in policy.rules if rule.function is not None]
    hidden = [pattern for pattern, action in _keys(policy) if action not in ("keep", "drop")]
    kept = [pattern for pattern, action in _keys(policy) if action == "keep"]
    if policy.level == "standard":
        kept.append(f"^(?:{'|'.join(_quoted(key) for key in sorted(OWN_ADDRESSES))})$")
    lines = [
        "# Rules of Arc's redaction for an OpenTelemetry Collector 0.130 or later, as a second line of defence: there are no",
        "# check digits and no words beside a number here. In a pipeline: processors: [transform/arc, redaction/arc].",
        *(f"# Left out: the rule {name!r}, which is a function." for name in functions),
        "processors:",
        "  transform/arc:",
        "    error_mode: propagate  # what could not be redacted is not sent on",
        "    trace_statements:",
        *_group(_statements(policy, rules, "resource", (), addresses=False)),
        *_group(_statements(policy, rules, "scope", ("name",))),
        *_group(_kept_addresses("span", policy, _statements(policy, rules, "span", ("name", "status.message")))),
        *_group(_statements(policy, rules, "spanevent", ("name",))),
        "    log_statements:",
        *_group(_statements(policy, rules, "resource", (), addresses=False)),
        *_group(_statements(policy, rules, "scope", ("name",))),
        *_group([*_kept_addresses("log", policy, _statements(policy, rules, "log", ("body",))), *_bodies(rules)]),
        "  redaction/arc:",
        "    allow_all_keys: true",
        "    redact_all_types: true",
        "    summary: silent",
        *_listed("blocked_values", [rule.pattern for rule in rules]),
        *_listed("blocked_key_patterns", [*hidden, *([_KEYS] if policy.level != "off" else [])]),
        *_listed("ignored_key_patterns", kept),
        *_listed("allowed_values", [f"^(?i:{_re2(one, 'allow')})$" for one in map(_form, policy.allow)]),
    ]
    return "\n".join(lines) + "\n"


def _built_in() -> Iterator[CollectorRule]:
    forms = [_credential(kind.rule, kind.form) for kind in CREDENTIALS]
    for at in range(0, len(forms), _TOGETHER):
        yield CollectorRule("SECRET", "|".join(f"(?:{form})" for form in forms[at : at + _TOGETHER]), "")
    yield from (CollectorRule(*rule) for rule in _PLAIN)
    ibans = "|".join(f"{country}[0-9]{{2}}(?:[ -]?[0-9A-Z]){{{size - 4}}}" for country, size in IBAN_LENGTHS.items())
    yield CollectorRule("IBAN", rf"\b(?:{ibans})\b", "")
    for form, kinds in MIXED.items():
        if kinds[0].bits >= _SHOWS and " " not in form:
            runs = (match.group() for match in re.finditer("9+|A+", form))
            parts = (f"[{'0-9' if run[0] == '9' else 'A-Z'}]{{{len(run)}}}" for run in runs)
            yield CollectorRule(kinds[0].type, rf"\b{''.join(parts)}\b", "")
    seen: set[tuple[int, ...]] = {(3, 2, 4)}
    for number in NUMBERS:
        for shape in number.shapes:
            if not _is_common(shape) and shape not in seen:
                seen.add(shape)
                groups = "[ .-]".join(f"[0-9]{{{size}}}" for size in shape)
                yield CollectorRule(number.type, rf"\b{groups}\b", "")


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
    return CollectorRule(rule.type, _re2(rule.regex or "", place), "")


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


def _statements(
    policy: Policy, rules: Sequence[CollectorRule], where: str, texts: Sequence[str], *, addresses: bool = True
) -> Iterator[str]:
    for pattern, action in _keys(policy):
        if action == "drop":
            yield f"delete_matching_keys({where}.attributes, {_literal(pattern)})"
    for rule in rules:
        # A resource says where the service runs.
        if addresses or rule.type not in _ADDRESSES:
            words = f"{_literal(rule.pattern)}, {_literal(rule.replacement)}"
            yield f'replace_all_patterns({where}.attributes, "value", {words})'
            yield from (f"replace_pattern({where}.{text}, {words})" for text in texts)


def _kept_addresses(where: str, policy: Policy, statements: Iterator[str]) -> Iterator[str]:
    """`statements`, round which the addresses of the service itself are kept aside."""
    own = sorted(OWN_ADDRESSES) if policy.level == "standard" else []
    place = '{}.{}["{}"]'.format
    for key in own:
        aside, held = place(where, "cache", key), place(where, "attributes", key)
        yield f"set({aside}, {held}) where IsString({held}) and IsMatch({held}, {_literal('^[0-9A-Fa-f.:-]{7,45}$')})"
    yield from statements
    for key in own:
        aside, held = place(where, "cache", key), place(where, "attributes", key)
        yield f"set({held}, {aside}) where {aside} != nil"


def _bodies(rules: Sequence[CollectorRule]) -> Iterator[str]:
    for rule in rules:
        words = f"{_literal(rule.pattern)}, {_literal(rule.replacement)}"
        yield f'replace_all_patterns(log.body, "value", {words}) where IsMap(log.body)'


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
