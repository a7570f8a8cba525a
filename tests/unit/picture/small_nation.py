"""A small random nation in the contracts' rows, dirty enough that every rule of section 7 has something to do."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from picture_facts import facts

from medsupply.facts import Facts

AS_OF = date(2026, 1, 8)  # Thursday after Epiphany: carried snapshots cross a holiday and a Sunday
DAYS = 100
HOLDERS: list[dict[str, Any]] = [
    {"holder_id": "W1", "holder_type": "wholesaler", "county_code": "90"},
    {"holder_id": "W2", "holder_type": "wholesaler", "county_code": "04"},
    {"holder_id": "M1", "holder_type": "mah", "county_code": "08"},
    {"holder_id": "T1", "holder_type": "thl", "county_code": "90"},
    {"holder_id": "S1", "holder_type": "state_reserve", "county_code": None},
    {"holder_id": "H1", "holder_type": "hospital_pharmacy", "county_code": "90", "serves": "01,02,03,04,90"},
    {"holder_id": "H2", "holder_type": "hospital_pharmacy", "county_code": "08", "serves": "08,07"},
    {"holder_id": "H3", "holder_type": "hospital_pharmacy", "county_code": "91"},
    {"holder_id": "C1", "holder_type": "medicine_centre", "county_code": "07"},
    {"holder_id": "P1", "holder_type": "pharmacy", "county_code": "90"},
    {"holder_id": "P2", "holder_type": "pharmacy", "county_code": "08"},
    {"holder_id": "P3", "holder_type": "pharmacy", "county_code": "21"},
    {"holder_id": "P4", "holder_type": "pharmacy", "county_code": "91"},
    {"holder_id": "D1", "holder_type": "dose_dispensing", "county_code": "07"},
    {"holder_id": "P5", "holder_type": "pharmacy", "county_code": "21", "valid_to": date(2025, 12, 31)},
    {"holder_id": "P6", "holder_type": "pharmacy", "county_code": "08", "valid_from": date(2026, 1, 2)},
]
DISPENSERS = ["H1", "H2", "H3", "C1", "P1", "P2", "P3", "P4", "P5", "D1", "X1", "X2"]
LIST: list[dict[str, Any]] = [
    {"vnrnro": "000101", "substituutioryhma": "0001", "atckoodi": "J01CA04", "vahvuus": "500 mg", "pakkauskoko": "20"},
    {
        "vnrnro": "000102",
        "substituutioryhma": "0001",
        "atckoodi": "J01CA04",
        "vahvuus": "500 mg",
        "pakkauskoko": "100 (2 x 50)",
    },
    {"vnrnro": "000103", "substituutioryhma": "0001", "atckoodi": "J01CA04", "vahvuus": "0,5 g", "pakkauskoko": "30"},
    {"vnrnro": "000201", "substituutioryhma": "0002", "atckoodi": "J01CA04", "vahvuus": "1 g", "pakkauskoko": "10"},
    {
        "vnrnro": "000301",
        "substituutioryhma": "0003",
        "atckoodi": "J01CA04",
        "vahvuus": "100 mg/ml",
        "pakkauskoko": "80 ml",
    },
    {
        "vnrnro": "000401",
        "substituutioryhma": "0004",
        "atckoodi": "N02BE01",
        "vahvuus": "10 mg/ml",
        "pakkauskoko": "10 x 100 ml",
    },
    {
        "vnrnro": "000402",
        "substituutioryhma": "0004",
        "atckoodi": "N02BE01",
        "vahvuus": "10 mg/ml",
        "pakkauskoko": "5 x 7,5 ml",
    },
    {
        "vnrnro": "000501",
        "substituutioryhma": "0005",
        "atckoodi": "J01CR02",
        "vahvuus": "500 mg/125 mg",
        "pakkauskoko": "16",
    },
    {
        "vnrnro": "000502",
        "substituutioryhma": "0005",
        "atckoodi": "J01CR02",
        "vahvuus": "500 mg/125 mg",
        "pakkauskoko": "24",
    },
    {
        "vnrnro": "000601",
        "substituutioryhma": "0006",
        "atckoodi": "R03AC02",
        "vahvuus": "0,1 mg/annos",
        "pakkauskoko": "200 annosta",
    },
]
FORMS = {"3": "oraaliliuos", "4": "infuusioneste, liuos", "6": "inhalaatiosumute, suspensio"}
HOLDER_NAMES = ["Orion Oyj", "ORION OYJ (Espoo)", "Teva Finland Oy", "Pfizer Oy"]
VNRS = [row["vnrnro"] for row in LIST]
UNKNOWN_VNR = "999999"


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(10), UTC)


def _list_rows(rng: random.Random) -> list[dict[str, Any]]:
    rows = []
    for row in LIST:
        form = FORMS.get(row["substituutioryhma"][3], "tabletti")
        extra = {
            "laakemuotonimi": form,
            "haltija": rng.choice(HOLDER_NAMES),
            "kaupan": rng.random() < 0.8,
            "rinnakkaistuonti": rng.random() < 0.3,
            "selites": "aine",
        }
        rows.append({**row, **extra})
    return rows


def _stock(rng: random.Random, first: date) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for holder in HOLDERS:
        silent_from = rng.choice([None, None, AS_OF - timedelta(days=rng.randint(0, 12))])
        assortment = rng.sample([*VNRS, UNKNOWN_VNR], rng.randint(2, len(VNRS)))
        for n in range(DAYS):
            day = first + timedelta(days=n)
            if rng.random() < 0.15 or (silent_from and day >= silent_from):
                continue
            rows.extend(_snapshot(rng, holder["holder_id"], day, assortment))
    return rows


def _snapshot(rng: random.Random, holder_id: str, day: date, assortment: list[str]) -> list[dict[str, Any]]:
    rows = []
    for vnr in assortment:
        if rng.random() < 0.2:
            continue
        for lot in range(rng.randint(1, 2)):
            packs = rng.choice([0.0, 1.0, 3.0, 12.0, 7.5])
            reserve = rng.choice([None, None, 0.0, packs, packs / 2])
            expires = rng.choice([None, day + timedelta(days=rng.randint(-2, 6)), day + timedelta(days=200)])
            owner = rng.choice([None, "O1", "O2"])
            rows.append(
                {"holder_id": holder_id, "counted_on": day, "vnr": vnr, "lot": f"L{lot}", "expires_on": expires}
                | {"packs": packs, "reserve_packs": reserve, "owner_id": owner}
            )
    return rows or [{"holder_id": holder_id, "counted_on": day, "vnr": "", "packs": 0.0}]


def _dispensing(rng: random.Random, first: date) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    county = {holder["holder_id"]: holder["county_code"] for holder in HOLDERS} | {"X1": "21", "X2": "05"}
    for reporter in DISPENSERS:
        closed_weekday = rng.choice([None, 6, 5])
        share = rng.choice([0.95, 0.6, 0.2])
        for n in range(DAYS):
            day = first + timedelta(days=n)
            if day.weekday() == closed_weekday or rng.random() > share or day > AS_OF:
                continue
            sold = [vnr for vnr in [*VNRS, UNKNOWN_VNR] if rng.random() < 0.4]
            base = {
                "reporter_id": reporter,
                "day": day,
                "county_code": county[reporter] or "90",
                "channel": "community",
            }
            rows.extend(
                {**base, "vnr": vnr, "packs": rng.choice([1.0, 2.0, 0.5, 4.0])}
                | {"returned_packs": rng.choice([None, 0.0, 0.5]), "dispensings": rng.choice([1.0, 2.0, None])}
                for vnr in sold
            )
            if not sold:
                rows.append({**base, "vnr": "", "packs": 0.0})
    return rows


def _notices(rng: random.Random) -> tuple[list[dict[str, Any]], datetime]:
    lists = [_noon(AS_OF - timedelta(days=n)) for n in (12, 7, rng.choice([6, 4, 2]))]
    rows = []
    for vnr in rng.sample([*VNRS, "888888"], 7):
        start = AS_OF + timedelta(days=rng.randint(-40, 60))
        end = rng.choice([date(9999, 12, 31), start + timedelta(days=rng.randint(0, 70))])
        ended_at = rng.choice([None, None, 1, 2])
        moved = rng.random() < 0.3
        common = {"vnr": vnr, "ilmoituspaiva": start, "yritys": "Orion Oyj", "saatavuushairioloppupaiva": end}
        first_end = lists[ended_at] if ended_at else (lists[1] if moved else None)
        rows.append(
            {
                **common,
                "voimassa": "K",
                "saatavuushairioalkupaiva": start,
                "known_from": lists[0],
                "known_to": first_end,
            }
        )
        if ended_at:
            row = {**common, "voimassa": "E", "saatavuushairioalkupaiva": start, "known_from": lists[ended_at]}
            rows.append({**row, "known_to": rng.choice([None, lists[2] if ended_at == 1 else None])})
        elif moved:
            later = start + timedelta(days=10)
            rows.append({**common, "voimassa": "K", "saatavuushairioalkupaiva": later, "known_from": lists[1]})
            rows[-1]["saatavuushairioloppupaiva"] = max(end, later)
    return rows, lists[2]


def _permits(rng: random.Random) -> list[dict[str, Any]]:
    day = AS_OF - timedelta(days=20)
    rows = []
    for kind, vnr in (("alitus", "000101"), ("alitus", "000301"), ("vapautus", "000501"), ("release", "000101")):
        start = rng.choice([None, day, AS_OF + timedelta(days=3)])
        allowed = rng.choice([2.0, 1000.0])
        rows.append({"kind": kind, "obliged_id": rng.choice(["O1", "O2"]), "vnr": vnr, "applied_on": day})
        rows[-1] |= {
            "valid_from": start,
            "valid_to": rng.choice([None, AS_OF, AS_OF - timedelta(days=1)]),
            "allowed_packs": allowed,
        }
    return rows


def _obligations(rng: random.Random) -> list[dict[str, Any]]:
    common = {"obliged_type": "importer", "base_months": 6.0, "factor_months": 10.0}
    return [
        {"year": year, "obliged_id": obliged, "vnr": vnr, "base_packs": rng.choice([0.6, 6.0, 60.0]), **common}
        for year, obliged, vnr in (
            (2026, "O1", "000101"),
            (2026, "O2", "000201"),
            (2026, "O1", "000401"),
            (2025, "O2", "000601"),
        )
    ]


def nation(seed: int) -> Facts:
    """Facts of AS_OF for the random nation of ``seed``."""
    rng = random.Random(seed)
    first = AS_OF - timedelta(days=DAYS - 1)
    holders = [{"name": h["holder_id"], "valid_from": date(2020, 1, 1), **h} for h in HOLDERS]
    notices, newest = _notices(rng)
    critical = [
        {"list": "eu", "atc5": "J01CA04", "n": "Amoxicillin", "route": "oral use"},
        {"list": "national", "atc5": "N02BE01", "n": "Paracetamol", "route": "intravenous use", "class": 1},
        {"list": "eu", "atc5": "B01AB01", "n": "Heparin", "route": "intravenous use"},
    ]
    stock = _stock(rng, first)
    pairs = sorted({(r["holder_id"], r["counted_on"], r["vnr"]) for r in stock if r["vnr"]})
    gaps = [dict(zip(("holder_id", "counted_on", "vnr"), p, strict=True)) for p in rng.sample(pairs, 8)]
    return facts(
        AS_OF,
        lists={"fimea_shortages": newest},
        gaps=gaps,
        holders=holders,
        stock=stock,
        dispensing=_dispensing(rng, first),
        fimea_substitution=_list_rows(rng),
        fimea_shortages=notices,
        critical_list=critical,
        permits=_permits(rng),
        obligations=_obligations(rng),
    )
