"""Personal data and secrets to put into telemetry and to look for where it comes out: made up, or examples."""

from typing import Final

__all__ = ["PLANTED", "PLANTED_PARTS"]

PLANTED: Final = {
    "email": "dana.reyes+x@mail.example.com",
    "phone": "+44 20 7946 0958",
    "card": "4111 1111 1111 1111",
    "iban": "GB29 NWBK 6016 1331 9268 19",
    "ssn": "536-22-8714",
    "itin": "911-70-1234",
    "ip": "203.0.113.77",
    "ipv6": "2001:db8::31b:f2d4",
    "mac": "B7:06:8D:1D:B8:1A",
    "bitcoin": "16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyZ",
    "ether": "0x52908400098527886E0F7030069857D2E4169EE7",
    "cpf": "390.533.447-05",
    "hetu": "131052-308T",
    "nir": "2 95 10 99 126 111 93",
    "codice": "RCCMNL83S18D969H",
    "github": "ghp_" + "a1B2c3" * 6,
    "openai": "sk-proj-abcDEF1234567890abcDEF",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLW9mLWl0",
    "key": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n-----END PRIVATE KEY-----",
    "database": "postgresql://svc:yh9NSChchBM40z@db.example:5432/orders",
    "birth": "DOB: 1979-03-14",
}
"""A value of each kind, by name."""
PLANTED_PARTS: Final = {
    "database": "yh9NSChchBM40z",
    "key": "MIIEvQIBADANBgkqhkiG9w0BAQEF",
    "birth": "1979-03-14",
}
"""What of a value must be gone, where that is not all of it."""
