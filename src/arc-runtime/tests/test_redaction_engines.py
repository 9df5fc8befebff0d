"""The engines give the same; redaction keeps its promises on any text; checks agree with those of another library."""

import importlib
import re
import time

import pytest
import stdnum
from arc_runtime.redaction import Finding, find, redact
from arc_runtime.redaction._engine import search
from arc_runtime.redaction._mixed import MIXED, signature
from arc_runtime.redaction._national import BY_LENGTH, NAMED_BY_LENGTH
from arc_runtime.redaction._scanners import ENGINES
from hypothesis import example, given, settings
from hypothesis import strategies as st

PIECES = [
    "jane@example.com", "+44 20 7946 0958", "(415) 555-0132", "4111 1111 1111 1111", "GB29 NWBK 6016 1331 9268 19", "078-05-1120",
    "fe80::1%eth0", "192.168.0.1", "00:1A:2B:3C:4D:5E", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "0x52908400098527886E0F7030069857D2E4169EE7",
    "DOB: 1970-01-02", "131052-308T", "390.533.447-05", "ghp_" + "a1B2c3" * 6, "password = 'h0rse!battery'", "Authorization: Bearer abc.DEF-123456789",
    "https://u:p4ssw0rd@host.example/x", "Set-Cookie: sid=abcdef0123456789; Path=/", "\\n", "\\u0040", "%40", "%2B", "\n", " ", '"', "'", ": ", "=", "{", "}",
    "1", "23", "456", "-", ".", "/", "id", "phone ", "passport ", "ssn ", "customer ", "é", "电话", "\ud800", "\x00", "İ", "\uff11\uff12\uff13", "\u00a0",
]  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=24).map("".join))


@pytest.fixture(params=[engine for engine in ENGINES if engine != "fast"])
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


@settings(max_examples=400, deadline=None)
@given(TEXTS)
@example("\ud800@\udfff" * 9)
def test_every_engine_finds_the_same(text):
    expected = search(text, "fast")
    assert search(text, "fast words") == expected
    assert search(text, "plain") == expected


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_what_was_redacted_is_left_alone_the_next_time(text):
    once = redact(text)
    assert redact(once) == once


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_nothing_outside_the_findings_is_touched(text):
    rest, at = [], 0
    for start, end, _, _ in find(text):
        assert at <= start < end <= len(text)
        rest.append(text[at:start])
        at = end
    rest.append(text[at:])
    clean = redact(text)
    for part in rest:
        assert part in clean
        clean = clean[clean.index(part) + len(part) :]


