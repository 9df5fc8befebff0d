"""Numbers with letters in them that states and banks give out: found by what kind of character stands where."""

from collections.abc import Callable
from typing import Final, NamedTuple

from arc_runtime.redaction._checks import is_month_and_day, mod97, weighted
from arc_runtime.redaction._lazily import lazily

__all__ = ["IBAN_LENGTHS", "MIXED", "Mixed", "iban_end", "is_german_document", "signature"]


class Mixed(NamedTuple):
    """One kind of number, in upper case and without separators."""

    type: str
    """What its placeholder says; PASSPORT, when only a word beside it can tell."""
    check: Callable[[str], bool]
    """Whether it is right."""
    bits: float
    """How much the form and its check prove."""
    source: str
    """Who publishes the form, and where."""


_KINDS: Final = str.maketrans("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", "9" * 10 + "A" * 26)


def signature(token: str) -> str:
    """`token` with 9 for each digit and A for each letter."""
    return token.translate(_KINDS)


def _two(text: str, at: int) -> int:
    return int(text[at : at + 2])


_NIF: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_HETU: Final = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_CF_ODD: Final = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (
            1,
            0,
            5,
            7,
            9,
            13,
            15,
            17,
            19,
            21,
            1,
            0,
            5,
            7,
            9,
            13,
            15,
            17,
            19,
            21,
            2,
            4,
            18,
            20,
            11,
            3,
            6,
            8,
            12,
            14,
            16,
            10,
            22,
            25,
            24,
            23,
        ),
        strict=True,
    )
)
_CURP: Final = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
_ICAO_WEIGHTS: Final = (7, 3, 1, 7, 3, 1, 7, 3, 1)


def _es_nif(t: str) -> bool:
    return _NIF[int(t[:8]) % 23] == t[8]


def _es_nie(t: str) -> bool:
    return t[0] in "XYZ" and _NIF[int(str("XYZ".index(t[0])) + t[1:8]) % 23] == t[8]


def _fi_hetu(t: str) -> bool:
    mark = t[6] in "ABCDEFYXWVU-+"
    return mark and is_month_and_day(_two(t, 2), _two(t, 0)) and _HETU[int(t[:6] + t[7:10]) % 31] == t[10]


def _fr_nir(t: str) -> bool:
    if t[5] != "2" or t[6] not in "AB":
        return False
    digits = t[:13].replace("A", "0") if t[6] == "A" else t[:13].replace("B", "0")
    number = int(digits) - (1_000_000 if t[6] == "A" else 2_000_000)
    return t[0] in "12" and 97 - number % 97 == int(t[13:])


def _it_cf(t: str) -> bool:
    total = sum(_CF_ODD[char] for char in t[:15:2]) + sum(
        int(char, 36) - (10 if char.isalpha() else 0) for char in t[1:15:2]
    )
    return chr(65 + total % 26) == t[15]


def _mx_curp(t: str) -> bool:
    if t[10] not in "HMX" or not is_month_and_day(_two(t, 6), _two(t, 8)):
        return False
    total = sum(_CURP.index(char) * (18 - index) for index, char in enumerate(t[:17]))
    return -total % 10 == int(t[17])


def _mx_rfc(t: str) -> bool:
    return is_month_and_day(_two(t, 6), _two(t, 8))


