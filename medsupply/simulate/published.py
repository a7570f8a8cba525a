"""Files that authorities publish, in their own formats: register, substitution list, shortage notices, Kela."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from medsupply.areas import COUNTIES
from medsupply.simulate.products import COMPANIES, Medicine, Package
from medsupply.simulate.world import Outage

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
SHORTAGE_HEADER = (
    '"VNR";"Voimassa";"SaatavuushairioAlkupaiva";"SaatavuushairioLoppupaiva";"Ilmoituspaiva";"Muokkauspaiva";"Yritys"'
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
    rows = [f"{n};{form};{form} (sv);{form} (en)" for n, form in enumerate(forms, start=1)]
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


def shortages_file(outages: Sequence[Outage], packages: Sequence[Package], on: date) -> bytes:
    """The list of ``on``: notices published by then, ended ones for another month; some dirt of the real list."""
    rows = []
    newest: dict[str, str] = {}
    for outage in outages:
        if outage.published is None or outage.published > on or outage.end + timedelta(days=30) < on:
            continue
        changed, stated = [(day, end) for day, end in outage.stated_ends if day <= on][-1]
        ended = outage.end < on
        package = packages[outage.package]
        cells = (package.vnr, "E" if ended else "K", outage.start, outage.end if ended else stated,
                 outage.published, outage.end if ended else changed, COMPANIES[package.company])  # fmt: skip
        newest[package.vnr] = ";".join(f'"{cell}"' for cell in cells)
    rows = [newest[vnr] for vnr in sorted(newest)]
    rows.append(f'"990001";"K";"0202-11-01";"9999-12-31";"{on}";"{on}";"Kaamos Pharma Oy"')
    return ("\r\n".join([SHORTAGE_HEADER, *rows]) + "\r\n").encode("utf-8")


def critical_file(medicines: Sequence[Medicine], which: str) -> bytes:
    """The national list with classes, or the lines of the EU list that name the same substances."""
    lines: dict[tuple[str, str], str] = {}
    for m in medicines:
        if m.critical_class is None or (which == "eu" and m.critical_class > 2):
            continue
        cells = (
            m.atc,
            m.en,
            m.route,
            "2023-12-01",
            "",
            "",
            which,
            str(m.critical_class) if which == "national" else "",
        )
        lines.setdefault((m.atc, m.route), ";".join(cells))
    header = "atc5;n;route;d;cat;grp;list;class"
    return ("\n".join([header, *(lines[key] for key in sorted(lines))]) + "\n").encode("utf-8")


def kela_year(
    medicines: Sequence[Medicine],
    weekly: dict[tuple[str, date], float],
    mondays: Sequence[date],
    random: np.random.Generator,
) -> pl.DataFrame:
    """Weekly purchases as Kela publishes them: levels 0-5 for the country, 0-2 for the counties."""
    population = np.array([area.population for area in COUNTIES], dtype=float)
    share = population / population.sum()
    rows: list[tuple[float, float, float, int, int, str | None, float, float]] = []
    codes = sorted({m.atc for m in medicines if m.where != "h"})
    for monday in mondays:
        year, week, _ = monday.isocalendar()
        sums: dict[tuple[str, int], float] = {}
        for atc in codes:
            bought = weekly.get((atc, monday), 0.0)
            for level, length in enumerate((0, 1, 3, 4, 5, 7)):
                sums[atc[:length], level] = sums.get((atc[:length], level), 0.0) + bought
        for (atc, level), bought in sorted(sums.items()):
            rows.append(_kela_row(year, week, bought, atc, "99", level))
            if level <= 2:
                noisy = bought * share * np.exp(random.normal(0.0, 0.04, len(share)))
                rows += [
                    _kela_row(year, week, float(n), atc, area.code, level)
                    for n, area in zip(noisy, COUNTIES, strict=True)
                ]
    names = ("VUOSI", "VIIKKO", "VAR_KUSTANNUS", "VAR_N_OSTOT", "VAR_N_HENKILOT", "ATC_KOODI", "ALUEKOODI", "ATC_TASO")
    return pl.DataFrame(rows, schema=list(names), orient="row")


def _kela_row(
    year: int, week: int, bought: float, atc: str, area: str, level: int
) -> tuple[float, float, float, int, int, str | None, float, float]:
    count = round(bought)
    return (float(year), float(week), count * 21.5, count, round(count * 0.93), atc or None, float(area), float(level))
