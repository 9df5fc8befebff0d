"""Numbers with letters in them that states and banks give out: found by what kind of character stands where."""

from collections.abc import Callable
from typing import Final, NamedTuple

from arc_runtime.redaction._checks import is_date, is_month_and_day, iso7064_mod11_2, mod97, weighted
from arc_runtime.redaction._lazily import lazily

__all__ = ["GROUPED", "IBAN_LENGTHS", "MIXED", "OMOCODIA", "Mixed", "iban_end", "is_german_document", "signature"]


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
_ALPHANUMERIC: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CF_VALUES: Final = (
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
)  # fmt: skip
_CF_ODD: Final = dict(zip(_ALPHANUMERIC, _CF_VALUES, strict=True))
_CF_DIGITS: Final = frozenset((6, 7, 9, 10, 12, 13, 14))
_OMOCODIA: Final = str.maketrans("LMNPQRSTUV", "0123456789")
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
    return is_month_and_day(_two(t, len(t) - 7), _two(t, len(t) - 5))


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
    """Whether nine characters are the number of a German card or passport, the last its check digit.

    The characters are those of PAuswG § 2 (8) and PassV annex 11, without what is easily misread; the check digit is that
    of ICAO Doc 9303-3, 4.9.
    """
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
    total = weighted(t, (8, 7, 6, 5, 4, 3, 2)) + (9 * (ord(t[8]) - 64) if len(t) == 9 and t[8] not in "WTX" else 0)
    return "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == t[7]


def _cl_rut_k(t: str) -> bool:
    return t[-1] == "K" and weighted(t[-2::-1], (2, 3, 4, 5, 6, 7, 2, 3)) % 11 == 1


def _uk_driving(t: str) -> bool:
    return _two(t, 6) % 50 <= 12 and 1 <= _two(t, 8) <= 31


def _us_mbi(t: str) -> bool:
    return t[0] != "0" and not set(t) & set("SLOIBZ")


def _in_gstin(t: str) -> bool:
    return 1 <= _two(t, 0) <= 37 and t[13] == "Z"


def _cn_ric(t: str) -> bool:
    dated = t[6:8] in {"18", "19", "20"} and is_date(int(t[6:10]), _two(t, 10), _two(t, 12))
    return t[0] != "0" and t[17] == "X" and dated and iso7064_mod11_2(t)


def _pt_card(t: str) -> bool:
    values = [int(char, 36) for char in t]
    doubled = [value * 2 - 9 if value * 2 > 9 else value * 2 for value in values[-2::-2]]
    return (sum(doubled) + sum(values[-1::-2])) % 10 == 0


def _kr_passport(t: str) -> bool:
    return t[0] in "MSRGD"


_UPN: Final = "ABCDEFGHJKLMNPQRTUVWXYZ0123456789"
_CY: Final = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
_NHI: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_RIF: Final = {"V": 4, "E": 8, "J": 12, "P": 16, "G": 20}


def _uk_upn(t: str) -> bool:
    return t[-1] in _UPN and _UPN[sum(index * _UPN.index(char) for index, char in enumerate(t[1:], 2)) % 23] == t[0]


def _mu_nid(t: str) -> bool:
    total = sum((14 - index) * int(char, 36) for index, char in enumerate(t[:13]))
    return is_month_and_day(_two(t, 3), _two(t, 1)) and -total % 17 == int(t[13], 36)


def _ve_rif(t: str) -> bool:
    return t[0] in _RIF and "00987654321"[(_RIF[t[0]] + weighted(t[1:9], (3, 2, 7, 6, 5, 4, 3, 2))) % 11] == t[9]


def _al_nid(t: str) -> bool:
    month = _two(t, 2)
    return t[0] <= "T" and is_month_and_day(month - 50 if month > 50 else month, _two(t, 4))


def _ad_nrt(t: str) -> bool:
    return t[0] in "ACDEFGLOPU"


def _us_ptin(t: str) -> bool:
    return t[0] == "P"


def _pe_cui(t: str) -> bool:
    return "KJIHGFEDCBA"[weighted(t, (3, 2, 7, 6, 5, 4, 3, 2)) % 11] == t[8]


def _cy_tic(t: str) -> bool:
    total = sum(_CY[int(digit)] for digit in t[:8:2]) + sum(int(digit) for digit in t[1:8:2])
    return t[0] in "01" and chr(65 + total % 26) == t[8]


def _lk_nic(t: str) -> bool:
    return t[9] in "VX" and 1 <= int(t[2:5]) % 500 <= 366


def _by_personal(t: str) -> bool:
    total = sum(int(char, 36) * weight for char, weight in zip(t[:13], (7, 3, 1) * 5, strict=False))
    dated = t[0] in "123456" and is_month_and_day(_two(t, 3), _two(t, 1))
    return dated and t[7] in "ABCHKEM" and t[11:13] in {"PB", "BA", "BI"} and total % 10 == int(t[13])


