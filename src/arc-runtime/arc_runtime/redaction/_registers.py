"""Numbers of registers besides those of `_national`: of health, tax and social insurance, of devices, and of more states.

Most prove little by their check alone and need their name beside them (`bits` 0); a check digit then still tells a right
one from a slip.
"""

from typing import Final

from arc_runtime.redaction._checks import (
    is_date,
    is_month_and_day,
    iso7064_mod11_10,
    luhn,
    verhoeff,
    weighted,
)
from arc_runtime.redaction._number import Number

__all__ = ["REGISTERS"]


def _two(digits: str, at: int) -> int:
    return int(digits[at : at + 2])


def _varied(digits: str) -> bool:
    return digits.count(digits[0]) != len(digits)


def _always(_: str) -> bool:
    return True


def _at_svnr(d: str) -> bool:
    # Where all numbers of a day are given out, the month is 13 or 14.
    dated = 1 <= _two(d, 4) <= 31 and 1 <= _two(d, 6) <= 14
    return dated and d[0] != "0" and weighted(d[:3] + d[4:], (3, 7, 9, 5, 8, 4, 2, 1, 6)) % 11 == int(d[3])


def _ca_bc_phn(d: str) -> bool:
    return d[0] == "9" and (11 - weighted(d[1:], (2, 4, 8, 5, 10, 9, 7, 3)) % 11) % 11 == int(d[9])


def _residence_1(d: str) -> bool:
    return d[0] == "1"


def _nl_student(d: str) -> bool:
    return d[:2] == "10" and (weighted(d, (9, 8, 7, 6, 5, 4, 3, 2)) - int(d[8])) % 11 == 5


def _ec_ruc(d: str) -> bool:
    province = _two(d, 0)
    return (1 <= province <= 24 or province == 30) and d[2] < "6" and luhn(d[:10]) and d[10:] == "001"


# ITU-T E.212, annex: the mobile country codes that are assigned, by their first two digits.
_MCC: Final = frozenset(
    [
        "20",
        "21",
        "22",
        "23",
        "24",
        "25",
        "26",
        "27",
        "28",
        "29",
        "30",
        "31",
        "33",
        "34",
        "35",
        "36",
        "37",
        "40",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "47",
        "50",
        "51",
        "52",
        "53",
        "54",
        "55",
        "60",
        "61",
        "62",
        "63",
        "64",
        "65",
        "70",
        "71",
        "72",
        "73",
        "74",
        "75",
        "90",
    ]
)


def _imsi(d: str) -> bool:
    return d[:2] in _MCC and _varied(d)


# GSMA TS.06, annex A: who allocates a type allocation code.
_IMEI: Final = frozenset(
    ["01", "10", "30", "33", "35", "44", "45", "49", "50", "51", "52", "53", "54", "86", "91", "97", "98", "99"]
)


def _imei(d: str) -> bool:
    return d[:2] in _IMEI and luhn(d)


def _be_card(d: str) -> bool:
    return _varied(d) and (int(d[:10]) % 97 or 97) == int(d[10:])


def _md_idnp(d: str) -> bool:
    return d[0] in "02" and weighted(d, (7, 3, 1, 7, 3, 1, 7, 3, 1, 7, 3, 1)) % 10 == int(d[12])


def _lu_matricule(d: str) -> bool:
    return (
        d[:2] in {"18", "19", "20"}
        and is_date(int(d[:4]), _two(d, 4), _two(d, 6))
        and luhn(d[:12])
        and verhoeff(d[:11] + d[12])
    )