def _de_kvnr(t: str) -> bool:
    digits = f"{ord(t[0]) - 64:02d}{t[1:9]}"
    products = [int(digit) * (index % 2 + 1) for index, digit in enumerate(digits)]
    return sum(product // 10 + product % 10 for product in products) % 10 == int(t[9])


def _de_rvnr(t: str) -> bool:
    day = _two(t, 2)
    if not is_month_and_day(_two(t, 4), day - 50 if day > 50 else day):
        return False
    digits = f"{t[:8]}{ord(t[8]) - 64:02d}{t[9:11]}"
    products = [int(digit) * weight for digit, weight in zip(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True)]
    return sum(product // 10 + product % 10 for product in products) % 10 == int(t[11])


def _icao(t: str) -> bool:
    return sum(int(char, 36) * weight for char, weight in zip(t[:-1], _ICAO_WEIGHTS, strict=False)) % 10 == int(t[-1])


def _de_card(t: str) -> bool:
    return t[0] in "CFGHJKLMNPRTVWXYZ" and not set(t) & set("ABDEIOQSU")


def is_german_document(token: str) -> bool:
    """Whether nine characters are a serial number of PAuswV or PassV with its check digit (ICAO Doc 9303-3, 4.9)."""
    return _de_card(token) and token[-1].isdigit() and _icao(token)


def _ke_pin(t: str) -> bool:
    return t[0] in "AP"


def _in_pan(t: str) -> bool:
    return t[3] in "ABCFGHLJPTK" and t[5:9] != "0000"


def _sg_nric(t: str) -> bool:
    if t[0] not in "STFGM":
        return False
    total = weighted(t[1:8], (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(t[0], 0)
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "M": "KLJNPQRTUWX"}.get(t[0], "XWUTRQPNMLK")
    return letters[10 - total % 11 if t[0] == "M" else total % 11] == t[8]


def _uk_nino(t: str) -> bool:
    return (
        t[0] not in "DFIQUV"
        and t[1] not in "DFIOQUV"
        and t[:2] not in {"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"}
        and t[8] in "ABCD"
    )


def _us_dea(t: str) -> bool:
    total = weighted(t[2:8], (1, 2, 1, 2, 1, 2))
    return t[0] in "ABCDEFGHJKLMPRSTUX" and len(set(t[2:])) > 1 and total % 10 == int(t[8])


def _hk_id(t: str) -> bool:
    letters = f"{' ' * (len(t) == 8)}{t}"
    values = [36 if char == " " else int(char, 36) for char in letters[:-1]]
    total = sum(value * weight for value, weight in zip(values, range(9, 1, -1), strict=True))
    return (total + int(letters[-1])) % 11 == 0


def _tw_id(t: str) -> bool:
    code = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(t[0]) + 10
    return t[1] in "1289" and (code // 10 + code % 10 * 9 + weighted(t[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


def _ie_pps(t: str) -> bool:
    total = weighted(t, (8, 7, 6, 5, 4, 3, 2)) + (9 * (ord(t[8]) - 64) if len(t) == 9 and t[8] != "W" else 0)
    return "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == t[7]


def _cl_rut_k(t: str) -> bool:
    return t[-1] == "K" and weighted(t[-2::-1], (2, 3, 4, 5, 6, 7, 2, 3)) % 11 == 1


def _uk_driving(t: str) -> bool:
    return _two(t, 6) % 50 <= 12 and 1 <= _two(t, 8) <= 31


def _us_mbi(t: str) -> bool:
    return t[0] != "0" and not set(t) & set("SLOIBZ")


def _in_gstin(t: str) -> bool:
    return 1 <= _two(t, 0) <= 37 and t[13] == "Z"


def _pt_card(t: str) -> bool:
    values = [int(char, 36) for char in t]
    doubled = [value * 2 - 9 if value * 2 > 9 else value * 2 for value in values[-2::-2]]
    return (sum(doubled) + sum(values[-1::-2])) % 10 == 0


def _kr_passport(t: str) -> bool:
    return t[0] in "MSRGD"


def _always(_: str) -> bool:
    return True


def _nl_id(t: str) -> bool:
    return "O" not in t


_FORMS: Final = (
    ("99999999A", Mixed("ES_NIF", _es_nif, 8, "Real Decreto 1553/2005, NIF")),
    ("A9999999A", Mixed("ES_NIE", _es_nie, 10, "Orden INT/2058/2008, NIE")),
    ("999999A9999", Mixed("FI_PERSONAL_IDENTITY_CODE", _fi_hetu, 11, "DVV, Personal identity code (1010/2022)")),
    ("999999A999A", Mixed("FI_PERSONAL_IDENTITY_CODE", _fi_hetu, 11, "DVV, Personal identity code (1010/2022)")),
    ("999999A99999999", Mixed("FR_NIR", _fr_nir, 12, "INSEE, NIR of Corsica")),
    ("AAAAAA99A99A999A", Mixed("IT_FISCAL_CODE", _it_cf, 14, "DM 12/03/1974, codice fiscale")),
    ("AAAA999999AAAAAA99", Mixed("MX_CURP", _mx_curp, 14, "RENAPO, CURP; DOF 18/10/2021")),
    ("AAAA999999AAAAAAA9", Mixed("MX_CURP", _mx_curp, 14, "RENAPO, CURP; DOF 18/10/2021")),
    ("AAAA999999AAA", Mixed("MX_RFC", _mx_rfc, 9, "SAT, RFC")),
    ("AAAA999999A9A", Mixed("MX_RFC", _mx_rfc, 9, "SAT, RFC")),
    ("AAAA999999AA9", Mixed("MX_RFC", _mx_rfc, 9, "SAT, RFC")),
    ("AAAA9999999A9", Mixed("MX_RFC", _mx_rfc, 9, "SAT, RFC")),
    ("A999999999", Mixed("DE_HEALTH_INSURANCE", _de_kvnr, 5.5, "GKV, § 290 SGB V, KVNR")),
    ("A999999999", Mixed("TW_ID", _tw_id, 4.5, "Household Registration Act, ROC national ID")),
    ("99999999A999", Mixed("DE_SOCIAL_SECURITY", _de_rvnr, 11, "VKVV § 2, Versicherungsnummer")),
    *(
        (form, Mixed("US_MBI", _us_mbi, 11, "CMS, Medicare Beneficiary Identifier format"))
        for form in ("9AA9AA9AA99", "9A99AA9AA99", "9AA9A99AA99", "9A99A99AA99")
    ),
    ("A99A99A99", Mixed("DE_ID_CARD", _de_card, 2, "PAuswV; ICAO Doc 9303")),
    ("A999999999A", Mixed("KE_PIN", _ke_pin, 7, "KRA, PIN")),
    ("AAAAA9999A", Mixed("IN_PAN", _in_pan, 7, "Income Tax Rule 114, PAN")),
    ("AAA9999999", Mixed("IN_VOTER", _always, 2, "ECI, EPIC number")),
    ("A9999999A", Mixed("SG_NRIC_FIN", _sg_nric, 9, "ICA Singapore, NRIC and FIN")),
    ("AA999999A", Mixed("UK_NINO", _uk_nino, 7, "HMRC NIM39110, National Insurance number")),
    ("AA9999999", Mixed("MEDICAL_LICENSE", _us_dea, 5.5, "DEA, 21 CFR 1301, registration number")),
    ("AA9999999", Mixed("IT_IDENTITY_CARD", _always, 0, "Ministero dell'Interno, carta d'identità")),
    ("AA99999AA", Mixed("IT_IDENTITY_CARD", _always, 3, "Ministero dell'Interno, CIE")),
    ("AA9999999", Mixed("NL_ID_CARD", _nl_id, 3.2, "RvIG, documentnummer")),
    ("AA9999999A", Mixed("IT_DRIVER_LICENSE", _always, 2, "MIT, patente di guida")),
    ("A9A999A99A", Mixed("IT_DRIVER_LICENSE", _always, 5, "MIT, patente di guida U1")),
    ("A9999999", Mixed("HK_HKID", _hk_id, 5, "HK Immigration, HKID")),
    ("AA9999999", Mixed("HK_HKID", _hk_id, 3.5, "HK Immigration, HKID")),
    ("9999999A", Mixed("IE_PPS", _ie_pps, 5, "Revenue, PPS number")),
    ("9999999AA", Mixed("IE_PPS", _ie_pps, 6, "Revenue, PPS number")),
    ("9999999A", Mixed("CL_RUT", _cl_rut_k, 5, "SII Chile, RUT")),
    ("99999999A", Mixed("CL_RUT", _cl_rut_k, 5, "SII Chile, RUT")),
    ("AAAAA999999AA9AA", Mixed("UK_DRIVING_LICENCE", _uk_driving, 11, "DVLA, driver number (DG/SPEC)")),
    ("AAAAA999999AAAAA", Mixed("UK_DRIVING_LICENCE", _uk_driving, 11, "DVLA, driver number (DG/SPEC)")),
    (
        "AAAA9999999AA9AA",
        Mixed("UK_DRIVING_LICENCE", lambda t: t[4] == "9" and _uk_driving(t), 11, "DVLA, driver number"),
    ),
    (
        "AAA99999999AA9AA",
        Mixed("UK_DRIVING_LICENCE", lambda t: t[3:5] == "99" and _uk_driving(t), 11, "DVLA, driver number"),
    ),
    ("99AAAAA9999A9A9", Mixed("IN_GSTIN", _in_gstin, 11, "CGST Rules 2017, GSTIN")),
    ("99999999 9AA9", Mixed("PT_CARD", _pt_card, 7, "Portaria 203/2007, cartão de cidadão")),
    ("999999999AA9", Mixed("PT_CARD", _pt_card, 7, "Portaria 203/2007, cartão de cidadão")),
    ("A99999999", Mixed("US_PASSPORT", _always, 0.5, "US State Department, 7 FAM 1300: next generation passport")),
    ("9999999999", Mixed("PASSPORT", _always, 0, "ICAO Doc 9303, document number")),
    ("A9999999", Mixed("IN_PASSPORT", _always, 0, "MEA India, passport number")),
    ("AAA999999", Mixed("ES_PASSPORT", _always, 0.5, "BOE, RD 896/2003; ICAO Doc 9303")),
    ("AA9999999", Mixed("UK_PASSPORT", _always, 0, "HMPO, ICAO Doc 9303")),
    ("A999A9999", Mixed("KR_PASSPORT", _kr_passport, 3, "MOFA Korea, passport number")),
    ("A99999999", Mixed("KR_PASSPORT", _kr_passport, 0, "MOFA Korea, passport number")),
)


def _by_signature() -> dict[str, tuple[Mixed, ...]]:
    found: dict[str, list[Mixed]] = {}
    for form, mixed in _FORMS:
        found.setdefault(form, []).append(mixed)
    return {form: tuple(kinds) for form, kinds in found.items()}


MIXED: Final = _by_signature()
"""What may have a form, as `signature` writes it."""

# SWIFT, IBAN Registry, release 99: country and length.
_IBAN: Final = """AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29
 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21
 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24
 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"""
IBAN_LENGTHS: Final = {word[:2]: int(word[2:]) for word in _IBAN.split()}
"""How long the IBAN of each country is."""
_SEPARATED: Final = lazily(r"[ -]?[A-Za-z0-9]")


def iban_end(text: str, at: int) -> int:
    """Where the IBAN that begins at `at` ends; 0 when none does (ISO 13616-1: length by country, MOD 97-10)."""
    length = IBAN_LENGTHS.get(text[at : at + 2].upper(), 0)
    if not length:
        return 0
    chars: list[str] = []
    end = at
    while len(chars) < length:
        match = _SEPARATED.match(text, end)
        if match is None:
            return 0
        chars.append(match.group()[-1])
        end = match.end()
    return end if mod97("".join(chars).upper()) else 0
