"""Words that say what the number beside them is, in the languages of those who give the numbers out.

The words are those of the authorities' own forms; accents are written with and without. A clue may be two words
("tax file"); compounds are listed whole.
"""

import re
from typing import Final, NamedTuple

__all__ = ["TYPES_WITH_WORDS", "Clues", "after", "before", "is_of_something_else", "is_of_time"]

_WORDS: Final = """
PHONE: phone phones telephone tel telefon telefono teléfono telefone téléphone telefoonnummer telefonnummer mobile
 mobil office call_me call_us reach_me reach_us contact_me contact_us text_me ring_me phone_me me_at me_on us_at cell
 cellphone cellular handy fax whatsapp sms celular móvil movil portable gsm puhelin telepono cep hotline answering
 电话 手机 電話 携帯 전화 휴대폰 телефон тел τηλέφωνο טלפון هاتف โทร fono msisdn phone_number phonenumber mobilnummer
 rufnummer mobiltelefon mobilní mobiel mobielnummer telefonnr telefonu telefoni telefonszám telefonní telefoon
 telefonino teléfonos telemóvel telemovel handynummer handynr rückruf anrufen puhelinnumero matkapuhelin
 kontaktnummer contactnummer komórka komórkowy cellulare joignable llámame llamame llámanos chiamami chiamateci
 me_ligue appelez rappelez bel_me bel_mij zadzwoń zavolejte позвоните подзвоніть καλέστε nomor_hp nomor_telepon
 điện_thoại мобильный мобільний телефона телефону κινητό τηλ جوال موبایل تلفن फोन मोबाइल ফোন เบอร์ 연락처 נייד
PHONE_WEAK: call calling callback contact reach ring dial desk number numero número numéro nummer
CARD: card cards credit debit cc visa mastercard amex discover maestro pan kreditkarte karte tarjeta carte cartão
 cartao
 carta kaart kort 卡号 信用卡 カード 카드 charge ccn cardnumber
IBAN: iban konto
DEA: dea
US_SSN: seguro_social número_social nss ssn ssns social_security socialsecurity sss
US_ITIN: individual_taxpayer itin
US_ATIN: adoption_taxpayer atin
US_NPI: provider_identifier national_provider npi
US_MBI: mbi medicare
ABA_ROUTING_NUMBER: aba rtn routing bankrouting
US_BANK_NUMBER: account_number account_no acct bank_account accountnumber account_num checking savings
US_DRIVER_LICENSE: driver drivers driving license_number license_no licence_number licence_no license_num license_id dl driverslicense dln
LICENSE: license licence lic permit
PASSPORT: paszport paszportu pass_nr passport passports passeport pasaporte passaporto passaporte paspoort paspoortnummer reisepass passnummer
 pass
 pasport passi паспорт 여권 여권번호 护照 旅券 passport_number travel_document
AE_EMIRATES_ID: emirates
AR_CUIT: cuit cuil
AR_DNI: dni
AU_ABN: abn
AU_ACN: acn
AU_MEDICARE: medicare
AU_TFN: tfn tax_file
AT_SVNR: svnr vnr vsnr sozialversicherungsnummer versicherungsnummer
AL_NID: nid nipt numri_personal
AD_NRT: nrt nia
AM_PSN: ծառայությունների
AO_BI: bilhete_de bilhete
AR_DNI: dni documento_nacional
BA_JMBG: jmbg
BD_NID: nid_number nid_no জাতীয় পরিচয়পত্র
BE_EID: identité_belge eid identiteitskaart kaartnummer
BH_CPR: cpr
BO_CI: carnet cédula cedula
BR_CNH: cnh habilitação habilitacao
BR_PIS: pis pasep pispasep
BR_VOTER: título_de titulo_de eleitor
BW_OMANG: omang
BY_PERSONAL_NUMBER: личный_номер асабісты
CA_BC_PHN: phn health_number personal_health
CA_OHIP: ohip health_card
CO_CC: cédula cedula ciudadanía ciudadania
CR_CR: residencia dimex
CY_TIC: tic tin
DZ_NIN: nin
EC_RUC: ruc
ES_NSS: nss naf seguridad_social
ET_FAN: fayda
FI_VERONUMERO: veronumero skattenummer
FR_CNI: cni identité carte_nationale
GE_PERSONAL_ID: პირადი
GH_CARD: ghana ghana_card
GR_AFM: φορολογικού afm αφμ
GT_CUI: cui dpi
HN_DNI: dni identidad
HR_JMBG: jmbg
HU_TAX_ID: adóazonosító adoazonosito
ID_NPWP: npwp
IMEI: imei imeisv
IN_ABHA: abha
IN_DRIVER_LICENSE: driving licence
IN_VID: virtual_id vid
IR_NATIONAL_ID: کد_ملی melli کدملی
JO_ID: الرقم_الوطني
JP_DRIVER_LICENSE: 免許証番号 運転免許証番号 免許証
KE_ID: kitambulisho kenya_id kenyan_id
KG_PIN: pin пин инн
KW_CIVIL_ID: civil_id civil_number المدنية
LI_PEID: peid
LK_NIC: nic
LU_MATRICULE: matricule
MD_IDNP: idnp
ME_JMBG: jmbg
MK_EMBG: embg ембг
MT_ID: maltese identity_card
MU_NID: nid id_number
MX_CLAVE_ELECTOR: elector ine clave_de
MX_NSS: nss imss
MZ_BI: bilhete_de bilhete
NI_CEDULA: cédula cedula
NL_ONDERWIJSNUMMER: onderwijsnummer
NZ_NHI: nhi
OM_ID: civil_id civil_number
PE_CUI: cui dni
PH_PHILHEALTH: philhealth
PH_PSN: philsys
PH_SSS: sss
PH_UMID: umid
PL_ID_CARD: dowód dowod dowodu osobisty
PT_CARD: cc cartão_de cartao_de cidadão cidadao
PT_NISS: niss
PY_CI: cédula cedula
QA_QID: qid
RU_OMS: омс полис енп
RU_PASSPORT: паспорт
RW_NID: nid indangamuntu
SI_TAX: davčna davcna
SV_DUI: dui
SV_NIT: nit
TN_CIN: cin
TR_TAX_ID: vkn vergi
TZ_NIDA: nida
UA_UNZR: унзр unzr
UK_CHI: chi
UK_UPN: upn pupil
US_EIN: ein employer_identification fein
US_PTIN: preparer_tax ptin
UZ_PINFL: pinfl пинфл jshshir
VE_CI: cédula cedula
VE_RIF: rif
ZA_INCOME_TAX_NUMBER: sars income_tax tax_reference
ZA_TRAFFIC_REGISTER_NUMBER: traffic_register enatis natis
ZM_NRC: nrc
ZW_ID: zimbabwe zimbabwean
BE_BIS: bis
BE_NN: niss rijksregisternummer rijksregister insz nn rrn registre_national national_number
BG_EGN: egn егн
BG_PNF: pnf лнч lnch
BR_CPF: cpf
CA_SIN: assurance_sociale sin social_insurance nas
CH_SSN: ahv avs ahvn13 sozialversicherungsnummer swiss navs
CL_RUT: rol_único rut
CN_RIC: 身份证 身份证号 身份证号码 ric
CO_NIT: nit
CR_CPF: cédula_física cédula cedula cpf
CU_NI: identidad_cubano carné_de ni carné
CZ_RC: rč rc rodné rodne
SK_RC: slovak slovensk
DE_TAX_ID: identifikationsnr idnummer idnr steuer steuerid identifikationsnummer steueridentifikationsnummer steuer_id
DE_TAX_NUMBER: steuer_nr steuernummer stnr st_nr
DE_SOCIAL_SECURITY: rentenversicherungsnummer sozialversicherungsnummer rvnr svnr versicherungsnummer
DE_HEALTH_INSURANCE: krankenversichertennummer krankenversicherungsnummer krankenkasse gesundheitskarte kvnr krankenversicherung versichertennummer
DE_ID_CARD: personalausweis ausweis ausweisnummer personalausweisnummer perso
DE_LANR: lanr arztnummer
DE_BSNR: bsnr betriebsstättennummer betriebsstaettennummer
DE_FUEHRERSCHEIN: führerschein fuehrerschein führerscheinnummer fuehrerscheinnummer fahrerlaubnis fahrerlaubnisnummer
DK_CPR: personnummer cpr
DO_CEDULA: cedula cédula
EC_CI: ci cédula cedula
EE_IK: isikukood
EG_NID: الرقم القومي
ES_NIE: nie extranjero
ES_NIF: nif dni documento_nacional
FI_PERSONAL_IDENTITY_CODE: hetu henkilötunnus henkilotunnus personbeteckning personbeteckningen
FR_NIF: numéro_fiscal nif spi fiscale fiscal
FR_NIR: nir sécu secu sécurité_sociale
GR_AMKA: amka αμκα
HK_HKID: hkid
HR_OIB: oib
HU_PERSONAL_ID: személyi szemelyi
HU_TAJ: taj társadalombiztosítási
ID_NIK: nomor_induk induk_kependudukan nik ktp
IE_PPS: pps ppsn personal_public
IL_ID: teudat zehut mispar תעודת זהות ת״ז
IN_AADHAAR: आधार আধার ஆதார் ఆధార్ ಆಧಾರ್ ആധാർ આધાર aadhaar aadhar uidai आधार
IN_PAN: pan
IN_VOTER: epic voter vote
IS_KENNITALA: kennitala
IT_FISCAL_CODE: cod_fisc c_f cf codice fiscale
IT_DRIVER_LICENSE: patente
IT_IDENTITY_CARD: carta_identità carta_d identità identita cie
IT_VAT_CODE: iva partita
IMSI: imsi
JP_MY_NUMBER: 個人番号カード マイナンバー 個人番号 kojin bangō my_number
KE_PIN: kra pin
KR_BRN: business_registration 사업자등록번호 사업자번호 사업자 brn
KR_DRIVER_LICENSE: 운전면허 운전면허번호 면허번호
KR_FRN: frn 외국인등록번호 외국인번호 foreigner_registration
KR_RRN: resident_registration rrn 주민등록번호 주민번호
KZ_IIN: iin иин жсн
LT_ASMENS: asmens kodas
LV_PK: personal_code personas kods
MX_CURP: curp
MX_RFC: rfc
MY_NRIC: kad_pengenalan pengenalan nric mykad
NG_NIN: nin
NL_BSN: bsn burgerservicenummer sofinummer
NL_ID_CARD: identiteitskaartnummer identiteitskaart paspoortnummer rijbewijsnummer rijbewijs
NO_FNR: personnummer fødselsnummer fodselsnummer fnr
NZ_IRD: ird
PH_TIN: tin bir
PK_CNIC: شناختی cnic
PL_NIP: nip
PL_PESEL: pesel
PT_NIF: número_fiscal nif contribuinte
RO_CNP: numeric_personal cnp
RS_JMBG: jmbg
RU_INN: инн inn
RU_SNILS: снилс snils
SA_ID: iqama
SE_ORGANISATIONSNUMMER: org_nr org_nummer organisationsnummer orgnr orgnummer company_identity
SE_PERSONNUMMER: personnummer pnr
SG_NRIC_FIN: nric fin
SI_EMSO: emšo emso enotna matična
TH_TNIN: thai tnin บัตรประชาชน เลขประจำตัวประชาชน รหัสปชช
TR_NATIONAL_ID: tckn kimlik tc_kimlik nüfus nufus
TW_ID: 身分證 身分證字號 居留證
UA_RNTRC: іпн ідентифікаційний ідентифікаційний_код податковий рнокпп rntrc ірпн
UK_DRIVING_LICENCE: licence driving
UK_NHS: nhs
UK_NINO: nino national_insurance ni
UK_UTR: unique_taxpayer utr
UY_CI: ci cédula cedula
VN_CCCD: định_danh cccd cmnd căn_cước
ZA_ID_NUMBER: rsa south_african sa_id refugee id_number
DATE_OF_BIRTH: dob birth birthdate birthday born bday geburtsdatum geboren geb naissance née né nacimiento nacido
 nacida
 nascita nascimento nato nata geboortedatum född fødselsdato syntynyt urodzenia urodzony narození рождения 出生日期 出生
 生年月日 생년월일
"""
# Adjectives and names of countries: beside a number they tell which of several kinds it is.
_COUNTRY_WORDS: Final = """
AE: emirates uae emirati / AR: argentina argentine argentinian / AT: austria austrian österreich / AU: australia
australian / BE: belgium belgian / BG: bulgaria bulgarian / BR: brazil brazilian brasil / CA: canada canadian / CH:
switzerland swiss schweiz / CL: chile chilean / CN: china chinese cn / CO: colombia colombian / CR: costarricense rica / CU: cuba cuban cubano cubana / CZ:
czech česko české / DE: germany german deutsch deutsche reisepass passnummer reisepassnummer pass_nr ausweisnummer personalausweis / DK: denmark danish danmark dansk / DO: dominican dominicana / EC: ecuador ecuadorian /
EE: estonia estonian / EG: egypt egyptian / ES: spain spanish españa pasaporte / FI: finland finnish / FR: france french passeport / GR:
greece greek / HK: hongkong / HR: croatia croatian / HU: hungary hungarian / ID: indonesia indonesian / IE: ireland
irish / IL: israel israeli / IN: india indian / IS: iceland icelandic / IT: italy italian passaporto / JP: japan japanese / KE:
kenya kenyan / KR: korea korean 여권 여권번호 대한민국 한국 / KZ: kazakhstan / LT: lithuania lithuanian / LV: latvia latvian / MX: mexico
mexican / MY: malaysia malaysian / NG: nigeria nigerian / NL: netherlands dutch paspoort paspoortnummer nederland nederlandse / NO: norway
norwegian norsk norge / NZ: zealand / PH: philippines philippine filipino / PK: pakistan pakistani / PL: poland polish
polska paszport / PT: portugal portuguese / RO: romania romanian / RS: serbia serbian / RU: russia russian / SA: saudi / SE:
sweden swedish sverige svensk svenskt / SG: singapore / SI: slovenia slovenian / SK: slovakia slovak slovensko slovenské slovenská / TH: thailand thai / TR: turkey turkish
/ TW: taiwan taiwanese / UA: ukraine ukrainian / UK: british kingdom uk gb / US: american us usa / UY: uruguay / VN:
vietnam vietnamese / ZA: africa african / AD: andorra andorran / AL: albania albanian / AM: armenia armenian / AO: angola angolan
/ BA: bosnia bosnian / BD: bangladesh bangladeshi / BH: bahrain bahraini / BO: bolivia bolivian / BW: botswana / BY: belarus
belarusian / CY: cyprus cypriot / DZ: algeria algerian / ET: ethiopia ethiopian / GE: georgia georgian / GH: ghana ghanaian / GT:
guatemala guatemalan / HN: honduras honduran / IR: iran iranian / JO: jordan jordanian / KG: kyrgyzstan kyrgyz / KW: kuwait
kuwaiti / LI: liechtenstein / LK: lanka lankan / LU: luxembourg / MD: moldova moldovan / ME: montenegro montenegrin / MK:
macedonia macedonian / MT: malta maltese / MU: mauritius mauritian / MZ: mozambique / NI: nicaragua nicaraguan / OM: oman omani
/ PE: peru peruvian / PY: paraguay paraguayan / QA: qatar qatari / RW: rwanda rwandan / SV: salvador salvadoran / TN: tunisia
tunisian / TZ: tanzania tanzanian / UZ: uzbekistan uzbek / VE: venezuela venezuelan / ZM: zambia zambian / ZW: zimbabwe
"""
_PERSON_WORDS: Final = """
applicant customer patient person client citizen member taxpayer taxpayers employee holder national identity
identification identifier personal ident tax taxid steuer ssid identidad identidade identità identité ausweis
document kyc id_number id_card id_no national_id personnel beneficiary insured passenger guest identity_code
personal_code id_code tax_code tax_number taxpayer_reference tax_reference tax_id person_code
"""
# Behind these stands a number of something else.
_OTHER_WORDS: Final = """
order orders invoice ticket job build request req trace span created updated created_at updated_at ts
timestamp time date version rev commit tokens token bytes byte size length count total max min limit offset
page pages line lines col row rows ean isbn upc sku asin tracking shipment port pid tid uid gid message msg
messages step steps seed epoch unix unixnano nano sec seconds duration elapsed latency budget score hash md
sha digest etag code zip zipcode postal index idx id ids number_of shape stride port case docket bug issue pr
cve rfc arn lambda function model build_id run runs batch transaction txn ref reference product item part
serial model rowid user_id session expires exp iat nbf modified since article chapter price amount sum usd eur
worker node pod shard partition key hits address_id checksum crc parcel flight booking reservation
invoice_number confirmation cas doi pmid arxiv
"""