def _ni_cedula(t: str) -> bool:
    return is_month_and_day(_two(t, 5), _two(t, 3)) and "ABCDEFGHJKLMNPQRSTUVWXY"[int(t[:13]) % 23] == t[13]


def _gh_card(t: str) -> bool:
    return t.startswith("GHA")


def _nz_nhi(t: str) -> bool:
    if set(t[:3]) & set("IO"):
        return False
    total = sum((_NHI.index(char) + 1) * weight for char, weight in zip(t[:3], (7, 6, 5), strict=True))
    rest = (total + weighted(t[3:6], (4, 3, 2))) % 11
    return rest != 0 and (11 - rest) % 10 == int(t[6])


def _mt_id(t: str) -> bool:
    return t[7] in "MGAPLHBZ"


def _pl_id_card(t: str) -> bool:
    return sum(int(char, 36) * weight for char, weight in zip(t, (7, 3, 1, 9, 7, 3, 1, 7, 3), strict=True)) % 10 == 0


def _pl_passport(t: str) -> bool:
    return sum(int(char, 36) * weight for char, weight in zip(t, (7, 3, 9, 1, 7, 3, 1, 7, 3), strict=True)) % 10 == 0


def _mx_elector(t: str) -> bool:
    return t[14] in "HM" and is_month_and_day(_two(t, 8), _two(t, 10))


def _in_driving(t: str) -> bool:
    return t[4:6] in {"19", "20"}


def _za_passport(t: str) -> bool:
    return t[0] in "ADMT"


