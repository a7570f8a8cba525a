"""How each source is written by the judge: columns, good rows, its own dirt. From the text of the contracts alone."""

from __future__ import annotations

from collections.abc import Callable

from judge import Fields, Plan, Writer


def put(place: int, text: str) -> Callable[[Fields], Fields]:
    def change(fields: Fields) -> Fields:
        fields[place] = text
        return fields

    return change


def _holders(w: Writer, n: int) -> Fields:
    kind = w.pick("pharmacy", "wholesaler", "hospital_pharmacy", "thl", "dose_dispensing")
    return [f"L{w.seed}-{n}", kind, w.pick("Apteekki Äyräpää", "Tukku & Co"), w.pick("01", "21", "90", ""),
            "2020-01-01", w.pick("", "2027-01-01"), w.pick("", "90", "01,Y1")]  # fmt: skip


def _stock(w: Writer, n: int) -> Fields:
    packs = w.amount()
    if w.chance.random() < 0.04:
        return [w.holder(), f"2026-04-{1 + n % 28:02d}", "", f"nil{n}", "", "0", "", ""]
    return [w.holder(), w.day(), w.vnr(), w.pick("", f"L{n}", "ÄÖ-1"), w.pick("", "2027-05-31", "9999-12-31"), packs,
            w.pick("", "0", packs), w.pick("", "ORION")]  # fmt: skip


def _dispensing(w: Writer, n: int) -> Fields:
    return [w.holder() + w.pick("", "-ulkopuolinen"), w.day(), w.pick("01", "90", "91"),
            w.pick("community", "hospital"), w.vnr(), w.amount(), w.pick("", "3"), w.pick("", "0", "1,5")]  # fmt: skip


def _supply(w: Writer, n: int) -> Fields:
    return [w.holder(), w.vnr(), w.day(), DAYS.format(1 + n % 28), w.amount(), w.pick("confirmed", "planned")]


def _obligations(w: Writer, n: int) -> Fields:
    return [w.pick("2025", "2026"), f"Y{n}", w.pick("company", "hospital"), w.vnr(), w.amount(), w.pick("12", "6,5"),
            w.pick("10", "0.5")]  # fmt: skip


def _permits(w: Writer, n: int) -> Fields:
    return [w.pick("alitus", "vapautus", "korvaava", "release"), f"Y{n}", w.vnr(), w.day(), w.pick("", "2026-03-01"),
            w.pick("", "2026-05-01"), w.pick("", "10", "2,5")]  # fmt: skip


def _critical(w: Writer, n: int) -> Fields:
    return [f"J{n:02d}CA{n % 90:02d}", w.pick("amoxicillin", "ämne"), w.pick("", "oral use", "oral use, rectal use"),
            w.pick("", "01/2025"), w.pick("J", ""), "J01", w.pick("national", "storage", "eu"), w.pick("", "1", "2"),
            w.pick("", "10-01"), w.pick("", "03-31")]  # fmt: skip


def _map(w: Writer, n: int) -> Fields:
    return [f"ART-{w.seed}-{n}", w.pick("", "012345"), w.pick("", "N02BE01"), w.pick("", "500 mg"), w.pick("", "tabl"),
            w.pick("", "1"), w.pick("", "30", "2,5"), w.pick("", "tabl"), "", "2026-01-01", w.pick("", "2027-01-01"),
            "Fimea"]  # fmt: skip


PACKAGE_COLUMNS = (
    "PAKKAUSNRO", "VNRNRO", "PAKKAUSKOKO", "KERROIN", "KOKO", "YKSIKKO", "LAITE", "ASTIATUN", "KAUPPAANTULOPVM",
    "KAUPASTAPOISPVM", "RESEPTISTATUS", "LAAKENIMI", "VAHVUUS", "LAAKEMUOTONIMI", "LAAKEMUOTOTUN", "HALTIJA", "HUM",
    "VET", "RINNAKKAISTUONTI", "VAIKAINELKM", "ATCKOODI", "ATCTUN", "DDD", "DDDYKSIKKO", "HUUME", "PSYKOLUOKITUS",
    "LIIKENNEVAARA", "EHTOKOODI", "MYYNTILUPANRO", "EUMYYNTILUPANRO", "PAATOSPVM", "PAATTYMISPVM", "TILANIMI",
    "TILAKOODI", "MUUTOS", "EDELLINEN_VNRNRO", "SUBSTITUUTIORYHMA", "KAUPAN", "EDELLINEN_LAAKENIMI",
)  # fmt: skip
SUBSTITUTION_COLUMNS = (
    "SUBSTITUUTIORYHMA", "VNRNRO", "PAKKAUSKOKO", "RESEPTISTATUS", "LAAKENIMI", "VAHVUUS", "LAAKEMUOTONIMI",
    "HALTIJA", "ATCKOODI", "SELITES", "KAUPAN", "DOKUMENTAATIO", "RINNAKKAISTUONTI", "MYYNTILUPANRO",
    "EUMYYNTILUPANRO",
)  # fmt: skip
DAYS = "2026-04-{:02d}"


