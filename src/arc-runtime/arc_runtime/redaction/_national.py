"""Numbers that states give to people and their payers: form, check digits, and what their documents call them.

One line a number: how it is written, how it is checked, how much that proves (`bits`: one number in two to that power
passes by chance), and where its form is published. Without a clue beside it a number needs a check that proves much
and a place of its own; `_numbers` weighs that.
"""

from typing import Final

from arc_runtime.redaction._checks import (
    aba_routing,
    ean13,
    is_date,
    is_month_and_day,
    iso7064_mod11_2,
    iso7064_mod11_10,
    luhn,
    verhoeff,
    weighted,
)
from arc_runtime.redaction._number import Number
from arc_runtime.redaction._registers import REGISTERS

__all__ = ["BY_LENGTH", "NAMED_BY_LENGTH", "NUMBERS", "WEAK"]


# --- the checks that are of one number alone ------------------------------------------------------------------------


def _two(digits: str, at: int) -> int:
    return int(digits[at : at + 2])


def _varied(digits: str) -> bool:
    return digits.count(digits[0]) != len(digits)


def _ymd(digits: str) -> bool:
    """Two digits each of year, month and day."""
    return is_month_and_day(_two(digits, 2), _two(digits, 4))


def _dmy(digits: str) -> bool:
    return is_month_and_day(_two(digits, 2), _two(digits, 0))


