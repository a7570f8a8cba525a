"""Files that authorities publish, in their own formats: register, substitution list, critical lists, package map."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from medsupply.simulate.products import COMPANIES, FORMS, Medicine, Package

PACKAGE_HEADER = (
    "PAKKAUSNRO;VNRNRO;PAKKAUSKOKO;KERROIN;KOKO;YKSIKKO;LAITE;ASTIATUN;KAUPPAANTULOPVM;KAUPASTAPOISPVM;RESEPTISTATUS;"
    "LAAKENIMI;VAHVUUS;LAAKEMUOTONIMI;LAAKEMUOTOTUN;HALTIJA;HUM;VET;RINNAKKAISTUONTI;VAIKAINELKM;ATCKOODI;ATCTUN;DDD;"
    "DDDYKSIKKO;HUUME;PSYKOLUOKITUS;LIIKENNEVAARA;EHTOKOODI;MYYNTILUPANRO;EUMYYNTILUPANRO;PAATOSPVM;PAATTYMISPVM;"
    "TILANIMI;TILAKOODI;MUUTOS;EDELLINEN_VNRNRO;SUBSTITUUTIORYHMA;KAUPAN;EDELLINEN_LAAKENIMI"
)
SUBSTITUTION_HEADER = (
    "SUBSTITUUTIORYHMA;VNRNRO;PAKKAUSKOKO;RESEPTISTATUS;LAAKENIMI;VAHVUUS;LAAKEMUOTONIMI;HALTIJA;ATCKOODI;SELITES;"
    "KAUPAN;DOKUMENTAATIO;RINNAKKAISTUONTI;MYYNTILUPANRO;EUMYYNTILUPANRO"
)


def latin(lines: Iterable[str]) -> bytes:
    """Lines as Fimea publishes them: ISO-8859-1, CRLF."""
    return "".join(f"{line}\r\n" for line in lines).encode("iso-8859-1")


def atc_file(medicines: Sequence[Medicine]) -> bytes:
    names = {one.atc: (one.fi, one.sv) for one in medicines}
    rows = [f"{n};{atc};{fi};{sv};;" for n, (atc, (fi, sv)) in enumerate(sorted(names.items()), start=1)]
    return latin(["ATCTUN;ATCKOODI;SELITES;SELITER;DDD;DDDYKSIKKO", *rows])


def forms_file(medicines: Sequence[Medicine]) -> bytes:
    forms = sorted({one.form for one in medicines})
    rows = [f"{n};{form};{';'.join(FORMS[form])}" for n, form in enumerate(forms, start=1)]
    return latin(["LAAKEMUOTOTUN;LAAKEMUOTONIMI;LAAKEMUOTONIMIR;LAAKEMUOTONIMIE", *rows])


def substances_file(medicines: Sequence[Medicine], packages: Sequence[Package]) -> bytes:
    rows = [f"{100000 + p.number};{1000 + p.medicine};{medicines[p.medicine].en}" for p in packages]
    return latin(["PAKKAUSNRO;AINETUN;AINENIMI", *rows])


def packages_file(medicines: Sequence[Medicine], packages: Sequence[Package]) -> bytes:
    rows = []
    for p in packages:
        m = medicines[p.medicine]
        factor, _, size = p.size.rpartition(" x ")
        cells = [
            str(100000 + p.number), p.vnr, f"{p.size} {m.unit}", factor or "1", f"{float(size):.2f}", m.unit, "", "",
            "2015-01-01", "", "R", p.name, m.strength, m.form, "", COMPANIES[p.company], "1", "0",
            str(int(p.parallel_import)), "1", m.atc, "", "", "", "", "", "0", "", str(20000 + p.number), "",
            "2015-01-01", "", "Voimassa", "1", "", "", m.group, "1", "",
        ]  # fmt: skip
        rows.append(";".join(cells))
    return latin([PACKAGE_HEADER, *rows])


def substitution_file(medicines: Sequence[Medicine], packages: Sequence[Package]) -> bytes:
    rows = []
    for p in packages:
        m = medicines[p.medicine]
        cells = (
            m.group, p.vnr, p.size, "R", p.name, m.strength, m.form, COMPANIES[p.company], m.atc, m.fi, "1", "G",
            str(int(p.parallel_import)), str(20000 + p.number), "",
        )  # fmt: skip
        rows.append(";".join(cells))
    return latin([SUBSTITUTION_HEADER, *rows])


# Lines of the lists that no package of the register fits, as on the real lists.
_WITHOUT_PACKAGE = (("V03AB24", "Digitalis antitoxin", "intravenous use"), ("P01BE03", "Artesunate", "intravenous use"))
_SEASON = {"J05AH02": ("11-01", "04-30")}


def critical_file(medicines: Sequence[Medicine], which: str) -> bytes:
    """The national list with classes and seasons, or the EU list's own columns, with its footer, same substances."""
    lines: dict[tuple[str, str], str] = {}
    for m in medicines:
        if m.critical_class is None or (which == "eu" and m.critical_class > 2):
            continue
        season = _SEASON.get(m.atc, ("", ""))
        own = [which, str(m.critical_class), *season] if which == "national" else ["A", m.atc[:5]]
        cells = [m.atc, m.en, m.route, "2023-12-01", *(["", ""] if which == "national" else []), *own]
        lines.setdefault((m.atc, m.route), ";".join(cells))
    for atc, name, route in _WITHOUT_PACKAGE:
        own = ["", "", which, "1", "", ""] if which == "national" else ["A", atc[:5]]
        lines[atc, route] = ";".join([atc, name, route, "2023-12-01", *own])
    header = "atc5;n;route;d;cat;grp" + (";list;class;season_from;season_to" if which == "national" else "")
    return ("\n".join([header, *(lines[key] for key in sorted(lines))]) + "\n").encode("utf-8")


def package_map_file(medicines: Sequence[Medicine], article: str, old: str, new: str, day: date) -> bytes:
    """Decisions of the operator: a special-permit article of the first hospital medicine, and a changed VNR."""
    m = next((one for one in medicines if one.where == "h"), medicines[0])
    rows = [
        f"{article};;{m.atc};{m.strength};{m.form};1;1;{m.unit};;{day};;duty pharmacist",
        f"{old};{new};;;;;;;;{day};;duty pharmacist",
    ]
    header = "article;vnr;atc;strength;form;factor;size;unit;medicine_id;valid_from;valid_to;author"
    return ("\n".join([header, *rows]) + "\n").encode("utf-8")