def _packages(w: Writer, n: int) -> Fields:
    row = dict.fromkeys(PACKAGE_COLUMNS, "")
    row |= {"PAKKAUSNRO": f"{w.seed}{n:04d}", "VNRNRO": w.pick("", f"{n:06d}"), "KERROIN": w.pick("1", "2"),
            "KOKO": w.pick("30", "2,5", "2.5"), "LAAKENIMI": 'BURANA "FORTE" 400', "HALTIJA": w.pick("Orion Ö", "Teva"),
            "KAUPPAANTULOPVM": w.pick("", "2001-01-01"), "HUM": w.pick("1", "0"), "DDD": w.pick("", "1,2")}  # fmt: skip
    return list(row.values())


def _substitution(w: Writer, n: int) -> Fields:
    return [w.pick("", "0196"), f"{n:06d}", "100 (2 x 50)", "R", "PARA-TABS", "500 mg", "tabletti", 'Ö "A" Oy',
            "N02BE01", "parasetamoli", w.pick("0", "1"), "", w.pick("0", "1"), "123", ""]  # fmt: skip


def _shortages(w: Writer, n: int) -> Fields:
    return [f"{n:06d}", w.pick("K", "E"), w.day(28), w.pick("", "9999-12-31", "2026-08-01"), "2026-02-01",
            w.pick("", "2026-02-02"), w.pick("Orion Oyj", "Ämne AB")]  # fmt: skip


def _kela(w: Writer, n: int) -> Fields:
    return [w.pick("2025", "2026"), str(1 + n % 52), w.pick("NA", "1200.5"), w.pick("120", "NA"), w.pick("", "80"),
            w.pick("", f"N{n:02d}"), w.pick("01", "99"), w.pick("0", "2")]  # fmt: skip


def _names(w: Writer, n: int) -> Fields:
    code = w.pick("ATC_SELITE_EN", "ATC_SELITE_FI", "ALUENIMI_SV")
    return [code, f"(N{n:02d}) Ämne, {n}", w.pick("character", ""), "Nimi", w.pick("", "Selite"), "2026-07-01 10:11:53"]


