"""Addresses: email (RFC 5321, 5322, 6531), IPv4 and IPv6 (RFC 4291, 5952), MAC (IEEE 802 EUI-48)."""

import re
from collections.abc import Iterator, Sequence
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from arc_runtime.redaction._finding import Finding
from arc_runtime.redaction._lazily import lazily

__all__ = ["emails", "ipv4", "ipv6", "is_quad", "macs"]

# Without the characters that RFC 5321 allows and nobody has, but that stand before addresses: = & / ? |
_LOCAL_BACKWARDS: Final = lazily(r"[\w.!#$'*+^`{}~-]{1,64}")
_DOMAIN: Final = lazily(
    r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}(?:xn--[a-z0-9-]{2,59}|[^\W\d_]{2,24}(?![\w-]))",
    re.ASCII | re.IGNORECASE,
)
_DOMAIN_UNICODE: Final = lazily(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?![\w-])")
_TRIMMED: Final = "'`{}.*_"
_NOT_DOMAINS: Final = frozenset(
    {
        "py",
        "js",
        "ts",
        "json",
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "css",
        "html",
        "md",
        "txt",
        "sh",
        "service",
        "local_",
    }
)


def emails(text: str, ats: Sequence[int]) -> Iterator[Finding]:
    """Addresses round an `@`; `git@host:` is a remote, not a person."""
    for at in ats:
        domain = _DOMAIN.match(text, at + 1)
        if domain is None and not text[at + 1 : at + 65].isascii():
            domain = _DOMAIN_UNICODE.match(text, at + 1)
        if domain is None:
            continue
        # From the @ to the left: a search for what ends there would begin anew at each character.
        local = _LOCAL_BACKWARDS.match(text[max(0, at - 64) : at][::-1])
        if local is None:
            continue
        name = local.group()[::-1]
        if name[0] in "nrt" and text[at - len(name) - 1 : at - len(name)] == "\\":
            name = name[1:]
        name = name.lstrip(_TRIMMED)
        if (
            name
            and (name[-1].isalnum() or name[-1] in "_-+")
            and not (name.endswith("git") and text[domain.end() : domain.end() + 1] == ":")
            and domain.group().rpartition(".")[2].lower() not in _NOT_DOMAINS
        ):
            yield Finding(at - len(name), domain.end(), "EMAIL", "email")


_QUAD: Final = lazily(
    r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
    r"(?![0-9A-Za-z_]|\.[0-9])(?:/(?:3[0-2]|[12]?[0-9])(?![0-9]))?"
)
_VERSION: Final = lazily(
    r"(?<![A-Za-z])(?:v|(?:version|ver|release|oid|chrome|safari|firefox|edg|opera|chromium|build|sdk|engine|driver|webkit)[ /:=\"'v@^~<>-]{0,4})\Z",
    re.IGNORECASE,
)


def is_quad(text: str, start: int) -> bool:
    """Whether a dotted quad begins at `start`."""
    return _QUAD.match(text, start) is not None


def ipv4(text: str, dots: Sequence[tuple[int, int]]) -> Iterator[Finding]:
    """Dotted quads that are no version of something."""
    for start, end in dots:
        if end - start < 7 or "." not in text[start + 1 : start + 4]:
            continue
        match = _QUAD.match(text, start)
        if match is None:
            continue
        left = text[start - 1 : start]
        if left and (left.isascii() and (left.isalnum() or left in "_.")):
            if not (left in "nrt" and text[start - 2 : start - 1] == "\\"):
                continue
        elif left == "-" and text[start - 2 : start - 1].isalnum():
            continue
        if text[match.end() : match.end() + 2].startswith("-") and text[match.end() + 1 : match.end() + 2].isalpha():
            continue
        if _VERSION.search(text, max(0, start - 14), start):
            continue
        yield Finding(start, match.end(), "IP_ADDRESS", "ipv4")


_SIX: Final = lazily(
    r"(?:[0-9A-Fa-f:]{1,30}:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f:]{2,45})(?:%[0-9A-Za-z]{1,15})?(?:/[0-9]{1,3}(?![0-9]))?"
)
_SIX_CHARS: Final = frozenset("0123456789abcdefABCDEF:")


def ipv6(text: str, colons: Sequence[int]) -> Iterator[Finding]:
    """IPv6 addresses, short and in full, with a zone, a prefix length or an IPv4 tail."""
    done = -1
    for colon in colons:
        if colon < done:
            continue
        start = colon
        while start and text[start - 1] in _SIX_CHARS and colon - start < 40:
            start -= 1
        match = _SIX.match(text, start)
        if match is None:
            continue
        done = match.end()
        left, right = text[start - 1 : start], text[match.end() : match.end() + 1]
        raw = match.group().partition("/")[0]
        bare = raw.partition("%")[0].rstrip(":") if not raw.endswith("::") else raw.partition("%")[0]
        escaped = left in ("n", "r", "t") and text[start - 2 : start - 1] == "\\"
        if (left and (left.isalnum() or left in "_>)") and not escaped) or (
            right and (right.isalnum() or right == "_")
        ):
            continue
        if not _is_ipv6(bare) or (bare == "::" and "/" not in match.group() and not _spoken_of(text, start)):
            continue
        if (
            sum(char != ":" for char in bare) < 2
            and not _spoken_of(text, start)
            and bare != "::1"
            and "/" not in match.group()
        ):
            continue
        end = (
            match.end() - (len(raw) - len(raw.rstrip(":")))
            if raw.endswith(":") and not raw.endswith("::")
            else match.end()
        )
        yield Finding(start, end, "IP_ADDRESS", "ipv6")


def _spoken_of(text: str, start: int) -> bool:
    near = text[max(0, start - 24) : start].lower()
    return "ipv6" in near or "address" in near or "unspecified" in near


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except (AddressValueError, ValueError):
        return False
    return True


_MAC: Final = lazily(r"[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![0-9A-Za-z]|[:-][0-9A-Fa-f]{2})")


def macs(text: str, marks: Sequence[int]) -> Iterator[Finding]:
    """Six octets with one kind of mark between them; not all alike, as the broadcast address is."""
    for mark in marks:
        start = mark - 2
        if start < 0:
            continue
        match = _MAC.match(text, start)
        left = text[start - 1 : start]
        if match is None or (left in (":", "-") and text[start - 2 : start - 1].isalnum()):
            continue
        if left and (left.isalnum() or left == "_") and not (left in "nrt" and text[start - 2 : start - 1] == "\\"):
            continue
        octets = match.group().lower().replace("-", ":").split(":")
        if len(set(octets)) > 1:
            yield Finding(start, match.end(), "MAC_ADDRESS", "mac")
