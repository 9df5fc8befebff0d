"""Secrets: credentials with a form of their own, and values whose name says that they are one."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from arc_runtime.redaction._credentials import Credential
from arc_runtime.redaction._finding import Finding
from arc_runtime.redaction._lazily import lazily

__all__ = [
    "KEY_WORDS",
    "basic_users",
    "cookies",
    "credential",
    "discord_tokens",
    "headers",
    "in_urls",
    "kubernetes_secrets",
    "named",
    "numbered_tokens",
]

KEY_WORDS: Final = ("pwd", "pass", "secret", "token", "key", "auth", "credential", "login", "access", "sessionid", "client",
    "identified by", "signature", "artifactory", "jfrog")  # fmt: skip
"""What is in the names of secrets, in lower case."""
_LEAST_VARIED: Final = 4
_BASE64_LEFT: Final = lazily(r"[A-Za-z0-9+/]{24}\Z")
_ESCAPE: Final = frozenset("nrtbf")


def credential(text: str, at: int, kind: Credential) -> Finding | None:
    """The credential of `kind` at the literal that begins at `at`."""
    if kind.back:
        match = kind.pattern.search(text, max(0, at - kind.back), min(len(text), at + kind.longest))
        if match is None or match.start() > at:
            return None
    elif _joined(text, at):
        return None
    else:
        match = kind.pattern.match(text, at, min(len(text), at + kind.longest))
        if match is None:
            return None
    start = match.start()
    if kind.back and _joined(text, start):
        return None
    left = text[start - 1 : start]
    if left in ("+", "/") and _BASE64_LEFT.search(text, max(0, start - 24), start):
        return None
    if len(set(match.group()[-24:].lower())) < _LEAST_VARIED:
        return None
    return Finding(start, match.end(), "SECRET", kind.rule)


def _joined(text: str, at: int) -> bool:
    """Whether a word goes on over `at`, so that nothing begins there."""
    if at == 0:
        return False
    left = text[at - 1]
    if left == "-":
        return text[at : at + 3] == "sk-"  # task-asking-...
    return left.isascii() and (left.isalnum()) and not (left in _ESCAPE and text[at - 2 : at - 1] == "\\")


# --- values that have a name ------------------------------------------------------------------------------------------

_NAME_BACKWARDS: Final = lazily(r"[A-Za-z0-9_.\-]{1,48}")
_Q: Final = r"(?:\\{0,7}[\"'`])"
_GAP: Final = r"(?:\s|\\{1,4}[nrt]){0,12}"
_ASSIGNED: Final = lazily(
    r"(?P<rest>[A-Za-z0-9_.\-]{0,32}+)"
    rf"(?:{_Q}?[\])]?[ \t]{{0,8}}(?:(?P<xml>{_Q}?[ ]?(?:,|/?>)?{_GAP}<?{_Q}?value{_Q}?[ ]?[:=][ ]?|</key>{_GAP}<string>|>{_GAP})|"
    rf"(?P<op>[:?.+]{{1,3}}=|:[ ]?[|>][+-]?{_GAP}|(?::[ ]{{0,2}})?(?:string|String|str|&str|SecretStr|Text)[ ]{{1,2}}:?=|:|=>|={{1,3}}|\|\||%3[dD]|,)"
    r"[ \t]{0,8}|(?P<cli>[ ]{1,2})))"
    r"(?P<open>(?:b|f|r|u)?\\{0,7}[\"'`]{1,3}|@\"|<)?"
    r"(?P<value>[^\s\"'`<>\\,;&|)}\]{(\[]{6,4096})"
    r"(?P<after>\\{0,7}[\"'`]|.|$)?",
    re.DOTALL,
)
# What is assigned most often: counts, containers, nothing. Told before the names are looked at.
_OF_NO_USE: Final = lazily(
    r"[a-z_]{0,24}\\{0,3}\"[ ]?:[ ]?(?:[0-9.]{1,9}[,}\s\]]|[\[{]|null|true|false|\\{0,3}\".{0,3}\")|[a-z ]{0,3}[.;)](?!=)|[a-z]{0,12} [a-z]{1,12}[ ,.;)]"
)
_PASSWORD: Final = lazily(
    r"identified by|(?:^|[^a-z])(?:db|my|user|admin|root|smtp|ftp|sql|mongo|redis|clear|cleartext|text)?_?(?:passw(?:or)?d|passwd|passphrase|pwd|pass|pw)(?:[^a-z]|$|[0-9])|password|passwort|passwd",
    re.IGNORECASE,
)
_OTHER_NAME: Final = lazily(
    r"(?:key(?:word|board|frame|stone|path|note|vault|name|_?id|_?type|_?size|code|press|down|up|s)|(?:primary|foreign|partition|sort|cache|idempotency|dedup|routing|object|row|hash|s3|"
    r"map|dict|json|public|pub|sort|group|cursor|prompt_cache|message|lookup|index|storage|state|span|trace|event|feature|metric|param|field|translation|license_?plate)[_.-]?key|monkey|turkey|donkey|hockey|"
    r"(?:page|next|prev|previous|continuation|sync|start|end|stop|pad|eos|bos|unk|mask|special|max|min|num|total|prompt|completion|input|output|cached|reasoning|"
    r"context|audio|text|image|per|first|last|sep|cls|return|skip|change)_?-?tokens?(?![a-z])|tokens|tokeniz|token_?(?:count|type|id|limit|usage|budget|s_|url|uri|endpoint|name|length)|"
    r"author(?!iz)|authority|authent|oauth(?:2)?_?(?:url|scope)|auth_?(?:type|method|mode|url|uri|scheme|provider)|secret_?(?:name|arn|id|manager|version)|"
    r"access(?:ib|or|_?log|_?level|_?mode|_?control|_?time|ed|es|ing)|client_?(?:id|name|type|version|host|ip|addr|port|info)|clients|login_?(?:url|page|count)|compass|bypass|passed|passes|passing|"
    r"passthrough|pass[_-]?(?:rate|count|fail|nr|no|num)|passenger|passage|passive|passport|signature_?(?:alg|type|version)|sign)",
    re.IGNORECASE,
)
_STRONG_NAME: Final = lazily(
    r"(?:api|access|auth|secret|private|client|bot|refresh|bearer|app|user|account|encryption|signing|shared|master|session|service|admin|storage|webhook|deploy|personal|oauth2?|id)[_.-]?"
    r"(?:api[_.-]?)?(?:key|token|secret)|secret|token$|access_?id|x-api-key|apikey|credential",
    re.IGNORECASE,
)
_PLACEHOLDER: Final = lazily(
    r"(?:[xX*.#?_-]{4,}|(?:your|my|the|some|insert|enter|replace|change|dummy|fake|sample|example|redacted|placeholder|null|none|true|false|undefined|string|todo|test|bearer|basic|password|passwd|secret|token)"
    r"(?:[-_ ][-_ a-z]*)?|\$.*|%.*%|@[a-z].*|\{.*|\.\.\..*|<.*|process\.env.*|os\.(?:environ|getenv).*|env\..*|self\..*|this\..*|config\..*|settings\..*|secrets\..*|params\..*|"
    r"args\..*|options\..*|kwargs.*|request\..*|https?://.*|[a-z]+\.[a-z_.]+|https?|file://.*|/[a-z/._-]+|\.{1,2}/.*)\Z",
    re.IGNORECASE,
)
_LONG_NUMBER: Final = 15
"""From so many digits on a number is no count, no time in milliseconds."""
_LONG_VALUE: Final = 16
"""A value beside its name in a table is long, or any word would be one."""
_SAID: Final = lazily(r"(?<![^\s\"'`#/*;>|:,(])(?P<value>[^\s\"'`#/*;<>|:,()]{8,80}) is (?:the|my|our|your) \Z")
_SAYING: Final = frozenset({"the ", " my ", "our "})
"""What a password is said to be, in front of the word: `h0rse!battery is the password`."""
_FARTHEST: Final = 112
_MOST_NESTED: Final = 8
"""How many names are looked at inside one value."""
_UUID: Final = lazily(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\Z", re.IGNORECASE)
_IDENTIFIER: Final = lazily(
    r"(?:[a-z]+[_.-])*[a-z]+[0-9]{0,2}\Z|(?:[a-z]+|[A-Z][a-z]+)(?:[A-Z][a-z]+)*[0-9]{0,2}\Z|%?[A-Z]+[0-9]{0,6}(?:_[A-Z0-9]+)*\Z|[a-z]+(?:[-_.:/][a-z0-9]{1,15})+\Z"
)
_DIGITS_AND_POINTS: Final = lazily(r"[0-9.:,+eE_/T-]+\Z")


def named(text: str, anchors: Sequence[tuple[int, int]]) -> Iterator[Finding]:
    """Values of at least six characters under a name that has one of `KEY_WORDS` in it."""
    done = looked_to = nested = 0
    for start, end in anchors:
        if end <= done:
            continue
        if text[start - 4 : start] in _SAYING:
            said = _SAID.search(text, max(0, start - _FARTHEST), start)
            if said is not None and _is_secret(text[start:end], said["value"], "", quoted=True):
                yield Finding(said.start("value"), said.end("value"), "SECRET", "named-secret")
        nested = nested + 1 if end <= looked_to else 0
        if nested > _MOST_NESTED:
            continue
        match = None if _OF_NO_USE.match(text, end) else _ASSIGNED.match(text, end)
        if match is None:
            continue
        looked_to = max(looked_to, match.end("value"))
        if match["value"].isdigit() and len(match["value"]) < _LONG_NUMBER:
            continue
        back = _NAME_BACKWARDS.match(text[max(0, start - 48) : start][::-1])
        left = "" if back is None else back.group()[::-1]
        name = left + text[start:end] + match["rest"]
        if left and left[0] in "nrt" and text[start - len(left) - 1 : start - len(left)] == "\\":
            name = name[1:]
        value, to = _whole_value(text, match)
        if (
            match["cli"] is not None
            and name[-2:].lower() != "by"
            and not (name.startswith("--") or (name.startswith("-") and len(name) < 4))
        ):
            continue
        if match["xml"] is not None and match["xml"][:1] == ">" and name.isupper():
            continue  # <SECRET>
        if match["op"] == "," and not (
            (match["open"] and text[match.start("op") - 1 : match.start("op")] in "\"'`") or len(value) >= _LONG_VALUE
        ):
            continue
        if _is_secret(name, value, text[to : to + 1], quoted=match["open"] is not None or match["xml"] is not None):
            yield Finding(match.start("value"), to, "SECRET", "named-secret")
            done = to


def _whole_value(text: str, match: re.Match[str]) -> tuple[str, int]:
    """The value and where it ends: in quotes up to the closing one, whatever is between."""
    start, to = match.span("value")
    opened = match["open"]
    if opened and opened[-1] in "\"'`":
        quote = opened.lstrip("bfru")
        close = text.find(quote, start, start + 512)
        if close > to and "\n" not in text[start:close] and " " not in text[start:close]:
            to = close
    return text[start:to], to


class _Name(NamedTuple):
    """What the name of a value says of it."""

    password: bool
    other: bool
    """It has a word such as key in it and is of something else: `primary_key`, `max_tokens`."""
    strong: bool


@lru_cache(maxsize=1024)
def _name(name: str) -> _Name:
    return _Name(*(form.search(name) is not None for form in (_PASSWORD, _OTHER_NAME, _STRONG_NAME)))


def _is_secret(name: str, value: str, after: str, *, quoted: bool) -> bool:
    said = _name(name)
    if said.other or (not said.password and not said.strong and not any(map(str.isdigit, value))):
        return False
    if (
        len(set(value)) < 4
        or (
            len(value) < 20 and _DIGITS_AND_POINTS.match(value) and not (value.isdigit() and len(value) >= _LONG_NUMBER)
        )
        or _PLACEHOLDER.match(value)
    ):
        return False
    if said.password:
        return _is_password(value, after, quoted=quoted)
    return after not in ("(", "[") and _is_token(value, quoted=quoted, strong=said.strong)


def _is_password(value: str, after: str, *, quoted: bool) -> bool:
    if after in ("(", "[") or value.endswith((":", "(")):
        return False
    if quoted:
        kinds = _kinds(value)
        return (
            (kinds >= 2 and not _IDENTIFIER.match(value))
            or (kinds >= 2 and any(map(str.isdigit, value)))
            or (len(value) >= 8 and value.lower() != value and "assword" in value)
        )
    return (
        _kinds(value) >= 2 and any(map(str.isdigit, value)) and not (value.islower() and "_" in value and "." in value)
    )


def _kinds(value: str) -> int:
    return (
        any(map(str.islower, value))
        + any(map(str.isupper, value))
        + any(map(str.isdigit, value))
        + any(not char.isalnum() and char not in "_-." for char in value)
    )


def _is_token(value: str, *, quoted: bool, strong: bool) -> bool:
    size = len(value)
    if _UUID.match(value):
        return strong
    if _IDENTIFIER.match(value) or (value.count("-") > 6 and not strong):
        return False
    digits = sum(map(str.isdigit, value))
    letters = sum(map(str.isalpha, value))
    if digits == size >= _LONG_NUMBER:
        return strong
    if size < 12 or (letters < 2 and size < 30):
        return size >= 8 and quoted and _kinds(value) >= 3 and strong
    if digits == 1 and _kinds(value) >= 3 and strong:
        return len(set(value)) >= 9
    return (digits >= 2 or (size >= 24 and _kinds(value) >= 2)) and len(set(value)) >= min(9, size * 2 // 3)


# --- in URLs, headers, command lines ----------------------------------------------------------------------------------

_IN_URL: Final = lazily(r"://([^\s:/?#@\"'<>\\|{}]{0,128}:[^\s/?#\"'<>\\{}]{1,256})@(?=[A-Za-z0-9\[])")
_PLACES: Final = lazily(r"[^:]*:(?:[$%<{*].*|x{3,}|\[.*|pass|password)\Z", re.IGNORECASE)


def in_urls(text: str, anchors: Sequence[int]) -> Iterator[Finding]:
    """User and password before the host of a URL (RFC 3986, 3.2.1)."""
    for at in anchors:
        match = _IN_URL.match(text, at)
        if match is not None and not _PLACES.match(match.group(1).replace("username:password", "")):
            yield Finding(match.start(1), match.end(1), "SECRET", "url-credentials")


_SCHEME: Final = lazily(
    r"(?:bearer|basic|token|apikey|digest)(?:\s|%20|\\u0020|\+){1,4}(?:token )?([A-Za-z0-9._~+/=-]{8,4096})",
    re.IGNORECASE,
)
_AUTHORIZED: Final = lazily(
    r"authorization\\{0,7}[\"']?\s{0,3}[:=,]\s{0,3}\\{0,7}[\"']?(?:[A-Za-z][A-Za-z-]{2,15}\s+)?([A-Za-z0-9._~+/=-]{8,4096})",
    re.IGNORECASE,
)
_CREDENTIAL_LENGTH: Final = 20


def headers(text: str, anchors: Sequence[int]) -> Iterator[Finding]:
    """What stands behind `Bearer`, `Basic` and `Authorization:` (RFC 9110, 11; RFC 6750; RFC 7617)."""
    for at in anchors:
        match = _SCHEME.match(text, at) or _AUTHORIZED.match(text, at)
        if match is None:
            continue
        token = match.group(1)
        left = text[at - 1 : at]
        if left.isalpha() and text[at].islower() and not text.startswith("authorization", at):
            continue
        bearer = text[at : at + 6].lower() == "bearer"
        varied = len(set(token)) >= _LEAST_VARIED
        if text[at : at + 5].lower() == "basic":
            fits = varied and (token.endswith("=") or (len(token) >= 12 and _kinds(token) >= 3))
        elif text[at : at + 5].lower() == "token":
            fits = False
        else:
            fits = varied and (
                (len(token) >= _CREDENTIAL_LENGTH and not _IDENTIFIER.match(token))
                or any(char.isdigit() for char in token)
                or (bearer and len(token) >= _CREDENTIAL_LENGTH)
            )
        if fits and not _PLACEHOLDER.match(token):
            yield Finding(match.start(1), match.end(1), "SECRET", "authorization")


_COOKIE: Final = lazily(
    r"cookies?2?\\{0,7}[\"']?\s{0,3}[:=]\s{0,3}\[?\\{0,7}[\"']?([^\r\n\"'\\]{4,8192})", re.IGNORECASE
)
_PAIR: Final = lazily(r"(?:^|; ?)([^=;\s]{1,128})=([^;\s]{6,4096})")
_COOKIE_ATTRIBUTES: Final = frozenset({"path", "domain", "expires", "max-age", "samesite", "version", "priority"})


def cookies(text: str, anchors: Sequence[int]) -> Iterator[Finding]:
    """The values of cookies (RFC 6265)."""
    done = 0
    for at in anchors:
        match = _COOKIE.match(text, at) if at >= done else None
        if match is None:
            continue
        done = match.end()
        for pair in _PAIR.finditer(text, match.start(1), match.end(1)):
            if pair.group(1).lower() not in _COOKIE_ATTRIBUTES and any(map(str.isalnum, pair.group(2))):
                yield Finding(pair.start(2), pair.end(2), "SECRET", "cookie")


_USER: Final = lazily(
    r"(?:-u|--user)(?:=|[ ]{0,4})(?:\"([^\"\n]{3,128})\"(?::\"[^\"\n]{3,128}\")?|'([^'\n]{3,128})'(?::'[^'\n]{3,128}')?|([^\s\"']{3,128}))"
)
_PLACE_USER: Final = lazily(
    r".*[$<\[].*|([a-z]+):\1\Z|(?:user(?:name)?|test|admin|foo):(?:pass(?:word)?|test|bar)\Z", re.IGNORECASE
)


def basic_users(text: str, anchors: Sequence[int]) -> Iterator[Finding]:
    """User and password of a `curl` command line (its manual, `-u`)."""
    done = 0
    for anchor in anchors:
        at = max(anchor, done)
        done = anchor + 600
        for match in _USER.finditer(text, at, min(len(text), done)):
            value = match.group(1) or match.group(2) or match.group(3)
            if (
                ":" in value + text[match.end(1 if match.group(1) else 0) : match.end() + 1]
                and not _PLACE_USER.match(value)
                and len(value) > 4
            ):
                first = 1 if match.group(1) else 2 if match.group(2) else 3
                yield Finding(match.start(first) - (first != 3), match.end(), "SECRET", "command-line-user")


_TELEGRAM: Final = lazily(r":[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])")
_FACEBOOK: Final = lazily(r"(?:\||%(?:7[cC])?)[0-9A-Za-z_-]{27,40}(?![0-9A-Za-z_-])")


def numbered_tokens(text: str, hits: Sequence[tuple[int, int]]) -> Iterator[Finding]:
    """Tokens that begin with an account's number: Telegram bots, Facebook apps."""
    for start, end in hits:
        size = end - start
        if 8 <= size <= 16 and text[end : end + 1] in ":|%":
            match = _TELEGRAM.match(text, end) if size < 12 else _FACEBOOK.match(text, end)
            if match is not None:
                yield Finding(start, match.end(), "SECRET", "numbered-token")