TYPES_WITH_WORDS: Final = frozenset(word[:-1] for word in _WORDS.split() if word.endswith(":")) - {"PHONE_WEAK"}

Clues = dict[str, float]
"""For each type that a word speaks of, how much that says; `PERSON` and `OTHER` for what words say in general."""


_SPACELESS: Final = re.compile("[\u0900-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Scripts that write words without spaces, or with vowel signs that are no letters: of India, Thai, Chinese, Japanese, Korean."""


class _Table(NamedTuple):
    words: dict[str, tuple[str, ...]]
    ideographs: tuple[tuple[str, tuple[str, ...]], ...]


def _table() -> _Table:
    words: dict[str, set[str]] = {}
    type_ = ""
    for word in _WORDS.split():
        if word.endswith(":"):
            type_ = word[:-1]
        else:
            words.setdefault(word.replace("_", " "), set()).add(type_)
    country = ""
    for word in _COUNTRY_WORDS.replace("/", " ").split():
        if word.endswith(":"):
            country = word[:-1]
        else:
            words.setdefault(word, set()).add(country)
    for word in _PERSON_WORDS.split():
        words.setdefault(word.replace("_", " "), set()).add("PERSON")
    for word in _OTHER_WORDS.split():
        words.setdefault(word.replace("_", " "), set()).add("OTHER")
    done = {word: tuple(sorted(types)) for word, types in words.items()}
    return _Table(done, tuple((word, types) for word, types in sorted(done.items()) if _SPACELESS.match(word)))


_TABLE: Final = _table()
# "id" and "number" can be of a person, as in "Thai ID".
_SOMETHING_ELSE: Final = frozenset(word for word, types in _TABLE.words.items() if types == ("OTHER",)) - {
    "id",
    "ids",
    "code",
    "number",
    "reference",
}
_IDENTITY: Final = frozenset(
    {"identification", "identifier", "identity", "personal", "national", "tax", "taxpayer", "ident"}
)
_OF_IDENTITY: Final = frozenset({"code", "id", "number", "reference"})
_HUMPS_OF_SOMETHING_ELSE: Final = _SOMETHING_ELSE | {"at"}
_TELLING: Final = frozenset(
    word for phrase, types in _TABLE.words.items() if types != ("OTHER",) for word in phrase.lower().split()
)
_KNOWN: Final = frozenset(word for phrase in _TABLE.words for word in phrase.split())
_COUNTRIES: Final = frozenset(re.findall(r"([A-Z]{2}):", _COUNTRY_WORDS))
_OTHER: Final = ("OTHER",)
_PERSON: Final = ("PERSON",)
_NUMBER: Final = frozenset({"number", "numero", "número", "numéro", "nummer"})
_PLACEHOLDER: Final = re.compile(r"<[A-Z0-9_]{2,40}(?::[0-9a-f]+)?>?")
_ESCAPE: Final = re.compile(r"\\[nrtbf]")
_WORD: Final = re.compile(r"[^\W\d_]+")
_TIME: Final = re.compile(
    r"(?:(?<![A-Za-z])(?:[Tt]s|[Tt]ime(?:stamp)?|[Ee]poch|[Uu]nix|[Cc]reated|[Uu]pdated|[Mm]odified|[Ee]xpir(?:es|y|ation)|exp|iat"
    r"|nbf|[Ss]ince|[Mm]s|[Mm]illis(?:econds)?|[Ss]ec(?:ond)?s?|[Mm]icros|[Nn]anos)|_at|[a-z](?:At|Time(?:stamp)?|Ms|Ts|Millis|Nanos))"
    r"[\"'\\\\]*[ ]?[:=][ ]?[\"'\\\\]*\Z"
)
"""A name of a time right in front of its value, in JSON, in JSON inside it, and in logs."""
_SPELLED_OUT: Final = re.compile(r"(?<=[A-Z]{3}) \([^()\n]{3,80}\)(?=[ :=]{1,3}\Z)")
"""What an abbreviation stands for, between it and the number: `NPI (National Provider Identifier): ...`."""
_HUMPED: Final = re.compile(r"(?:[a-z]+|[A-Z][a-z]+)(?:[A-Z][a-z]{2,}|[A-Z]{2,4}(?![A-Za-z]))+\Z")
_CAMEL: Final = re.compile(r"[a-z][A-Z]")
_HUMPS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LONGEST_NAME: Final = 32
_BEFORE: Final = 96
_AFTER: Final = 40
_FULL: Final = 12.0
_NEAR: Final = 28
_SIDE_BY_SIDE: Final = 4
_LONG_WORD: Final = 4


def is_of_something_else(text: str, at: int) -> bool:
    """Whether the word right in front of `at` says so, as `created` does; told fast, and not of every text."""
    end = at - 1
    lowest = max(0, at - 4)
    while end >= lowest and not text[end].isalpha():
        end -= 1
    if end < lowest:
        return False
    begin = end
    lowest = max(0, end - 16)
    while begin > lowest and text[begin - 1].isalpha():
        begin -= 1
    word = text[begin : end + 1]
    if word == "at":
        return begin > 0 and text[begin - 1] == "_"  # created_at
    if word.islower():
        return word in _SOMETHING_ELSE
    if not word.isupper():
        last = end
        while last > begin and text[last].islower():
            last -= 1
        if text[last : end + 1].lower() in _HUMPS_OF_SOMETHING_ELSE:
            return True  # createTime
    return word.lower() in _SOMETHING_ELSE


def is_of_time(text: str, at: int) -> bool:
    """Whether the name in front of the value at `at` is one of a time, as in `"expires_at": "`."""
    return _TIME.search(text, max(0, at - _BEFORE), at) is not None


def _may_tell(window: str) -> bool:
    """Whether a word of `window` can be a clue; most windows have none, and that is told fast."""
    if not window.isascii() and _SPACELESS.search(window):
        return True
    return not _TELLING.isdisjoint(_WORD.findall(window.lower())) or (
        _CAMEL.search(window) is not None and not _TELLING.isdisjoint(map(str.lower, _HUMPS.findall(window)))
    )


def before(text: str, at: int) -> Clues:
    """What the words in front of `at` speak of; the nearer, the more."""
    window = text[max(0, at - _BEFORE) : at]
    if not _may_tell(window):
        return {"OTHER": 0.0} if is_of_something_else(text, at) else {}
    if "\\" in window:
        window = _ESCAPE.sub("  ", window)
    if "<" in window:
        window = _PLACEHOLDER.sub(lambda match: " " * len(match.group()), window)
    found = _of_words(window)
    if not window.isascii() and _SPACELESS.search(window):
        for word, types in _TABLE.ideographs:
            where = window.rfind(word)
            if where >= 0:
                _add(found, types, len(window) - where - len(word))
    return found


def _of_words(window: str) -> Clues:
    found: Clues = {}
    last, last_at, last_tells = "", -9, False
    spelled = _SPELLED_OUT.search(window)
    for match in _WORD.finditer(window):
        raw = match.group()
        lowered = raw.lower()
        if lowered not in _KNOWN and (lowered == raw or raw[1:].islower() or raw.isupper()):
            last, last_at, last_tells = lowered, match.end(), False
            continue
        distance = len(window) - match.end()
        if spelled is not None and match.end() <= spelled.start():
            distance -= spelled.end() - spelled.start()
        for word in _parts(raw):
            near = match.start() - last_at < _SIDE_BY_SIDE
            single, both = _TABLE.words.get(word), _TABLE.words.get(f"{last} {word}") if near else None
            if single == _OTHER and near and (last_tells or (last in _IDENTITY and word in _OF_IDENTITY)):
                single = None  # "Thai ID", "NPI no. id", "identification code"
            if near and word in _NUMBER and last in _SOMETHING_ELSE:
                single = _OTHER  # "order number"
            if word == "id" and near and _TABLE.words.get(last, ("",))[0] in _COUNTRIES:
                _add(found, _PERSON, distance)  # "Israeli ID"
            for types in filter(None, (single, both)):
                _add(found, types, distance)
            last, last_at = word, match.end()
            last_tells = single is not None and single not in (_OTHER, _PERSON)
    return found


def after(text: str, at: int) -> Clues:
    """The same of the words behind `at`, on its line."""
    window = text[at : at + _AFTER].partition("\n")[0].partition("\\n")[0]
    if not _may_tell(window):
        return {}
    if "<" in window:
        window = _PLACEHOLDER.sub(" ", window)
    found: Clues = {}
    for match in _WORD.finditer(window):
        for word in _parts(match.group()):
            types = _TABLE.words.get(word)
            if types and "OTHER" not in types and "PERSON" not in types:
                for type_ in types:
                    found.setdefault(type_, _FULL - 1 - 0.05 * match.start())
    return found


def _parts(word: str) -> list[str]:
    if word.islower() or word.isupper() or word.istitle():
        return [word.lower()]
    if len(word) < _LONGEST_NAME and _HUMPED.match(word):
        return [*(part.lower() for part in _HUMPS.findall(word)), word.lower()]
    # A part of some token, whose letters say nothing, or a name such as PeSeL.
    return [word.lower()] if len(word) >= _LONG_WORD else []


def _add(found: Clues, types: tuple[str, ...], distance: int) -> None:
    for type_ in types:
        if type_ == "OTHER":
            # Only the word right in front says that the number is something else, and a later one unsays it.
            found[type_] = distance
        else:
            found[type_] = _FULL - 0.06 * distance
            if type_ != "PERSON" or distance < _NEAR:
                found.pop("OTHER", None)