@pytest.mark.parametrize("piece", ["\x00\ud800\U0010ffff\u0301İ\\{%9", "9", '{"a":'])
def test_ten_megabytes_of_anything_raise_nothing(piece):
    assert isinstance(redact(piece * (10 * 1024 * 1024 // len(piece))), str)


HOSTILE = [
    "@", "1 ", "+1", "a.", "sk-", "key=", "password: ", "12345678 ", "::", ":a", "a:b:", "-----BEGIN PRIVATE KEY-----", "eyJ.", "://a:",
    "cookie: a=bbbbbbb; ", "curl -u ", "dob 1", "kind: secret\ndata:\n", "%40", "\\u0040", "1a2", "wallet ", "hooks.slack.com/", "1-", "AB12 3456 ",
    "\\", "?a=b+c", "%C3", " is the password", ".atlasv1.", "AB 12 3456 C ", "1.12345, ", "X-1234567-", "identified by 'a1", '"\\', "<SECRET>",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_takes_linear_time_on_every_engine(piece, engine):
    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        times = []
        for _ in range(3):  # one of them may meet a collection of this whole process's garbage
            begin = time.thread_time()
            search(text, engine)
            times.append(time.thread_time() - begin)
        return min(times)

    # Quadratic work would take sixty-four times as long for eight times the text; noise is far from that.
    assert seconds(32_000) < 24 * seconds(4_000) + 0.1


# --- another library's checks (python-stdnum, a test dependency) -------------------------------------------------------

DIGITS = {
    "AR_CUIT": "ar.cuit", "AU_ABN": "au.abn", "AU_ACN": "au.acn", "AU_TFN": "au.tfn", "BE_NN": "be.nn", "BG_EGN": "bg.egn", "BG_PNF": "bg.pnf",
    "BR_CPF": "br.cpf", "CA_SIN": "ca.sin", "CH_SSN": "ch.ssn", "CN_RIC": "cn.ric", "DE_TAX_ID": "de.idnr", "DO_CEDULA": "do.cedula", "EC_CI": "ec.ci",
    "EE_IK": "ee.ik", "FR_NIF": "fr.nif", "FR_NIR": "fr.nir", "GR_AMKA": "gr.amka", "HR_OIB": "hr.oib", "IL_ID": "il.idnr", "IN_AADHAAR": "in_.aadhaar",
    "IS_KENNITALA": "is_.kennitala", "JP_MY_NUMBER": "jp.in_", "LT_ASMENS": "lt.asmens", "NL_BSN": "nl.bsn", "NO_FNR": "no.fodselsnummer",
    "NZ_IRD": "nz.ird", "PL_NIP": "pl.nip", "PL_PESEL": "pl.pesel", "PT_NIF": "pt.nif", "RO_CNP": "ro.cnp", "RU_INN": "ru.inn",
    "SE_PERSONNUMMER": "se.personnummer", "SI_EMSO": "si.emso", "TH_TNIN": "th.pin", "TR_NATIONAL_ID": "tr.tckimlik", "UA_RNTRC": "ua.rntrc", "UK_NHS": "gb.nhs",
    "AT_SVNR": "at.vnr", "BE_EID": "be.eid", "CA_BC_PHN": "ca.bc_phn", "GR_AFM": "gr.vat", "IMEI": "imei", "IN_VID": "in_.vid",
    "NL_ONDERWIJSNUMMER": "nl.onderwijsnummer", "SI_TAX": "si.ddv", "SV_NIT": "sv.nit", "TR_TAX_ID": "tr.vkn", "ZA_INCOME_TAX_NUMBER": "za.tin",
    "UK_UTR": "gb.utr", "US_SSN": "us.ssn", "ZA_ID_NUMBER": "za.idnr",
}  # fmt: skip
MIXED_ORACLES = {
    "ES_NIF": "es.dni", "ES_NIE": "es.nie", "IT_FISCAL_CODE": "it.codicefiscale", "MX_CURP": "mx.curp", "KE_PIN": "ke.pin", "IN_PAN": "in_.pan",
    "UK_UPN": "gb.upn", "VE_RIF": "ve.rif", "PT_CARD": "pt.cc", "IE_PPS": "ie.pps",
}  # fmt: skip


def doctest_values(module) -> list[str]:
    """The numbers that a module's own examples validate."""
    return [value for value in re.findall("'([^'\n]+)'", module.__doc__ or "") if module.is_valid(value)]


def oracle(name: str):
    return importlib.import_module(f"{stdnum.__name__}.{name}")


@pytest.mark.parametrize(("type_", "name"), DIGITS.items())
def test_a_number_that_another_library_takes_passes_the_check(type_, name):
    module = oracle(name)
    values = ["".join(filter(str.isdigit, value)) for value in doctest_values(module)]
    checks = {
        len(value): [
            number
            for kinds in (BY_LENGTH, NAMED_BY_LENGTH)
            for number in kinds.get(len(value), ())
            if number.type == type_
        ]
        for value in values
    }
    values = [value for value in values if checks[len(value)]]
    for value in values:
        assert any(number.check(value) for number in checks[len(value)]), value


@settings(max_examples=60, deadline=None)
@given(st.data())
@pytest.mark.parametrize(
    "type_",
    [
        "BR_CPF",
        "CA_SIN",
        "CH_SSN",
        "DE_TAX_ID",
        "HR_OIB",
        "IN_AADHAAR",
        "NL_BSN",
        "PL_PESEL",
        "TR_NATIONAL_ID",
        "UK_NHS",
        "ZA_ID_NUMBER",
    ],
)
def test_what_passes_a_strong_check_is_valid_to_another_library_too(type_, data):
    number = next(one for numbers in BY_LENGTH.values() for one in numbers if one.type == type_ and one.bits)
    digits = data.draw(st.text("0123456789", min_size=number.lengths[0], max_size=number.lengths[0]))
    module = oracle(DIGITS[type_])
    for last in range(100):
        candidate = f"{digits[:-2]}{last:02d}"
        if number.check(candidate) and type_ not in ("ZA_ID_NUMBER", "PL_PESEL"):
            assert module.is_valid(candidate) or type_ in ("CA_SIN", "IN_AADHAAR"), candidate
        # Zeros throughout pass there and are nobody's.
        if module.is_valid(candidate) and len(set(candidate)) > 1:
            assert number.check(candidate), candidate


@pytest.mark.parametrize(("type_", "name"), MIXED_ORACLES.items())
def test_letters_and_digits_that_another_library_takes_pass_too(type_, name):
    values = ["".join(filter(str.isalnum, value)).upper() for value in doctest_values(oracle(name))]
    assert values
    for value in values:
        if value.isdigit():
            continue  # the number of a company, in a module of both
        assert any(kind.type == type_ and kind.check(value) for kind in MIXED.get(signature(value), ())), value


NAMED = {
    "VSNR 1237 010180": "AT_SVNR", "PHN: 9698 658 215": "CA_BC_PHN", "onderwijsnummer 1012.22.331": "NL_ONDERWIJSNUMMER",
    "RFC GODE 561231 GR8": "MX_RFC", "x-2482300w": "ES_NIE", "cartão de cidadão 00000000 0 ZZ4": "PT_CARD", "RIF: V-11470283-4": "VE_RIF",
    "PTIN P-00634642": "US_PTIN", "UPN B801200005001": "UK_UPN", '{"imei": "686868686868686"}': None, "IMEI 35-209900-176148-1": "IMEI",
    "HKID A123456(3)": "HK_HKID", "driver number MORGA 753116 SM9IJ": "UK_DRIVING_LICENCE", "Ghana Card GHA-712345678-9": "GH_CARD",
    "codice fiscale RSSMRA85T10A56NH": None, "CUI (Cédula Única de Identidad): 10117410-2": "PE_CUI",
    "사업자등록번호 220-81-62517": "KR_BRN", "주민등록번호: 901231-1234567": "KR_RRN", "आधार संख्या is 2341 2341 2346": "IN_AADHAAR",
    "身份证号 11010119990923449X": "CN_RIC", "nino: PR 123612C": "UK_NINO", "Israeli ID: 160050613": "IL_ID",
    "GB29-NWBK-6016-1331-9268-19": "IBAN", "it60 x054 2811 1010 0000 0123 456": "IBAN", "DL J557-6494-5352": "US_DRIVER_LICENSE",
    "?q=my+card+5555+5555+5555+4444&x=1": "CARD", "?q=%D0%95%D0%93%D0%9D%207523169263": "BG_EGN", "call +49 30 121586 extension 7": "PHONE",
    "fødselsdato: 5.6.1948": "DATE_OF_BIRTH", "urodzony 11 lutego 1966": "DATE_OF_BIRTH", "전화번호 02 312 3456": "PHONE",
    'var xToken: string = "a8f5f167f44f4964e6c998dee827110c"': "SECRET", "x_token: |\n  a8f5f167f44f4964e6c998dee827110c": "SECRET",
    "h0rse!battery7 is the password": "SECRET", "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a": "CRYPTO",
    "License: MIT\nCopyright: 2014-2022 Jane": None, "under the license as of 26 Apr 2011 14:41": None, "OID 1.3.101.110": None,
    "build 12345678": None, "run 12345678": None, "order 1234567893": None,
}  # fmt: skip


@pytest.mark.parametrize(("text", "type_"), NAMED.items())
def test_numbers_of_registers_are_called_what_they_are(text, type_):
    assert [one.type for one in find(text)] == ([] if type_ is None else [type_])


def test_a_value_named_once_is_found_wherever_it_stands():
    text = "KeyError('C28602220') args=('passport number C28602220', 3)"
    assert [text[start:end] for start, end, _, _ in find(text)] == ["C28602220", "C28602220"]


def test_a_finding_behind_escapes_covers_the_escapes():
    text = r"{\"content\": \"joerg\\u002bx\\u0040example.com\"} q=%2B44%2020%207946%200958&x=1"
    assert [text[start:end] for start, end, _, _ in find(text)] == [
        r"joerg\\u002bx\\u0040example.com",
        "%2B44%2020%207946%200958",
    ]
    assert all(isinstance(one, Finding) for one in find(text))