def _ar_cuit(d: str) -> bool:
    rest = 11 - weighted(d, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return d[:2] in {"20", "23", "24", "25", "26", "27", "30", "33", "34"} and int(d[10]) == {11: 0, 10: 9}.get(
        rest, rest
    )


def _au_tfn(d: str) -> bool:
    return _varied(d) and weighted(d, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def _au_abn(d: str) -> bool:
    weights = (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)
    return d[0] != "0" and (weighted(d, weights) - 10) % 89 == 0


def _au_acn(d: str) -> bool:
    return (10 - weighted(d, (8, 7, 6, 5, 4, 3, 2, 1)) % 10) % 10 == int(d[8])


def _au_medicare(d: str) -> bool:
    return d[0] in "23456" and weighted(d, (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(d[8]) and d[9] != "0"


def _be_check(d: str) -> bool:
    check = int(d[9:])
    return check in {97 - int(d[:9]) % 97, 97 - int("2" + d[:9]) % 97}


def _be_nn(d: str) -> bool:
    month, day = _two(d, 2), _two(d, 4)
    return month <= 12 and day <= 31 and _be_check(d)


def _be_bis(d: str) -> bool:
    month, day = _two(d, 2), _two(d, 4)
    return (20 <= month <= 32 or 40 <= month <= 52) and day <= 31 and _be_check(d)


def _bg_egn(d: str) -> bool:
    month = _two(d, 2)
    month -= 40 if month > 40 else 20 if month > 20 else 0
    return is_month_and_day(month, _two(d, 4)) and weighted(d, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == int(d[9])


def _bg_pnf(d: str) -> bool:
    return _varied(d) and weighted(d, (21, 19, 17, 13, 11, 9, 7, 3, 1)) % 10 == int(d[9])


def _mod11_pair(d: str, first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    for weights, at in ((first, len(first)), (second, len(second))):
        rest = weighted(d, weights) % 11
        if (0 if rest < 2 else 11 - rest) != int(d[at]):
            return False
    return True


def _br_cpf(d: str) -> bool:
    return _varied(d) and _mod11_pair(d, (10, 9, 8, 7, 6, 5, 4, 3, 2), (11, 10, 9, 8, 7, 6, 5, 4, 3, 2))


def _ca_sin(d: str) -> bool:
    return d[0] not in "08" and _varied(d) and luhn(d)


def _cl_rut(d: str) -> bool:
    body = d[:-1]
    return _varied(d) and (11 - weighted(body[::-1], (2, 3, 4, 5, 6, 7, 2, 3))) % 11 == int(d[-1])


def _cn_ric(d: str) -> bool:
    return (
        d[0] in "123456789"
        and is_date(int(d[6:10]), _two(d, 10), _two(d, 12))
        and d[6:8] in {"18", "19", "20"}
        and iso7064_mod11_2(d)
    )


def _co_nit(d: str) -> bool:
    rest = weighted(d[-2::-1], (3, 7, 13, 17, 19, 23, 29, 37, 41)) % 11
    return (rest if rest < 2 else 11 - rest) == int(d[-1])


def _cz_rc(d: str) -> bool:
    month = _two(d, 2)
    month -= 70 if month > 70 else 50 if month > 50 else 20 if month > 20 else 0
    if not is_month_and_day(month, _two(d, 4)):
        return False
    return d[6:] != "000" and not 54 <= _two(d, 0) < 80 if len(d) == 9 else int(d[:9]) % 11 % 10 == int(d[9])


def _de_tax_id(d: str) -> bool:
    body = d[:10]
    counts = sorted(map(body.count, set(body)))
    # One digit stands twice or three times, the others once (since 2016 also three times).
    return d[0] != "0" and counts[-1] in (2, 3) and counts[:-1].count(1) >= len(counts) - 1 and iso7064_mod11_10(d)


def _dk_cpr(d: str) -> bool:
    return _dmy(d)


def _do_cedula(d: str) -> bool:
    return _varied(d) and luhn(d)


def _ec_ci(d: str) -> bool:
    province = _two(d, 0)
    return (1 <= province <= 24 or province == 30) and d[2] < "6" and luhn(d)


def _ee_ik(d: str) -> bool:
    if not ("1" <= d[0] <= "8" and is_month_and_day(_two(d, 3), _two(d, 5))):
        return False
    rest = weighted(d, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if rest == 10:
        rest = weighted(d, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return rest == int(d[10])


def _eg_nid(d: str) -> bool:
    governorate = _two(d, 7)
    return d[0] in "23" and _ymd(d[1:]) and (1 <= governorate <= 35 or governorate == 88)


def _fr_nif(d: str) -> bool:
    return d[0] in "0123" and int(d[:10]) % 511 == int(d[10:])


def _fr_nir(d: str) -> bool:
    month = _two(d, 3)
    plausible = d[0] in "123478" and (1 <= month <= 12 or 20 <= month <= 42 or 50 <= month <= 99)
    return plausible and (97 - int(d[:13]) % 97) == int(d[13:])


def _gb_nhs(d: str) -> bool:
    return _varied(d) and (11 - weighted(d, (10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11) % 11 == int(d[9])


def _gb_utr(d: str) -> bool:
    return "21987654321"[weighted(d[1:], (6, 7, 8, 9, 10, 5, 4, 3, 2)) % 11] == d[0]


def _gr_amka(d: str) -> bool:
    return _dmy(d) and luhn(d)


def _hu_taj(d: str) -> bool:
    return weighted(d, (3, 7, 3, 7, 3, 7, 3, 7)) % 10 == int(d[8])


def _hu_personal(d: str) -> bool:
    return (
        d[0] in "12345678" and is_month_and_day(_two(d, 3), _two(d, 5)) and weighted(d, range(1, 11)) % 11 == int(d[10])
    )


def _id_nik(d: str) -> bool:
    day = _two(d, 6)
    return 11 <= _two(d, 0) <= 97 and is_month_and_day(_two(d, 8), day - 40 if day > 40 else day)


def _in_aadhaar(d: str) -> bool:
    return d[0] not in "01" and d != d[::-1] and verhoeff(d)


def _is_kennitala(d: str) -> bool:
    day = _two(d, 0)
    day -= 40 if day > 40 else 0
    check = (11 - weighted(d, (3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11
    return is_month_and_day(_two(d, 2), day) and d[9] in "890" and check == int(d[8])


def _jp_my_number(d: str) -> bool:
    rest = weighted(d, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return _varied(d) and (0 if rest < 2 else 11 - rest) == int(d[11])


def _kr_rest(d: str) -> int:
    return 11 - weighted(d, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11


def _kr_rrn(d: str) -> bool:
    # Since October 2020 the last six digits are random, so that the check digit says nothing of new numbers.
    return d[6] in "123490" and _ymd(d) and _two(d, 7) <= 96


def _kr_frn(d: str) -> bool:
    return d[6] in "5678" and _ymd(d) and _two(d, 7) <= 96


def _kz_iin(d: str) -> bool:
    rest = weighted(d, range(1, 12)) % 11
    if rest == 10:
        rest = weighted(d, (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)) % 11
    return _ymd(d) and d[6] in "0123456" and rest == int(d[11])


def _lv_pk(d: str) -> bool:
    check = (1101 - weighted(d, (1, 6, 3, 7, 9, 10, 5, 8, 4, 2))) % 11 % 10
    return _dmy(d) and d[6] in "012" and check == int(d[10])


def _my_nric(d: str) -> bool:
    place = _two(d, 6)
    return _ymd(d) and place not in {0, 17, 18, 19, 20, 69, 70, 73, 80, 81, 94, 95, 96, 97}


def _nl_bsn(d: str) -> bool:
    return _varied(d) and (weighted(d, (9, 8, 7, 6, 5, 4, 3, 2)) - int(d[8])) % 11 == 0


def _no_fnr(d: str) -> bool:
    day, month = _two(d, 0), _two(d, 2)
    dated = is_month_and_day(month - 40 if month > 40 else month, day - 40 if day > 40 else day)
    return (
        dated
        and (11 - weighted(d, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11) % 11 == int(d[9])
        and (11 - weighted(d, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11 == int(d[10])
    )


def _nz_ird(d: str) -> bool:
    full = d.zfill(9)
    if not 10_000_000 < int(d) < 150_000_000:
        return False
    check = -weighted(full, (3, 2, 7, 6, 5, 4, 3, 2)) % 11
    if check == 10:
        check = -weighted(full, (7, 4, 3, 2, 5, 2, 7, 6)) % 11
    return check == int(full[8])


def _pk_cnic(d: str) -> bool:
    return d[0] in "1234567" and d[12] != "0"


def _pl_pesel(d: str) -> bool:
    return is_month_and_day(_two(d, 2) % 20, _two(d, 4)) and (
        10 - weighted(d, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10
    ) % 10 == int(d[10])


def _pl_nip(d: str) -> bool:
    return d[0] != "0" and weighted(d, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == int(d[9])


def _pt_nif(d: str) -> bool:
    rest = 11 - weighted(d, (9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return d[0] in "1235689" and (0 if rest > 9 else rest) == int(d[8])


def _ro_cnp(d: str) -> bool:
    check = weighted(d, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return d[0] != "0" and is_month_and_day(_two(d, 3), _two(d, 5)) and (1 if check == 10 else check) == int(d[12])


def _jmbg(d: str) -> bool:
    rest = 11 - weighted(d, (7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return _dmy(d) and d[4] in "90" and (0 if rest > 9 else rest) == int(d[12])


def _si_emso(d: str) -> bool:
    return d[7] == "5" and _jmbg(d)


def _rs_jmbg(d: str) -> bool:
    return d[7] in "06789" and _jmbg(d)


def _ba_jmbg(d: str) -> bool:
    return d[7] == "1" and _jmbg(d)


def _me_jmbg(d: str) -> bool:
    return d[7] == "2" and _jmbg(d)


def _hr_jmbg(d: str) -> bool:
    return d[7] == "3" and _jmbg(d)


def _mk_embg(d: str) -> bool:
    return d[7] == "4" and _jmbg(d)


def _ru_inn(d: str) -> bool:
    if len(d) == 10:
        return _varied(d) and weighted(d, (2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10 == int(d[9])
    tenth = weighted(d, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    last = weighted(d, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    return _varied(d) and tenth == int(d[10]) and last == int(d[11])


def _ru_snils(d: str) -> bool:
    return d > "00100199800" and weighted(d, range(9, 0, -1)) % 101 % 100 == int(d[9:])


def _sa_id(d: str) -> bool:
    return d[0] in "12" and luhn(d)


def _se_personnummer(d: str) -> bool:
    short = d[-10:]
    if len(d) == 12 and d[:2] not in {"18", "19", "20"}:
        return False
    day = _two(short, 4)
    return is_month_and_day(_two(short, 2), day - 60 if day > 60 else day) and luhn(short)


def _se_organisation(d: str) -> bool:
    return d[2] >= "2" and luhn(d)


def _th_tnin(d: str) -> bool:
    return d[0] in "12345678" and _varied(d) and (11 - weighted(d, range(13, 1, -1)) % 11) % 10 == int(d[12])


def _tr_id(d: str) -> bool:
    tenth = (7 * sum(map(int, d[0:9:2])) - sum(map(int, d[1:8:2]))) % 10
    return d[0] != "0" and tenth == int(d[9]) and sum(map(int, d[:10])) % 10 == int(d[10])


def _ua_rntrc(d: str) -> bool:
    return _varied(d) and weighted(d, (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 11 % 10 == int(d[9])


def _us_ssn(d: str) -> bool:
    return d[:3] not in {"000", "666"} and d[0] != "9" and d[3:5] != "00" and d[5:] != "0000" and _varied(d)


def _us_itin(d: str) -> bool:
    group = _two(d, 3)
    return d[0] == "9" and (50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99)


def _us_atin(d: str) -> bool:
    return d[0] == "9" and d[3:5] == "93"


def _us_npi(d: str) -> bool:
    return d[0] in "12" and luhn("80840" + d)


def _uy_ci(d: str) -> bool:
    return -weighted(d.zfill(8), (2, 9, 8, 7, 6, 3, 4)) % 10 == int(d[-1])


def _za_id(d: str) -> bool:
    return _ymd(d) and d[10] in "012" and luhn(d)


def _il_id(d: str) -> bool:
    return _varied(d) and luhn(d)


def _ae_id(d: str) -> bool:
    return d.startswith("784") and luhn(d)


def _ch_ahv(d: str) -> bool:
    return d.startswith("756") and ean13(d)


def _always(_: str) -> bool:
    return True


def _it_vat(d: str) -> bool:
    return d[:7] != "0000000" and luhn(d)


def _kr_brn(d: str) -> bool:
    total = weighted(d, (1, 3, 7, 1, 3, 7, 1, 3)) + int(d[8]) * 5 // 10 + int(d[8]) * 5 % 10
    return (10 - total % 10) % 10 == int(d[9])


def _kr_office(d: str) -> bool:
    return d[:3] >= "101" and d[3:5] != "00"


def _kr_driver(d: str) -> bool:
    return 11 <= _two(d, 0) <= 28 and d[0] in "12"


def _de_lanr(d: str) -> bool:
    body = weighted(d, (4, 9, 4, 9, 4, 9))
    return (10 - body % 10) % 10 == int(d[6]) and d[:6] != "000000"


# bits: the check digits (3.3 for one of ten, 3.5 of eleven, 6.6 of ninety-seven), a date (3.2), a fixed beginning.
NUMBERS: Final = (
    Number("AE_EMIRATES_ID", (15,), ((3, 4, 7, 1),), _ae_id, 13, "UAE ICP, Emirates ID; Luhn, ISO 3166 numeric 784"),
    Number("AR_CUIT", (11,), ((2, 8, 1),), _ar_cuit, 7, "AFIP, Resolución General 10/97, CUIT/CUIL"),
    Number("AU_ABN", (11,), ((2, 3, 3, 3),), _au_abn, 6.5, "Australian Business Register, Format of the ABN"),
    Number("AU_ACN", (9,), ((3, 3, 3),), _au_acn, 3.3, "ASIC, Australian Company Number digit check"),
    Number(
        "AU_MEDICARE", (10,), ((4, 5, 1),), _au_medicare, 4.5, "Services Australia, Medicare card number; METeOR 270101"
    ),
    Number("AU_TFN", (8, 9), ((3, 3, 3), (3, 3, 2), (2, 3, 3)), _au_tfn, 3.5, "ATO, Tax file number algorithm"),
    Number("BE_BIS", (11,), ((2, 2, 2, 3, 2), (6, 3, 2)), _be_bis, 9.6, "KSZ/BCSS, BIS-nummer"),
    Number("BE_NN", (11,), ((2, 2, 2, 3, 2), (6, 3, 2)), _be_nn, 10.2, "Rijksregister, KB 3 April 1984"),
    Number("BG_EGN", (10,), ((6, 4),), _bg_egn, 6.7, "GRAO, ЕГН; Ordinance RD-02-20-9"),
    Number("BG_PNF", (10,), ((4, 3, 3),), _bg_pnf, 3.3, "Bulgarian MoI, ЛНЧ"),
    Number("BR_CPF", (11,), ((3, 3, 3, 2),), _br_cpf, 6.9, "Receita Federal, CPF; IN RFB 1548/2015"),
    Number("CA_SIN", (9,), ((3, 3, 3),), _ca_sin, 3.6, "Service Canada, Social Insurance Number; Luhn"),
    Number("CH_SSN", (13,), ((3, 4, 4, 2),), _ch_ahv, 13, "ZAS/CdC, AHV-Nummer (13 digits, 756, EAN-13)"),
    Number("CL_RUT", (8, 9), ((2, 3, 3, 1), (1, 3, 3, 1), (8, 1), (7, 1)), _cl_rut, 3.5, "SII Chile, RUT, module 11"),
    Number("CN_RIC", (18,), ((6, 8, 4),), _cn_ric, 13.1, "GB 11643-1999"),
    Number("CO_NIT", (9, 10), ((3, 3, 3, 1), (9, 1)), _co_nit, 3.4, "DIAN Colombia, NIT, Orden Administrativa 4/1989"),
    Number("CZ_RC", (10,), ((6, 4),), _cz_rc, 6.1, "Czech Act 133/2000, rodné číslo"),
    Number("CZ_RC", (9,), ((6, 3),), _cz_rc, 3.2, "Czech Act 133/2000, rodné číslo until 1953"),
    Number(
        "DE_TAX_ID",
        (11,),
        ((2, 3, 3, 3),),
        _de_tax_id,
        8.1,
        "BZSt, Identifikationsnummer § 139b AO; ISO 7064 MOD 11,10",
    ),
    Number("DK_CPR", (10,), ((6, 4),), _dk_cpr, 4.7, "CPR-kontoret, Personnummeret i CPR"),
    Number("DO_CEDULA", (11,), ((3, 7, 1),), _do_cedula, 3.3, "JCE Dominicana, cédula; Luhn"),
    Number("EC_CI", (10,), ((9, 1),), _ec_ci, 6.1, "Registro Civil Ecuador, cédula; module 10"),
    Number("EE_IK", (11,), (), _ee_ik, 8.4, "Estonian standard EVS 585:2007, isikukood"),
    Number("EG_NID", (14,), (), _eg_nid, 8.5, "Egyptian Civil Status Law 143/1994, 14-digit national number"),
    Number("FR_NIF", (13,), ((2, 2, 3, 3, 3),), _fr_nif, 12, "DGFiP, numéro SPI; OECD TIN France (mod 511)"),
    Number("FR_NIR", (15,), ((1, 2, 2, 2, 3, 3, 2), (13, 2)), _fr_nir, 7.6, "INSEE, NIR; décret 82-103"),
    Number("GR_AMKA", (11,), (), _gr_amka, 8.1, "IDIKA, AMKA; Luhn"),
    Number("HR_OIB", (11,), (), iso7064_mod11_10, 3.3, "Porezna uprava, OIB; ISO 7064 MOD 11,10"),
    Number("HU_PERSONAL_ID", (11,), ((1, 6, 4),), _hu_personal, 8.7, "Hungarian Act XX of 1996, személyi azonosító"),
    Number("HU_TAJ", (9,), ((3, 3, 3),), _hu_taj, 3.3, "NEAK, TAJ-szám; Act XX of 1996"),
    Number("ID_NIK", (16,), (), _id_nik, 4, "Indonesian Ministry of Home Affairs, NIK; UU 23/2006"),
    Number("IL_ID", (9,), ((8, 1),), _il_id, 3.3, "Israel Population Authority, Teudat Zehut; Luhn"),
    Number("IN_AADHAAR", (12,), ((4, 4, 4),), _in_aadhaar, 3.6, "UIDAI, A UID Numbering Scheme; Verhoeff"),
    Number("IS_KENNITALA", (10,), ((6, 4),), _is_kennitala, 8.9, "Þjóðskrá, kennitala; Act 140/2019"),
    Number("JP_MY_NUMBER", (12,), ((4, 4, 4),), _jp_my_number, 3.5, "MIC Japan, Ordinance 85 of 2014, Art. 5"),
    Number("KR_FRN", (13,), ((6, 7),), _kr_frn, 6.1, "Korean Immigration Act, registration number"),
    Number("KR_RRN", (13,), ((6, 7),), _kr_rrn, 5.5, "Korean Resident Registration Act, Enforcement Rule Art. 2"),
    Number("KZ_IIN", (12,), (), _kz_iin, 8.6, "Kazakhstan Law 223-III, ИИН"),
    Number("LT_ASMENS", (11,), (), _ee_ik, 8.5, "Lithuanian Register of Residents, asmens kodas"),
    Number("LV_PK", (11,), ((6, 5),), _lv_pk, 9.9, "PMLP Latvia, personas kods"),
    Number("MY_NRIC", (12,), ((6, 2, 4),), _my_nric, 5, "JPN Malaysia, MyKad number"),
    Number("NL_BSN", (9,), ((4, 2, 3), (3, 3, 3)), _nl_bsn, 3.5, "RvIG, Logisch Ontwerp BSN, 11-proef"),
    Number("NO_FNR", (11,), ((6, 5),), _no_fnr, 10, "Skatteetaten, fødselsnummer; folkeregisterforskriften § 2-2"),
    Number("NZ_IRD", (9,), ((3, 3, 3), (8, 1)), _nz_ird, 6.1, "Inland Revenue NZ, IRD number validation"),
    Number("NZ_IRD", (8,), ((2, 3, 3), (7, 1)), _nz_ird, 3.6, "Inland Revenue NZ, IRD number validation"),
    Number("PK_CNIC", (13,), ((5, 7, 1),), _pk_cnic, 0.7, "NADRA, CNIC"),
    Number("PL_NIP", (10,), ((3, 3, 2, 2), (3, 2, 2, 3)), _pl_nip, 3.2, "Polish Act of 13 October 1995, NIP"),
    Number("PL_PESEL", (11,), (), _pl_pesel, 6, "Polish Act of 24 September 2010, PESEL"),
    Number("PT_NIF", (9,), ((3, 3, 3),), _pt_nif, 3.6, "AT Portugal, NIF; DL 14/2013"),
    Number("RO_CNP", (13,), (), _ro_cnp, 8.1, "DEPABD, CNP; OUG 97/2005"),
    Number("RS_JMBG", (13,), (), _rs_jmbg, 12.3, "JMBG, Sl. list SFRJ 58/76"),
    Number("BA_JMBG", (13,), (), _ba_jmbg, 13.9, "JMBG, Sl. list SFRJ 58/76: regions 10 to 19"),
    Number("ME_JMBG", (13,), (), _me_jmbg, 12.9, "JMBG, Sl. list SFRJ 58/76: regions 20 to 29"),
    Number("HR_JMBG", (13,), (), _hr_jmbg, 13.6, "JMBG, Sl. list SFRJ 58/76: regions 30 to 39"),
    Number("MK_EMBG", (13,), (), _mk_embg, 13.6, "ЕМБГ, Macedonian Act 36/92; Sl. list SFRJ 58/76: regions 40 to 49"),
    Number("RU_INN", (12,), (), _ru_inn, 6.9, "FNS Russia, order MMV-7-6/435@, ИНН"),
    Number("RU_INN", (10,), (), _ru_inn, 3.3, "FNS Russia, ИНН of ten digits: organisations"),
    Number("RU_SNILS", (11,), ((3, 3, 3, 2),), _ru_snils, 6.6, "SFR Russia, СНИЛС check number"),
    Number("SA_ID", (10,), (), _sa_id, 5.6, "Saudi MoI, national ID and iqama; Luhn"),
    Number("SE_ORGANISATIONSNUMMER", (10,), ((6, 4),), _se_organisation, 3.6, "Skatteverket SKV 709; Act 1974:174"),
    Number("SE_PERSONNUMMER", (10,), ((6, 4),), _se_personnummer, 7.1, "Skatteverket SKV 704"),
    Number("SE_PERSONNUMMER", (12,), ((8, 4),), _se_personnummer, 12.4, "Skatteverket SKV 704"),
    Number("SI_EMSO", (13,), (), _si_emso, 13.9, "Slovenian Central Population Register Act, EMŠO"),
    Number("SK_RC", (10,), ((6, 4),), _cz_rc, 6, "Slovak Act 301/1995, rodné číslo"),
    Number("SK_RC", (9,), ((6, 3),), _cz_rc, 3.1, "Slovak Act 301/1995, rodné číslo until 1953"),
    Number("TH_TNIN", (13,), ((1, 4, 5, 2, 1),), _th_tnin, 3.6, "DOPA Thailand, 13-digit identification number"),
    Number("TR_NATIONAL_ID", (11,), (), _tr_id, 6.8, "NVI Turkey, T.C. kimlik numarası"),
    Number("UA_RNTRC", (10,), (), _ua_rntrc, 3.4, "DPS Ukraine, РНОКПП"),
    Number("UK_NHS", (10,), ((3, 3, 4),), _gb_nhs, 3.5, "NHS Data Dictionary, NHS NUMBER"),
    Number("UK_UTR", (10,), ((5, 5),), _gb_utr, 3.4, "HMRC, Unique Taxpayer Reference check digit"),
    Number("US_ATIN", (9,), ((3, 2, 4),), _us_atin, 10, "IRS, Form W-7A, ATIN 9xx-93-xxxx"),
    Number("US_ITIN", (9,), ((3, 2, 4),), _us_itin, 4.4, "IRS, Pub. 1915, ITIN"),
    Number("US_NPI", (10,), (), _us_npi, 5.6, "CMS, NPI check digit (80840 and Luhn)"),
    Number("US_SSN", (9,), ((3, 2, 4),), _us_ssn, 0.2, "SSA, POMS RM 10201.035"),
    Number("ABA_ROUTING_NUMBER", (9,), ((4, 4, 1),), aba_routing, 4.7, "ABA, Routing Number Policy"),
    Number("UY_CI", (7, 8), ((1, 3, 3, 1), (7, 1)), _uy_ci, 3.3, "DNIC Uruguay, cédula"),
    Number(
        "ZA_ID_NUMBER",
        (13,),
        ((6, 4, 3), (6, 4, 2, 1)),
        _za_id,
        10.1,
        "South African Identification Act 68 of 1997; Luhn",
    ),
    Number("KR_BRN", (10,), ((3, 2, 5),), _kr_brn, 3.3, "NTS Korea, business registration number"),
    Number("KR_DRIVER_LICENSE", (12,), ((2, 2, 6, 2),), _kr_driver, 2.5, "KNPA, driver's licence number"),
    Number("IT_VAT_CODE", (11,), (), _it_vat, 3.3, "Agenzia delle Entrate, partita IVA; DPR 633/72"),
    Number("DE_LANR", (9,), (), _de_lanr, 3.3, "KBV, Richtlinie Arztnummern § 75 Abs. 7 SGB V"),
)

# Numbers that nothing but their name tells: how many digits, and what the name may be is in `_clues`.
WEAK: Final = (
    Number("AR_DNI", (7, 8), ((2, 3, 3), (1, 3, 3)), _always, 0, "RENAPER, DNI"),
    Number("CR_CPF", (9, 10), ((1, 4, 4), (2, 4, 4)), _always, 0, "TSE Costa Rica, cédula física"),
    Number("CU_NI", (11,), (), _ymd, 3, "Cuban Resolution 1/2007, carné de identidad"),
    Number(
        "DE_TAX_NUMBER", (10, 11, 13), ((3, 3, 5), (2, 4, 4), (3, 4, 4), (2, 3, 5)), _always, 0, "ELSTER, Steuernummer"
    ),
    Number("DE_BSNR", (9,), (), _always, 0, "KBV, Richtlinie Betriebsstättennummer"),
    Number("NG_NIN", (11,), (), _always, 0, "NIMC Nigeria, NIN"),
    Number("PH_TIN", (9, 12), ((3, 3, 3), (3, 3, 3, 3)), _always, 0, "BIR Philippines, TIN"),
    Number("US_ATIN", (9,), ((3, 2, 4),), _us_ssn, 0, "IRS, Form W-7A: what is named so"),
    Number("DE_TAX_ID", (11,), ((2, 3, 3, 3),), iso7064_mod11_10, 0, "BZSt: what is named so"),
    Number("US_NPI", (10,), (), _always, 0, "CMS, NPI: what is named so"),
    Number("KR_BRN", (10,), ((3, 2, 5),), _kr_office, 0, "NTS Korea: what is named so, whatever its check digit"),
    Number("US_BANK_NUMBER", tuple(range(6, 18)), (), _always, 0, "NACHA file format, DFI account number"),
    Number("VN_CCCD", (12,), (), _always, 0, "Vietnam Decree 137/2015, số định danh"),
)


def _by_length(*, proving: bool) -> dict[int, tuple[Number, ...]]:
    found: dict[int, list[Number]] = {}
    for number in (*NUMBERS, *WEAK, *REGISTERS):
        for length in number.lengths if (number.bits > 0) is proving else ():
            found.setdefault(length, []).append(number)
    return {length: tuple(numbers) for length, numbers in found.items()}


BY_LENGTH: Final = _by_length(proving=True)
"""The numbers that have so many digits and a check, or a form, that proves something."""
NAMED_BY_LENGTH: Final = _by_length(proving=False)
"""Those that nothing but a word beside them tells."""