def _it_cf_varied(t: str) -> bool:
    """Of two people with the same number, one has letters for digits (omocodia)."""
    digits = "".join(char.translate(_OMOCODIA) if index in _CF_DIGITS else char for index, char in enumerate(t))
    return signature(digits) == "AAAAAA99A99A999A" and signature(t) != "AAAAAA99A99A999A" and _it_cf(t)


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
    *(
        (f"{name}999999{end}", Mixed("MX_RFC", _mx_rfc, 9, "SAT, RFC: four letters of people, three of companies"))
        for name in ("AAAA", "AAA")
        for end in ("AAA", "AA9", "A9A", "A99", "9AA", "9A9", "99A", "999")
        if (name, end) != ("AAA", "999")
    ),
    ("A999999999", Mixed("DE_HEALTH_INSURANCE", _de_kvnr, 5.5, "GKV, § 290 SGB V, KVNR")),
    ("A999999999", Mixed("TW_ID", _tw_id, 4.5, "Household Registration Act, ROC national ID")),
    ("99999999A999", Mixed("DE_SOCIAL_SECURITY", _de_rvnr, 11, "VKVV § 2, Versicherungsnummer")),
    *(
        (form, Mixed("US_MBI", _us_mbi, 11, "CMS, Medicare Beneficiary Identifier format"))
        for form in ("9AA9AA9AA99", "9A99AA9AA99", "9AA9A99AA99", "9A99A99AA99")
    ),
    ("A99A99A99", Mixed("DE_ID_CARD", _de_card, 2, "PAuswG § 2 (8); ICAO Doc 9303-3")),
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
    ("9999999A", Mixed("CL_RUT", _cl_rut_k, 8.3, "SII Chile, RUT")),
    ("99999999A", Mixed("CL_RUT", _cl_rut_k, 9.9, "SII Chile, RUT")),
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
    ("99999999999999999A", Mixed("CN_RIC", _cn_ric, 16, "GB 11643-1999: X for ten")),
    ("99999999 9AA9", Mixed("PT_CARD", _pt_card, 7, "Portaria 203/2007, cartão de cidadão")),
    ("999999999AA9", Mixed("PT_CARD", _pt_card, 7, "Portaria 203/2007, cartão de cidadão")),
    ("A99999999", Mixed("US_PASSPORT", _always, 0.5, "US State Department, 7 FAM 1300: next generation passport")),
    ("9999999999", Mixed("PASSPORT", _always, 0, "ICAO Doc 9303, document number")),
    ("A9999999", Mixed("IN_PASSPORT", _always, 0, "MEA India, passport number")),
    ("AAA999999", Mixed("ES_PASSPORT", _always, 0.5, "BOE, RD 896/2003; ICAO Doc 9303")),
    ("AA9999999", Mixed("UK_PASSPORT", _always, 0, "HMPO, ICAO Doc 9303")),
    ("AA9999999", Mixed("IT_PASSPORT", _always, 0, "Polizia di Stato, passaporto; ICAO Doc 9303")),
    ("AA9999999", Mixed("PL_PASSPORT", _pl_passport, 0, "Polish MSWiA, paszport: weights 7 3 9 1 7 3 1 7 3")),
    ("A9999999A", Mixed("PH_PASSPORT", _always, 0, "DFA Philippines, passport number")),
    ("AA9999999", Mixed("PH_PASSPORT", _always, 0, "DFA Philippines, passport number")),
    ("A99999999", Mixed("ZA_PASSPORT", _za_passport, 0, "DHA South Africa, passport number")),
    ("99AA99999", Mixed("FR_PASSPORT", _always, 2, "ANTS France, passeport")),
    ("A999999999999", Mixed("UK_UPN", _uk_upn, 8, "DfE, A guide to unique pupil numbers")),
    ("A99999999999A", Mixed("UK_UPN", _uk_upn, 8, "DfE, A guide to unique pupil numbers: temporary ones")),
    ("A9999999999999", Mixed("MU_NID", _mu_nid, 9, "Mauritius, National Identity Card Act; mod 17")),
    ("A999999999999A", Mixed("MU_NID", _mu_nid, 9, "Mauritius, National Identity Card Act; mod 17")),
    ("A999999999", Mixed("VE_RIF", _ve_rif, 5.4, "SENIAT Venezuela, RIF; mod 11")),
    ("A99999999A", Mixed("AL_NID", _al_nid, 6, "DPGJC Albania, NID")),
    ("A999999A", Mixed("AD_NRT", _ad_nrt, 2, "Andorra, Llei 11/2012, NRT")),
    ("A99999999", Mixed("US_PTIN", _us_ptin, 0, "IRS, Form W-12, PTIN")),
    ("99999999A", Mixed("PE_CUI", _pe_cui, 7.5, "RENIEC, DNI with its check letter")),
    ("99999999A", Mixed("CY_TIC", _cy_tic, 9.5, "Cyprus Tax Department, TIC; OECD TIN")),
    ("999999999A", Mixed("LK_NIC", _lk_nic, 5.5, "DRP Sri Lanka, NIC of nine digits")),
    (
        "9999999A999AA9",
        Mixed("BY_PERSONAL_NUMBER", _by_personal, 16, "Belarus MoI, personal number; ICAO 9303 weights"),
    ),
    ("9999999999999A", Mixed("NI_CEDULA", _ni_cedula, 9, "CSE Nicaragua, cédula; mod 23")),
    ("AAA9999999999", Mixed("GH_CARD", _gh_card, 13, "NIA Ghana, Ghana Card")),
    ("AAA9999", Mixed("NZ_NHI", _nz_nhi, 3, "Health NZ, HISO 10046 NHI number; mod 11")),
    ("99999999A99", Mixed("ZW_ID", _always, 2, "Zimbabwe, National Registration Act")),
    ("999999999A99", Mixed("ZW_ID", _always, 2, "Zimbabwe, National Registration Act")),
    ("999999999999A", Mixed("MZ_BI", _always, 0, "DIC Mozambique, bilhete de identidade")),
    ("999999999AA999", Mixed("AO_BI", _always, 7, "DNAICC Angola, bilhete de identidade")),
    ("9999999A", Mixed("MT_ID", _mt_id, 1.5, "Identità Malta, identity card number; OECD TIN")),
    ("AAA999999", Mixed("PL_ID_CARD", _pl_id_card, 3.3, "Polish MSWiA, dowód osobisty: weights 7 3 1 9 7 3 1 7 3")),
    ("AAAAAA99999999A999", Mixed("MX_CLAVE_ELECTOR", _mx_elector, 12, "INE Mexico, clave de elector")),
    ("AA9999999999999", Mixed("IN_DRIVER_LICENSE", _in_driving, 7, "MoRTH India, Sarathi: driving licence number")),
    ("AA99999999A", Mixed("DE_FUEHRERSCHEIN", _always, 2, "FeV, Anlage 8: Führerscheinnummer")),
    ("AA999999999", Mixed("DE_FUEHRERSCHEIN", _always, 0, "FeV, Anlage 8: Führerscheinnummer")),
    ("A99999999", Mixed("DE_ID_CARD", lambda t: t[0] == "T", 0, "PersAuswG of 1950: serial number until 2010")),
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

OMOCODIA: Final = Mixed("IT_FISCAL_CODE", _it_cf_varied, 14, "DM 12/03/1974, codice fiscale: omocodia")
"""The one number in which any digit may be a letter, so that it has no signature."""

GROUPED: Final = frozenset(
    {
        (4, 6, 3), (8, 1, 3), (1, 7, 1), (1, 8, 1), (1, 8), (8, 1), (7, 1), (7, 2), (2, 6, 1), (5, 6, 5), (3, 3, 5, 5), (2, 6, 1, 3),
        (1, 3, 3, 3), (2, 2, 2, 2, 1), (4, 3, 4), (3, 6, 5), (3, 9, 1), (2, 6, 1, 2), (2, 7, 1, 2), (1, 6, 1), (3, 4), (5, 4, 1),
        (2, 7), (3, 6), (1, 3, 4), (1, 2, 2, 2, 3, 3, 2), (6, 8, 1, 3), (4, 6, 6, 2), (2, 6), (2, 3, 4), (4, 4, 4, 1), (2, 8, 1), (1, 7),
    }
)  # fmt: skip
"""In what groups authorities and people write numbers with letters: MX_RFC, PT_CARD, ES_NIE, VE_RIF, UK_DRIVING_LICENCE, ..."""

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