def _ir_national(d: str) -> bool:
    rest = weighted(d, (10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return _varied(d) and int(d[9]) == (rest if rest < 2 else 11 - rest)


def _kw_civil(d: str) -> bool:
    check = 11 - weighted(d, (2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11
    return d[0] in "23" and is_month_and_day(_two(d, 3), _two(d, 5)) and check == int(d[11])


def _qa_qid(d: str) -> bool:
    return d[0] in "23" and _varied(d)


def _uz_pinfl(d: str) -> bool:
    weights = (7, 3, 1, 7, 3, 1, 7, 3, 1, 7, 3, 1, 7)
    return d[0] in "123456" and is_month_and_day(_two(d, 3), _two(d, 1)) and weighted(d, weights) % 10 == int(d[13])


def _kg_pin(d: str) -> bool:
    return d[0] in "12" and is_date(int(d[5:9]), _two(d, 3), _two(d, 1)) and d[5:7] in {"19", "20"}


def _lk_nic(d: str) -> bool:
    return d[:2] in {"19", "20"} and 1 <= int(d[4:7]) % 500 <= 366


def _gt_cui(d: str) -> bool:
    return 1 <= _two(d, 9) <= 22 and weighted(d, range(2, 10)) % 11 == int(d[8]) and d[11:] != "00"


def _sv_dui(d: str) -> bool:
    return (10 - weighted(d, range(9, 1, -1)) % 10) % 10 == int(d[8])


def _sv_nit(d: str) -> bool:
    return d[0] in "019" and is_month_and_day(_two(d, 6), _two(d, 4))


def _hn_dni(d: str) -> bool:
    return 1 <= _two(d, 0) <= 18 and d[4:6] in {"18", "19", "20"}


def _rw_nid(d: str) -> bool:
    return d[0] in "123" and d[1:3] in {"19", "20"} and d[5] in "78"


def _tz_nida(d: str) -> bool:
    return d[:2] in {"19", "20"} and is_date(int(d[:4]), _two(d, 4), _two(d, 6))


def _bw_omang(d: str) -> bool:
    return d[4] in "12"


def _es_nss(d: str) -> bool:
    body, check = int(d[2:10]), int(d[10:])
    number = _two(d, 0) * 10_000_000 + body if body < 10_000_000 else int(d[:10])
    return 1 <= _two(d, 0) <= 66 and number % 97 == check


def _pt_niss(d: str) -> bool:
    return d[0] in "12" and 9 - weighted(d, (29, 23, 19, 17, 13, 11, 7, 5, 3, 2)) % 10 == int(d[10])


def _gr_afm(d: str) -> bool:
    return _varied(d) and weighted(d, (256, 128, 64, 32, 16, 8, 4, 2)) % 11 % 10 == int(d[8])


def _hu_tax(d: str) -> bool:
    return d[0] == "8" and weighted(d, range(1, 10)) % 11 == int(d[9])


def _si_tax(d: str) -> bool:
    check = 11 - weighted(d, (8, 7, 6, 5, 4, 3, 2)) % 11
    return d[0] != "0" and check < 11 and check % 10 == int(d[7])


def _tr_tax(d: str) -> bool:
    total = 0
    for index, digit in enumerate(d[:9]):
        rest = (int(digit) + 9 - index) % 10
        total += rest * 2 ** (9 - index) % 9 or 9 if rest else 0
    return (10 - total % 10) % 10 == int(d[9])


def _br_pis(d: str) -> bool:
    rest = weighted(d, (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return _varied(d) and (0 if rest < 2 else 11 - rest) == int(d[10])


def _br_voter(d: str) -> bool:
    return 1 <= _two(d, 8) <= 28 and _varied(d)


def _mx_nss(d: str) -> bool:
    return _varied(d) and luhn(d)


def _chi(d: str) -> bool:
    return is_month_and_day(_two(d, 2), _two(d, 0)) and (
        11 - weighted(d, (10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    ) % 11 == int(d[9])


def _lv_new(d: str) -> bool:
    return d[:2] == "32"


def _dz_nin(d: str) -> bool:
    return d[0] in "12" and d[1] in "09"


def _fr_cni(d: str) -> bool:
    return 1 <= _two(d, 2) <= 12


def _us_ein(d: str) -> bool:
    return d[:2] not in {
        "00",
        "07",
        "08",
        "09",
        "17",
        "18",
        "19",
        "28",
        "29",
        "49",
        "69",
        "70",
        "78",
        "79",
        "89",
        "96",
        "97",
    }


def _npwp(d: str) -> bool:
    return luhn(d[:9])


def _vid(d: str) -> bool:
    return d[0] in "23456789" and verhoeff(d)


def _za_tax(d: str) -> bool:
    return d[0] in "01239" and luhn(d)


# bits as in `_national`: 0 for what its name alone tells.
REGISTERS: Final = (
    Number("AT_SVNR", (10,), ((4, 6),), _at_svnr, 7.9, "Dachverband der Sozialversicherungsträger, § 31 ASVG"),
    Number("CA_BC_PHN", (10,), ((4, 3, 3),), _ca_bc_phn, 6.8, "BC Ministry of Health, Personal Health Number"),
    Number("CA_OHIP", (10,), ((4, 3, 3),), luhn, 0, "Ontario Ministry of Health, health number; Luhn"),
    Number("CR_CR", (11, 12), (), _residence_1, 0, "DGME Costa Rica, cédula de residencia (DIMEX)"),
    Number("FI_VERONUMERO", (12,), (), _always, 0, "Verohallinto, veronumero"),
    Number("IN_VID", (16,), ((4, 4, 4, 4),), _vid, 0, "UIDAI, Virtual ID; Verhoeff"),
    Number("IN_ABHA", (14,), ((2, 4, 4, 4),), _varied, 0, "National Health Authority, ABHA number"),
    Number("LI_PEID", (4, 5, 6, 7, 8, 9, 10, 11, 12), (), _always, 0, "Steuerverwaltung Liechtenstein, PEID"),
    Number("NL_ONDERWIJSNUMMER", (9,), ((4, 2, 3),), _nl_student, 10, "DUO, onderwijsnummer; 11-proef, rest 5"),
    Number("PE_CUI", (8, 9), ((8, 1),), _always, 0, "RENIEC, DNI"),
    Number("EC_RUC", (13,), ((10, 3),), _ec_ruc, 16, "SRI Ecuador, RUC of a natural person"),
    Number("IMSI", (14, 15), (), _imsi, 1.2, "ITU-T E.212"),
    Number("IMEI", (15,), ((2, 6, 6, 1), (8, 6, 1)), _imei, 5.6, "GSMA TS.06, IMEI; Luhn"),
    Number("BE_EID", (12,), ((3, 7, 2),), _be_card, 6.6, "IBZ Belgium, number of the identity card; mod 97"),
    Number("MD_IDNP", (13,), (), _md_idnp, 5.6, "ASP Moldova, IDNP"),
    Number(
        "LU_MATRICULE",
        (13,),
        ((8, 5), (8, 3, 2), (4, 2, 2, 3, 2)),
        _lu_matricule,
        18,
        "CTIE Luxembourg, matricule; Luhn and Verhoeff",
    ),
    Number("IR_NATIONAL_ID", (10,), ((3, 6, 1),), _ir_national, 0, "NOCR Iran, national code"),
    Number("KW_CIVIL_ID", (12,), (), _kw_civil, 10.3, "PACI Kuwait, civil number"),
    Number("QA_QID", (11,), (), _qa_qid, 0, "Qatar MoI, QID"),
    Number("BH_CPR", (9,), (), _always, 0, "Bahrain iGA, CPR number"),
    Number("OM_ID", (8, 9), (), _always, 0, "ROP Oman, civil number"),
    Number("JO_ID", (10,), (), _varied, 0, "CSPD Jordan, national number"),
    Number("UZ_PINFL", (14,), (), _uz_pinfl, 8.7, "Uzbekistan, cabinet resolution of 1999 on PINFL"),
    Number("KG_PIN", (14,), (), _kg_pin, 12.6, "SRS Kyrgyzstan, PIN"),
    Number("GE_PERSONAL_ID", (11,), (), _varied, 0, "PSDA Georgia, personal number"),
    Number("AM_PSN", (10,), (), _varied, 0, "Armenia, public services number"),
    Number("BD_NID", (10, 13, 17), (), _varied, 0, "EC Bangladesh, NID"),
    Number("LK_NIC", (12,), (), _lk_nic, 0, "DRP Sri Lanka, NIC of twelve digits"),
    Number("GT_CUI", (13,), ((4, 5, 4),), _gt_cui, 5.4, "RENAP Guatemala, CUI; mod 11"),
    Number("SV_DUI", (9,), ((8, 1),), _sv_dui, 0, "RNPN El Salvador, DUI"),
    Number("SV_NIT", (14,), ((4, 6, 3, 1),), _sv_nit, 6.6, "Ministerio de Hacienda El Salvador, NIT"),
    Number("HN_DNI", (13,), ((4, 4, 5),), _hn_dni, 7.6, "RNP Honduras, DNI"),
    Number("BO_CI", (6, 7, 8), (), _always, 0, "SEGIP Bolivia, cédula de identidad"),
    Number("PY_CI", (6, 7), (), _always, 0, "Policía Nacional Paraguay, cédula"),
    Number("VE_CI", (6, 7, 8), (), _always, 0, "SAIME Venezuela, cédula"),
    Number(
        "CO_CC",
        (6, 7, 8, 10),
        ((1, 3, 3, 3), (2, 3, 3), (1, 3, 3)),
        _always,
        0,
        "Registraduría Colombia, cédula de ciudadanía",
    ),
    Number("TN_CIN", (8,), (), _always, 0, "Tunisian MoI, carte d'identité nationale"),
    Number("DZ_NIN", (18,), (), _dz_nin, 0, "Algerian MoI, NIN"),
    Number("RW_NID", (16,), ((1, 4, 1, 7, 1, 2),), _rw_nid, 9.8, "NIDA Rwanda, national ID"),
    Number("TZ_NIDA", (20,), ((8, 5, 5, 2),), _tz_nida, 10.3, "NIDA Tanzania, NIN"),
    Number("ET_FAN", (12, 16), ((4, 4, 4), (4, 4, 4, 4)), _varied, 0, "NIDP Ethiopia, Fayda number"),
    Number("BW_OMANG", (9,), (), _bw_omang, 0, "Botswana, National Registration Act, Omang"),
    Number("KE_ID", (7, 8), (), _always, 0, "Kenya, Registration of Persons Act, ID number"),
    Number("PH_UMID", (12,), ((4, 7, 1),), _always, 0, "PSA Philippines, UMID CRN"),
    Number("PH_SSS", (10,), ((2, 7, 1),), _always, 0, "SSS Philippines, SS number"),
    Number("PH_PHILHEALTH", (12,), ((2, 9, 1),), _always, 0, "PhilHealth, identification number"),
    Number("PH_PSN", (12, 16), ((4, 4, 4, 4), (4, 4, 4)), _always, 0, "PSA Philippines, PhilSys number"),
    Number("ID_NPWP", (15,), ((2, 3, 3, 1, 3, 3),), _npwp, 3.3, "DJP Indonesia, NPWP"),
    Number("JP_DRIVER_LICENSE", (12,), (), _varied, 0, "NPA Japan, driver's licence number"),
    Number("ES_NSS", (12,), ((2, 8, 2), (2, 10)), _es_nss, 7.2, "TGSS Spain, número de la Seguridad Social; mod 97"),
    Number("PT_NISS", (11,), (), _pt_niss, 0, "Segurança Social Portugal, NISS"),
    Number("GR_AFM", (9,), (), _gr_afm, 0, "AADE Greece, ΑΦΜ"),
    Number("HU_TAX_ID", (10,), (), _hu_tax, 6.8, "NAV Hungary, adóazonosító jel; Act CL of 2017"),
    Number("SI_TAX", (8,), (), _si_tax, 0, "FURS Slovenia, davčna številka"),
    Number("TR_TAX_ID", (10,), (), _tr_tax, 0, "GİB Turkey, vergi kimlik numarası"),
    Number("BR_PIS", (11,), ((3, 5, 2, 1),), _br_pis, 3.5, "Caixa Econômica Federal, PIS/PASEP/NIT"),
    Number("BR_CNH", (11,), (), _varied, 0, "SENATRAN Brazil, CNH"),
    Number("BR_VOTER", (12,), ((4, 4, 4),), _br_voter, 0, "TSE Brazil, título de eleitor"),
    Number("MX_NSS", (11,), ((2, 2, 2, 4, 1),), _mx_nss, 3.3, "IMSS Mexico, número de seguridad social; Luhn"),
    Number("UK_CHI", (10,), ((6, 4),), _chi, 0, "NHS Scotland, Community Health Index"),
    Number("LV_PK", (11,), ((6, 5),), _lv_new, 6.6, "PMLP Latvia, personas kods since 2017: 32 and no date"),
    Number("FR_CNI", (12,), (), _fr_cni, 0, "ANTS France, carte nationale d'identité until 2021"),
    Number("UA_UNZR", (13,), ((8, 5),), _always, 0, "DMS Ukraine, УНЗР"),
    Number(
        "RU_PASSPORT",
        (10,),
        ((4, 6), (2, 2, 6)),
        _always,
        0,
        "Russian government decree 828 of 1997, internal passport",
    ),
    Number("RU_OMS", (16,), (), _varied, 0, "FFOMS Russia, ЕНП policy number"),
    Number("US_EIN", (9,), ((2, 7),), _us_ein, 0, "IRS, How EINs are assigned: prefixes"),
    Number("IL_ID", (8,), ((7, 1),), luhn, 0, "Israel Population Authority, Teudat Zehut without its zero"),
    Number("ZA_INCOME_TAX_NUMBER", (10,), (), _za_tax, 0, "SARS South Africa, income tax reference; Luhn"),
    Number("ZA_TRAFFIC_REGISTER_NUMBER", (13,), (), _always, 0, "eNaTIS South Africa, traffic register number"),
    Number("ZM_NRC", (9,), ((6, 2, 1),), _always, 0, "DNRPC Zambia, national registration card"),
    Number("HR_OIB", (11,), (), iso7064_mod11_10, 0, "Porezna uprava, OIB: what is named so"),
)
"""Numbers of digits; what may have letters is in `_mixed`."""