PLANS: dict[str, Plan] = {
    "holders": Plan(
        ("holder_id", "holder_type", "name", "county_code", "valid_from", "valid_to", "serves"), _holders, (0,),
        days=(4, 5), required=(0, 1, 2, 4),
        dirt=(("not_in_list", put(1, "kiosk")), ("unknown_county", put(3, "77")), ("malformed", put(3, "1")),
              ("end_before_start", put(5, "2019-12-31")), ("malformed", put(6, "Uusimaa"))),
    ),
    "stock": Plan(
        ("holder_id", "counted_on", "vnr", "lot", "expires_on", "packs", "reserve_packs", "owner_id"), _stock,
        (0, 1, 2, 3, 4), numbers=(6, 5), days=(1, 4), required=(0, 1, 5), packs=5, holder=0, vnr=2, positive=(5,),
        dirt=(("reserve_exceeds_packs", put(6, "900000")),
              ("nil_row_with_packs", lambda f: [*f[:2], "", "", "", "3", "", ""])),
    ),
    "dispensing": Plan(
        ("reporter_id", "day", "county_code", "channel", "vnr", "packs", "dispensings", "returned_packs"), _dispensing,
        (0, 1, 2, 3, 4), numbers=(6, 7, 5), days=(1,), required=(0, 1, 2, 3, 5), packs=5, vnr=4, positive=(5, 6, 7),
        dirt=(("unknown_county", put(2, "99")), ("not_in_list", put(3, "ward")), ("malformed", put(2, "Lappi"))),
    ),
    "supply": Plan(
        ("holder_id", "vnr", "announced_on", "expected_on", "packs", "certainty"), _supply, (0, 1, 2, 3),
        numbers=(4,), days=(2, 3), required=(0, 1, 2, 3, 4, 5), packs=4, holder=0, vnr=1, positive=(4,),
        dirt=(("not_in_list", put(5, "maybe")),),
    ),
    "obligations": Plan(
        ("year", "obliged_id", "obliged_type", "vnr", "base_packs", "base_months", "factor_months"), _obligations,
        (0, 1, 3), numbers=(5, 6, 4), required=(0, 1, 2, 3, 4, 5, 6), vnr=3, positive=(4, 6),
        dirt=(("out_of_bounds", put(5, "0")), ("out_of_bounds", put(0, "1999")), ("not_a_number", put(0, "2026.5"))),
    ),
    "permits": Plan(
        ("kind", "obliged_id", "vnr", "applied_on", "valid_from", "valid_to", "allowed_packs"), _permits, (0, 1, 2, 3),
        numbers=(6,), days=(3, 4, 5), required=(0, 1, 2, 3), vnr=2, positive=(6,),
        dirt=(("not_in_list", put(0, "lupa")),
              ("end_before_start", lambda f: [*f[:4], "2026-03-02", "2026-03-01", f[6]])),
    ),
    "critical_list": Plan(
        ("atc5", "n", "route", "d", "cat", "grp", "list", "class", "season_from", "season_to"), _critical, (6, 0, 2),
        required=(0, 1),
        dirt=(("malformed", put(0, "J01CA4")), ("not_in_list", put(6, "own")), ("out_of_bounds", put(7, "10")),
              ("not_a_number", put(7, "1.5"))),
    ),
    "package_map": Plan(
        ("article", "vnr", "atc", "strength", "form", "factor", "size", "unit", "medicine_id", "valid_from", "valid_to",
         "author"), _map, (0, 9), numbers=(5, 6), days=(9, 10), required=(0, 9, 11),
        dirt=(("malformed", put(1, "12345")), ("out_of_bounds", put(5, "0"))),
    ),
    "fimea_packages": Plan(
        PACKAGE_COLUMNS, _packages, (0,), numbers=(3, 4), days=(8, 9), required=(0,), quoting=False,
        encoding="iso-8859-1",
        dirt=(("malformed", put(1, "12345")), ("not_in_list", put(16, "x"))),
    ),
    "fimea_atc": Plan(
        ("ATCTUN", "ATCKOODI", "SELITES", "SELITER", "DDD", "DDDYKSIKKO"),
        lambda w, n: [f"{n}", f"A{n:02d}", "ämpäri", 'a "b"', w.pick("", "1,5"), w.pick("", "MG")], (0,), numbers=(4,),
        required=(0, 1), quoting=False, encoding="iso-8859-1",
    ),
    "fimea_substances": Plan(
        ("PAKKAUSNRO", "AINETUN", "AINENIMI"), lambda w, n: [f"{n}", w.pick("1", "2"), "ÄINE"], (0, 1), required=(0, 1),
        quoting=False, encoding="iso-8859-1",
    ),
    "fimea_forms": Plan(
        ("LAAKEMUOTOTUN", "NIMI", "NIMIR", "NIMIE"), lambda w, n: [f"{n}", "tabletti", "tablett", "tablet"], (0,),
        required=(0,), quoting=False, encoding="iso-8859-1",
    ),
    "fimea_substitution": Plan(
        SUBSTITUTION_COLUMNS, _substitution, (1,), required=(1,), quoting=False, encoding="iso-8859-1",
        dirt=(("malformed", put(1, "12345")), ("not_in_list", put(10, "k"))),
    ),
    "fimea_shortages": Plan(
        ("VNR", "Voimassa", "SaatavuushairioAlkupaiva", "SaatavuushairioLoppupaiva", "Ilmoituspaiva", "Muokkauspaiva",
         "Yritys"), _shortages, (0, 2), days=(2, 3, 4, 5), required=(0, 1, 2),
        dirt=(("malformed", put(0, "12345")), ("not_in_list", put(1, "X")),
              ("end_before_start", lambda f: [*f[:2], "2026-03-02", "2026-03-01", *f[4:]])),
    ),
    "kela_purchases": Plan(
        ("vuosi", "viikko", "var_kustannus", "var_n_ostot", "var_n_henkilot", "atc_koodi", "aluekoodi", "atc_taso"),
        _kela, (0, 1, 5, 6, 7), required=(0, 1, 6, 7),
        dirt=(("not_a_number", put(0, "MMXXV")), ("unknown_county", put(6, "77"))),
    ),
    "kela_names": Plan(
        ("CODE", "VALUES", "CLASS", "NAME", "DESCRIPTION", "UPDATED"), _names, (0, 1), required=(0,),
    ),
}  # fmt: skip
