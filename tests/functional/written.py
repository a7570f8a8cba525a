"""A small random nation written as deliveries, and its figures worked out from them in plain Python.

Written from section 7 of the design alone; nothing of medsupply is imported. Text, numbers and dates are as in the
files. Corrections, withdrawals and spoilt rows come in the days after, so that what was known differs from what is.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

FIRST, LAST = date(2026, 1, 12), date(2026, 3, 13)
COUNTIES = {"08": "Y3", "07": "Y3", "06": "Y4", "90": "Y1"}
# holder: kind, county, counties served
HOLDERS = {
    "W1": ("wholesaler", "90", ()),
    "W2": ("wholesaler", "08", ()),
    "H1": ("hospital_pharmacy", "08", ("08", "07")),
    "C1": ("medicine_centre", "06", ("06",)),
    "P1": ("pharmacy", "08", ("08",)),
    "P2": ("pharmacy", "08", ("08",)),
    "P3": ("pharmacy", "07", ("07",)),
    "P4": ("pharmacy", "90", ("90",)),
    "D1": ("dose_dispensing", "90", ("90",)),
}
DISPENSERS = ("H1", "C1", "P1", "P2", "P3", "P4", "D1")
# vnr: group, name, strength, pack size, ATC, units in a pack, mg in a pack
PACKAGES = {
    "100001": ("0001", "500 mg", "20", "J01CA04", 20.0, 10_000.0),
    "100002": ("0001", "0,5 g", "100 (2 x 50)", "J01CA04", 100.0, 50_000.0),
    "100003": ("0002", "1 g", "10", "J01CA04", 10.0, 10_000.0),
    "100004": ("0003", "4 mg", "3 x 10", "N02AA01", 30.0, 120.0),
}
GROUPS = {"G0001": ("100001", "100002"), "G0002": ("100003",), "G0003": ("100004",)}
FAMILIES = {"SJ01CA04_oral_solid": ("100001", "100002", "100003"), "SN02AA01_oral_solid": ("100004",)}
FORM = "tabletti"


@dataclass
class Written:
    """One delivery: bytes as sent, when it came, and when it was withdrawn."""

    source: str
    name: str
    text: str
    received_at: datetime
    withdrawn_at: datetime | None = None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def known(self, at: datetime) -> bool:
        return self.received_at <= at and (self.withdrawn_at is None or self.withdrawn_at > at)


@dataclass
class Nation:
    deliveries: list[Written] = field(default_factory=list)

    def of(self, source: str, at: datetime) -> list[Written]:
        """Deliveries known at a moment, in the order in which one supersedes the other."""
        known = [one for one in self.deliveries if one.source == source and one.known(at)]
        return sorted(known, key=lambda one: (one.received_at, one.sha256))


def morning(day: date, hour: int = 4) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def days() -> Iterator[date]:
    for n in range((LAST - FIRST).days + 1):
        yield FIRST + timedelta(days=n)


STOCK = "holder_id;counted_on;vnr;lot;expires_on;packs;reserve_packs"
DISPENSING = "reporter_id;day;county_code;channel;vnr;packs;dispensings;returned_packs"


def nation(seed: int) -> Nation:
    """Reference, a file a day of each source, then corrections, withdrawals and late files."""
    rng = random.Random(seed)
    found = Nation(list(_reference()))
    carried = {holder: rng.sample(sorted(PACKAGES), rng.randint(2, 4)) for holder in HOLDERS}
    quiet = {holder: _quiet(rng) for holder in HOLDERS}
    for day in days():
        stock = [row for holder in HOLDERS if day not in quiet[holder] for row in _snapshot(rng, holder, day, carried)]
        sold = [row for who in DISPENSERS if day not in quiet[who] for row in _sold(rng, who, day)]
        late = rng.choice([0, 0, 0, 2])
        found.deliveries.append(_file("stock", f"stock-{day}", STOCK, stock, morning(day + timedelta(days=1 + late))))
        found.deliveries.append(_file("dispensing", f"sold-{day}", DISPENSING, sold, morning(day + timedelta(days=1))))
    _later(rng, found, carried)
    # The same bytes again store nothing.
    first = {(one.source, one.text): one for one in sorted(found.deliveries, key=lambda one: one.received_at)[::-1]}
    return Nation(list(first.values()))


def _quiet(rng: random.Random) -> set[date]:
    """Days on which a holder is silent: single ones, Sundays, and for some the end."""
    silent = {day for day in days() if rng.random() < 0.08 or (day.weekday() == 6 and rng.random() < 0.7)}
    if rng.random() < 0.3:
        start = LAST - timedelta(days=rng.randint(0, 12))
        silent |= {day for day in days() if day >= start}
    return silent


def _snapshot(rng: random.Random, holder: str, day: date, carried: dict[str, list[str]]) -> list[str]:
    rows = []
    for vnr in carried[holder]:
        if rng.random() < 0.15:
            continue
        for lot in range(rng.choice([1, 1, 2])):
            packs = rng.choice(["0", "3", "12", "7.5", "40"])
            reserve = rng.choice(["", "", "0", packs, "2"]) if float(packs) >= 2 else ""
            ends = rng.choice(["", str(day + timedelta(days=rng.randint(-1, 5))), "2027-12-31"])
            rows.append(f"{holder};{day};{vnr};L{lot};{ends};{packs};{reserve}")
    if rows and rng.random() < 0.03:
        rows.append(f"{holder};{day};{rng.choice(carried[holder])};L9;2027-12-31;-4;")
    return rows or [f"{holder};{day};;;;0;"]


def _sold(rng: random.Random, who: str, day: date) -> list[str]:
    county = HOLDERS[who][1]
    rows = []
    for vnr in PACKAGES:
        if rng.random() < 0.5:
            packs, back = rng.choice(["1", "2", "0.5", "4"]), rng.choice(["", "0", "0.5"])
            rows.append(f"{who};{day};{county};community;{vnr};{packs};{rng.randint(1, 9)};{back}")
    return rows or [f"{who};{day};{county};community;;0;;"]


def _later(rng: random.Random, found: Nation, carried: dict[str, list[str]]) -> None:
    """Corrections of single snapshots and of days of dispensing; files taken back."""
    for number in range(25):
        day = FIRST + timedelta(days=rng.randint(20, (LAST - FIRST).days))
        at = morning(day + timedelta(days=rng.choice([1, 2, 3, 9])), 9 + number % 8)
        if number % 2:
            rows = _snapshot(rng, rng.choice(sorted(HOLDERS)), day, carried)
            found.deliveries.append(_file("stock", f"stock-{day}-again-{number}", STOCK, rows, at))
        else:
            rows = _sold(rng, rng.choice(DISPENSERS), day)
            found.deliveries.append(_file("dispensing", f"sold-{day}-again-{number}", DISPENSING, rows, at))
    sent = sorted((one for one in found.deliveries if one.source in ("stock", "dispensing")), key=lambda one: one.name)
    for one in rng.sample(sent, 6):
        one.withdrawn_at = one.received_at + timedelta(days=rng.randint(1, 12), hours=1)


def _file(source: str, name: str, header: str, rows: list[str], at: datetime) -> Written:
    return Written(source, f"{name}.csv", "\n".join([header, *rows]) + "\n", at)


def _reference() -> Iterator[Written]:
    start = morning(FIRST - timedelta(days=1))
    rows = [f"{h};{kind};{h};{county};2020-01-01;;{','.join(s)}" for h, (kind, county, s) in HOLDERS.items()]
    header = "holder_id;holder_type;name;county_code;valid_from;valid_to;serves"
    yield _file("holders", "holders", header, rows, start)
    head = (
        "SUBSTITUUTIORYHMA;VNRNRO;PAKKAUSKOKO;RESEPTISTATUS;LAAKENIMI;VAHVUUS;LAAKEMUOTONIMI;HALTIJA;ATCKOODI;SELITES;"
        "KAUPAN;DOKUMENTAATIO;RINNAKKAISTUONTI;MYYNTILUPANRO;EUMYYNTILUPANRO"
    )
    listed = [
        f"{group};{vnr};{size};R;Name;{strength};{FORM};Maker Oy;{atc};aine;1;G;0;1;"
        for vnr, (group, strength, size, atc, _, _) in PACKAGES.items()
    ]
    yield _file("fimea_substitution", "GS", head, listed, start)
    lines = ["J01CA04;Amoxicillin;oral use;2023-12-01;A;J01C", "N02AA01;Morphine;oral use;2023-12-01;A;N02A"]
    yield _file("critical_list", "eu", "atc5;n;route;d;cat;grp", lines, start)


# --- the figures, from the files alone


def worth(medicine: str) -> dict[str, float]:
    """What a pack counts in a medicine (units) or family (mg)."""
    if medicine in GROUPS:
        return {vnr: PACKAGES[vnr][4] for vnr in GROUPS[medicine]}
    return {vnr: PACKAGES[vnr][5] for vnr in FAMILIES[medicine]}


def areas_of(holder: str) -> set[str]:
    kind, _, served = HOLDERS[holder]
    if kind == "wholesaler":
        return {"99"}
    return {"99", *served, *(COUNTIES[county] for county in served)}


Rows = dict[str, list[tuple[float, float, date | None]]]


def snapshots(found: Nation, at: datetime) -> dict[str, dict[date, Rows]]:
    """holder -> day -> vnr -> (packs, reserve, end): what stands; a package with a spoilt row has the rows before."""
    sent: dict[tuple[str, date], tuple[Rows, set[str]]] = {}
    for one in found.of("stock", at):
        mine: dict[tuple[str, date], tuple[Rows, set[str]]] = {}
        for line in one.text.splitlines()[1:]:
            holder, day, vnr, _, ends, packs, reserve = line.split(";")
            rows, spoilt = mine.setdefault((holder, date.fromisoformat(day)), ({}, set()))
            if vnr and float(packs) < 0:
                spoilt.add(vnr)
            elif vnr:
                end = date.fromisoformat(ends) if ends else None
                rows.setdefault(vnr, []).append((float(packs), float(reserve or 0), end))
        sent |= mine
    standing: dict[str, dict[date, Rows]] = defaultdict(dict)
    clean: dict[tuple[str, str], list[tuple[float, float, date | None]] | None] = {}
    for (holder, day), (rows, spoilt) in sorted(sent.items()):
        full = {vnr: lots for vnr, lots in rows.items() if vnr not in spoilt}
        full |= {vnr: before for vnr in spoilt if (before := clean.get((holder, vnr)))}
        standing[holder][day] = full
        for vnr in PACKAGES:
            if vnr not in spoilt:
                clean[holder, vnr] = rows.get(vnr)
    return standing


def dispensed(found: Nation, at: datetime) -> dict[str, dict[date, dict[str, float]]]:
    """reporter -> day -> vnr -> packs less returned; a reported day without a sale is there with nothing."""
    rows: dict[tuple[str, ...], float] = {}
    for one in found.of("dispensing", at):
        for line in one.text.splitlines()[1:]:
            who, day, county, channel, vnr, packs, _, back = line.split(";")
            rows[who, day, county, channel, vnr] = float(packs) - float(back or 0)
    result: dict[str, dict[date, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for (who, day, _, _, vnr), packs in rows.items():
        sold = result[who][date.fromisoformat(day)]
        if vnr:
            sold[vnr] = sold.get(vnr, 0.0) + packs
    return result


def heard(standing: dict[str, dict[date, Rows]], day: date) -> dict[str, date]:
    """holder -> day of its latest snapshot, if that is at most three open days (Monday to Saturday) old."""
    found = {}
    for holder, taken in standing.items():
        late = [one for one in taken if one <= day]
        if late and _open_days(max(late), day) <= 3:
            found[holder] = max(late)
    return found


def _open_days(earlier: date, later: date) -> int:
    return sum((earlier + timedelta(days=n)).weekday() != 6 for n in range(1, (later - earlier).days + 1))


def usable(rows: Rows, holder: str, on: date, value: dict[str, float]) -> tuple[float, float]:
    """Units that may be used and reserve that may not, of lots that have not expired on a day."""
    own = HOLDERS[holder][0] in ("hospital_pharmacy", "medicine_centre")
    free = held = 0.0
    for vnr, lots in rows.items():
        for packs, reserve, end in lots:
            if vnr in value and (end is None or end > on):
                kept = 0.0 if own else reserve
                free += (packs - kept) * value[vnr]
                held += kept * value[vnr]
    return free, held


def trailing(sold: dict[date, dict[str, float]], day: date, value: dict[str, float]) -> float:
    """Mean units a day of one reporter: by weekday over its reported days of 84."""
    window = [one for one in sold if day - timedelta(days=83) <= one <= day]
    units = {one: sum(packs * value.get(vnr, 0.0) for vnr, packs in sold[one].items()) for one in window}
    by_weekday: dict[int, list[float]] = defaultdict(list)
    for one in window:
        by_weekday[one.weekday()].append(units[one])
    if not window:
        return 0.0
    if len(by_weekday) < 7 and len(window) < 28:
        return sum(units.values()) / len(window)
    return sum(sum(values) / len(values) for values in by_weekday.values()) / 7


@dataclass
class Figures:
    stock_units: float | None
    reserve_units: float | None
    trailing_demand_units: float | None
    floor_units: float | None
    cover_days: float | None
    reporting_share: float
    out_share: float | None


def figures(found: Nation, day: date, at: datetime, area: str, medicine: str) -> Figures:
    """The figures of one row, from the files."""
    value, standing, sold = worth(medicine), snapshots(found, at), dispensed(found, at)
    here = [holder for holder in HOLDERS if area in areas_of(holder)]
    known = {holder: last for holder, last in heard(standing, day).items() if holder in here}
    amounts = [usable(standing[holder][last], holder, day, value) for holder, last in known.items()]
    stock = sum(free for free, _ in amounts) if known else None
    needs = {who: trailing(sold[who], day, value) for who in DISPENSERS if who in here and who in sold}
    reported = any(day - timedelta(days=83) <= one <= day for who in needs for one in sold[who])
    demand = sum(needs.values()) if reported else None
    usual = {holder: _usual(standing.get(holder, {}), holder, day, value) for holder in here}
    whole = sum(usual.values())
    share = sum(usual[h] for h in known) / whole if whole > 0 else len(known) / len(here)
    return Figures(
        stock_units=stock,
        reserve_units=sum(held for _, held in amounts) if known else None,
        trailing_demand_units=demand,
        floor_units=None if demand is None else demand * (7 if area == "99" else 3),
        cover_days=stock / demand if stock is not None and demand else None,
        reporting_share=share,
        out_share=_out(standing, known, needs, day, value),
    )


def demand_before(found: Nation, day: date, at: datetime, area: str, medicine: str) -> float | None:
    """Trailing demand of the last day above the floor, of the 84 before; None where there is none."""
    value, standing, sold = worth(medicine), snapshots(found, at), dispensed(found, at)
    here = [holder for holder in HOLDERS if area in areas_of(holder)]
    who = [one for one in DISPENSERS if one in here and one in sold]
    for back in range(1, 85):
        then = day - timedelta(days=back)
        known = {holder: last for holder, last in heard(standing, then).items() if holder in here}
        stock = sum(usable(standing[holder][last], holder, then, value)[0] for holder, last in known.items())
        reported = any(then - timedelta(days=83) <= one <= then for each in who for one in sold[each])
        if stock <= 0 or not reported:
            continue
        demand = sum(trailing(sold[each], then, value) for each in who)
        if stock > demand * (7 if area == "99" else 3):
            return demand
    return None


def _usual(taken: dict[date, Rows], holder: str, day: date, value: dict[str, float]) -> float:
    window = [one for one in taken if day - timedelta(days=31) <= one <= day - timedelta(days=4)]
    return sum(usable(taken[one], holder, one, value)[0] for one in window) / len(window) if window else 0.0


def _out(
    standing: dict[str, dict[date, Rows]], known: dict[str, date], needs: dict[str, float], day: date,
    value: dict[str, float],
) -> float | None:  # fmt: skip
    whole = out = 0.0
    for holder, last in known.items():
        taken = standing[holder]
        window = [one for one in taken if day - timedelta(days=83) <= one <= day - timedelta(days=28)]
        some = sum(usable(taken[one], holder, one, value)[0] > 0 for one in window)
        if some and 2 * some >= len(window):
            whole += needs.get(holder, 0.0)
            out += needs.get(holder, 0.0) if usable(standing[holder][last], holder, day, value)[0] <= 0 else 0.0
    return out / whole if whole > 0 else None
