r"""The rules: each looks at a text and yields what it is sure of; cheap gates keep clean text cheap.

A rule has its own boundaries instead of `\b`: in telemetry a value often stands inside JSON, a URL or an escaped
string, where the neighbour is a letter of an escape or an underscore.
"""

import re
from collections.abc import Iterator
from typing import Final

from arc_runtime.redaction._finding import Finding

# --- email -----------------------------------------------------------------------------------------------------------

# Without the characters that RFC 5321 allows and nobody has, but that stand before addresses: = & / ? |
_LOCAL: Final = re.compile(r"(?:[\w.!#$'*+^`{}~-]|%2[Bb]){1,64}\Z")
_DOMAIN: Final = re.compile(
    r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?![\w-])|"
    r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}xn--[a-z0-9-]{2,59}",
    re.ASCII | re.IGNORECASE,
)
_DOMAIN_UNICODE: Final = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?![\w-])")
_AT: Final = re.compile(r"[@\uff20]|%40|\\u0040")
_TRIMMED: Final = "'`{}.*"


def emails(text: str) -> Iterator[Finding]:
    """Addresses round an `@`, also percent-encoded and JSON-escaped; `git@host:` is a remote, not a person."""
    for at in _AT.finditer(text):
        local = _LOCAL.search(text, max(0, at.start() - 64), at.start())
        if local is None:
            continue
        domain = _DOMAIN.match(text, at.end()) or _DOMAIN_UNICODE.match(text, at.end())
        if domain is None:
            continue
        name = local.group()
        if name[0] in "nrt" and text[local.start() - 1 : local.start()] == "\\":
            name = name[1:]
        name = name.lstrip(_TRIMMED)
        if (
            name
            and (name[-1].isalnum() or name[-1] in "_-+")
            and not (name.endswith("git") and text[domain.end() : domain.end() + 1] == ":")
        ):
            yield Finding(local.end() - len(name), domain.end(), "EMAIL", "email")


# --- numbers ---------------------------------------------------------------------------------------------------------

# The letter of an escaped line break is no part of the word behind it: `details:\\n4111 ...` in JSON inside JSON.
_START: Final = r"(?:(?<![A-Za-z0-9_.+-])|(?<=\\[nrt]))"
_WORD: Final = re.compile(r"\w", re.ASCII)
_SEPARATORS: Final = " .\u00a0\u2010\u2011\u2012\u2013-"
_DIGITS: Final = re.compile(rf"\d(?:(?:[{_SEPARATORS}]{{1,2}}|%20)?\d){{8,200}}", re.ASCII)
_NOT_DIGITS: Final = re.compile(r"%20|\D", re.ASCII)
_CARD_FORMS: Final = (
    (re.compile(r"4\d{12}(?:\d{3}){0,2}\Z"), "visa"),
    (re.compile(r"(?:5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12})\Z"), "mastercard"),
    (re.compile(r"3[47]\d{13}\Z"), "amex"),
    (re.compile(r"(?:6011\d{2}|65\d{4}|64[4-9]\d{3})\d{10,13}\Z"), "discover"),
    (re.compile(r"35(?:2[89]|[3-8]\d)\d{12}\Z"), "jcb"),
    (re.compile(r"3(?:0[0-5]|[689]\d)\d{11}\Z"), "diners"),
    (re.compile(r"62\d{14,17}\Z"), "unionpay"),
    (re.compile(r"(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}\Z"), "maestro"),
)
_SHORTEST_CARD: Final = 13
_LONGEST_CARD: Final = 40  # with separators, percent-encoded ones among them
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_SSN: Final = re.compile(
    _START + r"(?!000|666|9)\d{3}([-. \u2010-\u2013])(?!00)\d\d\1(?!0000)\d{4}(?![\w-]|\.\d)", re.ASCII
)
_SSN_BARE: Final = re.compile(
    r"(?:\bssn\b|social.security(?:.(?:number|no\.?|num|#))?)\W{0,12}(?:is\W{0,4})?((?!000|666|9)\d{3}(?!00)\d\d(?!0000)\d{4})(?!\d)",
    re.IGNORECASE | re.ASCII,
)
_PHONE: Final = re.compile(
    r"(?:(?:(?<![A-Za-z0-9_+])|(?<=\\[nrt]))\+|%2[Bb]|\\u002[bB])"
    r"(\(?[1-9]\d{0,2}\)?(?:(?:[ .\-/()\u00a0\u2011]|%20){0,3}\d){5,14})(?!\d)",
    re.ASCII,
)
_PHONE_00: Final = re.compile(_START + r"00[1-9]\d{0,2}[ .-](?:[ .\-/()]{0,2}\d){6,12}(?!\d)", re.ASCII)
_E164_DIGITS: Final = range(8, 16)
_NANP_DIGITS: Final = 11