_DISCORD_LEFT: Final = lazily(r"[MNO][A-Za-z0-9_-]{22,27}\Z")


def discord_tokens(text: str, hits: Sequence[tuple[int, int]]) -> Iterator[Finding]:
    """Tokens of Discord bots: an id in base 64, a time, a signature (Discord's developer reference)."""
    for start, end in hits:
        left = _DISCORD_LEFT.search(text, max(0, start - 28), start)
        if left is not None and not text[left.start() - 1 : left.start()].isalnum():
            yield Finding(left.start(), end, "SECRET", "discord-token")


_DATA: Final = lazily(r"(?:^|\n|\\n)(?P<dent>(?:[ \t]|\\t)*)[\"']?(?:data|stringData)[\"']?:(?:[ \t]*)(?:\n|\\n)")
_LINE: Final = lazily(r"(?P<dent>(?:[ \t]|\\t)*)(?P<rest>(?:(?!\n|\\n).){0,8192})(?:\n|\\n|\Z)")


def kubernetes_secrets(text: str, anchors: Sequence[int]) -> Iterator[Finding]:
    """The data of a Secret in YAML (Kubernetes API reference, Secret v1)."""
    done = 0
    for at in anchors:
        if at < done:
            continue
        done = at + 2048
        block = _DATA.search(text, max(0, at - 4096), min(len(text), at + 4096))
        if block is None:
            continue
        dent, start, end, position = len(block["dent"]), -1, -1, block.end()
        while position < len(text):
            line = _LINE.match(text, position)
            if line is None or not line["rest"].strip() or len(line["dent"]) <= dent:
                break
            start = line.start("rest") if start < 0 else start
            end, position = line.end("rest"), line.end()
        if start >= 0 and ":" in text[start:end]:
            yield Finding(start, end, "SECRET", "kubernetes-secret")