def luhn(digits: str) -> bool:
    """Whether the last of `digits` is the check digit ISO/IEC 7812-1 asks for."""
    odd = sum(map(int, digits[-1::-2]))
    even = sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])
    return (odd + even) % 10 == 0


def cards(text: str) -> Iterator[Finding]:
    """Payment cards: a brand's prefix and length, and the Luhn check."""
    for run in _DIGITS.finditer(text):
        if not _stands_alone(text, run):
            continue
        for start, end in _card_spans(run.group()):
            yield Finding(run.start() + start, run.start() + end, "CARD", "card")


def _card_spans(run: str) -> Iterator[tuple[int, int]]:
    """Where the cards are in a run of digits and separators, whatever numbers stand beside them."""
    starts = [0, *(index + 1 for index, char in enumerate(run) if char in _SEPARATORS)]
    ends = [*(index for index, char in enumerate(run) if char in _SEPARATORS), len(run)]
    done = 0
    for start in starts:
        for end in ends if start >= done else ():
            if _SHORTEST_CARD <= end - start <= _LONGEST_CARD and _is_card(_NOT_DIGITS.sub("", run[start:end])):
                yield start, end
                done = end
                break


def _is_card(digits: str) -> bool:
    return any(form.match(digits) for form, _ in _CARD_FORMS) and luhn(digits)


def _stands_alone(text: str, run: re.Match[str]) -> bool:
    before, after = text[max(0, run.start() - 2) : run.start()], text[run.end() : run.end() + 2]
    if _WORD.match(after) or (after[:1] == "." and after[1:].isdigit()):
        return False
    return before in ("\\n", "\\r", "\\t") or not (_WORD.match(before[-1:]) or before[-1:] == ".")


def social_security_numbers(text: str) -> Iterator[Finding]:
    """US SSNs as 3-2-4 groups."""
    for match in _SSN.finditer(text):
        yield Finding(match.start(), match.end(), "US_SSN", "us-ssn")


def named_social_security_numbers(text: str) -> Iterator[Finding]:
    """US SSNs as nine digits right behind the words."""
    for match in _SSN_BARE.finditer(text):
        yield Finding(match.start(1), match.end(1), "US_SSN", "us-ssn-context")


def phones(text: str) -> Iterator[Finding]:
    """Phone numbers with a country code behind `+`: 8 to 15 digits (E.164), behind +1 exactly eleven."""
    for match in _PHONE.finditer(text):
        number = match.group(1).replace("%20", " ")
        count = sum(char.isdigit() for char in number)
        nanp = number.lstrip("(").startswith("1")
        if count in _E164_DIGITS and (not nanp or count == _NANP_DIGITS):
            yield Finding(match.start(), match.end(), "PHONE", "phone-international")


def phones_behind_00(text: str) -> Iterator[Finding]:
    """The same with `00` for the `+`, in groups."""
    for match in _PHONE_00.finditer(text):
        yield Finding(match.start(), match.end(), "PHONE", "phone-international")


# --- secrets ---------------------------------------------------------------------------------------------------------

_EDGE: Final = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
_SECRETS: Final = (
    ("openai-key", re.compile(_EDGE + r"sk-(?:(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{16,}|[A-Za-z]{40,})")),
    ("aws-access-key-id", re.compile(_EDGE + r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Z0-9])")),
    ("github-token", re.compile(_EDGE + r"(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})")),
    ("arc-key", re.compile(_EDGE + r"arc_(?:live|test)_[A-Za-z0-9_-]{8,}")),
)
_AWS_SECRET: Final = re.compile(
    r"(?:aws.{0,20}?(?:secret|key)|secret.?access.?key)[^A-Za-z0-9/+]{1,12}([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
    re.IGNORECASE | re.DOTALL,
)
_BEARER: Final = re.compile(r"bearer(?:\s|%20|\\u0020)+([A-Za-z0-9._~+/-]{8,}=*)", re.IGNORECASE)
_CREDENTIAL_LENGTH: Final = 20


def secrets(text: str) -> Iterator[Finding]:
    """Keys with a distinctive form: OpenAI (and compatible), AWS, GitHub, Arc."""
    for rule, pattern in _SECRETS:
        for match in pattern.finditer(text):
            yield Finding(match.start(), match.end(), "SECRET", rule)


def aws_secret_keys(text: str) -> Iterator[Finding]:
    """AWS secret access keys: forty characters right behind their name."""
    for match in _AWS_SECRET.finditer(text):
        yield Finding(match.start(1), match.end(1), "SECRET", "aws-secret-key")


def bearer_tokens(text: str) -> Iterator[Finding]:
    """What stands behind `Bearer`, when it has a digit or the length of a credential: "bearer of news" has neither."""
    for match in _BEARER.finditer(text):
        token = match.group(1)
        if len(token) >= _CREDENTIAL_LENGTH or any(char.isdigit() for char in token):
            yield Finding(match.start(1), match.end(1), "SECRET", "bearer-token")
