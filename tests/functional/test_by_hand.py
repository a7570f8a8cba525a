"""Ten holders around Epiphany, their files written by hand and every figure worked out on paper from section 7.

Wednesday 7.1.2026; the 1st and the 6th are holidays. G0001 has two packages of 20 and 100 tablets of 500 mg.

Heard of: W1, M1, P1, P2, P3 (7.1.), H2 (5.1.), H1 (Friday 2.1.: the 3rd, 5th and 7th are three open days). Not: W2
(1.1.: four open days), C1 (never).
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from medsupply import flow
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.loading import undo

DAY = date(2026, 1, 7)
FIRST, CORRECTED, WITHDRAWN = (datetime(2026, 1, day, 6, tzinfo=UTC) for day in (8, 9, 10))
HOLDERS = """holder_id;holder_type;name;county_code;valid_from;valid_to;serves
W1;wholesaler;W1;90;2020-01-01;;
W2;wholesaler;W2;08;2020-01-01;;
M1;mah;M1;90;2020-01-01;;
H1;hospital_pharmacy;H1;08;2020-01-01;;07
H2;hospital_pharmacy;H2;90;2020-01-01;;
C1;medicine_centre;C1;06;2020-01-01;;
P1;pharmacy;P1;08;2020-01-01;;
P2;pharmacy;P2;07;2020-01-01;;
P3;pharmacy;P3;90;2020-01-01;;
V1;state_reserve;V1;90;2020-01-01;;
"""
GROUPS = """SUBSTITUUTIORYHMA;VNRNRO;PAKKAUSKOKO;RESEPTISTATUS;LAAKENIMI;VAHVUUS;LAAKEMUOTONIMI;HALTIJA;ATCKOODI;\
SELITES;KAUPAN;DOKUMENTAATIO;RINNAKKAISTUONTI;MYYNTILUPANRO;EUMYYNTILUPANRO
0001;100001;20;R;Name;500 mg;tabletti;Maker Oy;J01CA04;aine;1;G;0;1;
0001;100002;100 (2 x 50);R;Name;0,5 g;tabletti;Maker Oy;J01CA04;aine;1;G;0;1;
0002;100003;10;R;Name;1 g;tabletti;Maker Oy;J01CA04;aine;1;G;0;1;
0003;100004;3 x 10;R;Name;4 mg;tabletti;Maker Oy;N02AA01;aine;1;G;0;1;
"""
LIST = "atc5;n;route;d;cat;grp\nJ01CA04;Amoxicillin;oral use;2023-12-01;A;J01C\n"
# One permit lets 30 packs of the reserve out; one has ended, one is only applied for.
PERMITS = """kind;obliged_id;vnr;applied_on;valid_from;valid_to;allowed_packs
alitus;W1;100001;2026-01-02;2026-01-05;2026-01-20;30
alitus;W1;100001;2025-11-02;2025-11-05;2026-01-06;500
alitus;W1;100001;2026-01-07;;;700
"""
STOCK = """holder_id;counted_on;vnr;lot;expires_on;packs;reserve_packs
P1;2025-11-10;100001;;;3;
P2;2025-11-10;100001;;;2;
H1;2025-11-10;100001;;;0;
W1;2025-12-15;100001;;;100;40
W2;2025-12-15;100001;;;50;
H1;2025-12-15;100001;;;10;4
P1;2025-12-15;100001;;;6;
P1;2025-12-15;100003;;;2;
P2;2025-12-15;100001;;;4;
P2;2025-12-15;100002;;;2;
P3;2025-12-15;;;;0;
W2;2026-01-01;100001;;;45;
H1;2026-01-02;100001;X;2026-01-07;5;
H1;2026-01-02;100001;Y;;3;3
H2;2026-01-05;100004;;;20;5
W1;2026-01-07;100001;1;2027-01-31;60;40
W1;2026-01-07;100001;2;2026-01-07;30;
M1;2026-01-07;100001;;;30;
P1;2026-01-07;100001;;2026-01-07;1;
P1;2026-01-07;100003;;;0;
P2;2026-01-07;100001;;;4;
P2;2026-01-07;100002;;;-2;
P3;2026-01-07;;;;0;
V1;2026-01-07;100001;;;500;
"""
SOLD = """reporter_id;day;county_code;channel;vnr;packs;dispensings;returned_packs
P1;2025-12-29;08;community;100001;2;40;
P1;2025-12-30;08;community;100001;1;20;0.5
P1;2026-01-05;08;community;100001;4;80;
H1;2026-01-02;08;hospital;100001;3;30;
P2;2026-01-05;07;community;;0;;
"""
LATE = SOLD.splitlines()[0] + "\nP2;2026-01-07;07;community;100001;0.5;25;\n"
AGAIN = STOCK.splitlines()[0] + "\nW1;2026-01-07;100001;1;2027-01-31;80;40\n"
SENT = (("holders", HOLDERS), ("fimea_substitution", GROUPS), ("critical_list", LIST), ("permits", PERMITS),
        ("stock", STOCK), ("dispensing", SOLD), ("dispensing", LATE))  # fmt: skip

# Packs on paper, 100001 unless said. Usable: W1 60 - 40 = 20 (lot 2 has expired), M1 30, H1 3 (its own reserve counts,
# lot X has expired), P1 none (expired), P2 4 and 2 of 100002 (-2 is spoilt: what it had before stands). Reserve 40, of
# which the permit lets 30 into the stock of the country. Usual units: W1 1200, W2 (1000 + 900) / 2, H1 (200 + 160) / 2,
# P1 120, P2 280. Demand a day: P1 (2 + 0.5 + 4) / 3 packs, P2 (0 + 0.5) / 2, H1 3. Had it in [-83, -28]: P1, P2.
P1, P2, H1 = 6.5 / 3 * 20, 5.0, 60.0
PAPER: dict[tuple[datetime, str], dict[str, Any]] = {
    (FIRST, "99"): {"stock_units": 1940.0, "reserve_units": 200.0, "trailing_demand_units": P1 + P2 + H1,
                    "floor_units": 7 * (P1 + P2 + H1), "reporting_share": 1780 / 2730, "out_share": P1 / (P1 + P2),
                    "cover_days": 1940 / (P1 + P2 + H1), "cover_days_high": 2890 / (P1 + P2 + H1),
                    "cover_days_with_reserve": 2140 / (P1 + P2 + H1), "level": "severe", "partial": True,
                    "shared": False, "state": "late"},
    (FIRST, "08"): {"stock_units": 60.0, "reserve_units": 0.0, "trailing_demand_units": P1 + H1,
                    "floor_units": 3 * (P1 + H1), "reporting_share": 1.0, "out_share": 1.0, "level": "severe",
                    "cover_days": 60 / (P1 + H1), "shared": True, "state": "late"},
    (FIRST, "07"): {"stock_units": 340.0, "trailing_demand_units": P2 + H1, "reporting_share": 1.0, "out_share": 0.0,
                    "shared": True},
    (FIRST, "Y3"): {"stock_units": 340.0, "trailing_demand_units": P1 + P2 + H1, "shared": False,
                    "out_share": P1 / (P1 + P2)},
    (FIRST, "90"): {"stock_units": 0.0, "trailing_demand_units": None, "cover_days": None, "reporting_share": 1.0,
                    "out_share": None, "level": "unknown"},
    (FIRST, "06"): {"stock_units": None, "trailing_demand_units": None, "reporting_share": 0.0, "level": "unknown"},
    (CORRECTED, "99"): {"stock_units": 2340.0, "reserve_units": 200.0, "cover_days": 2340 / (P1 + P2 + H1),
                        "reporting_share": 1780 / 2730},
    (WITHDRAWN, "99"): {"stock_units": 2340.0, "trailing_demand_units": P1 + H1, "out_share": 1.0},
    (WITHDRAWN, "07"): {"stock_units": 340.0, "trailing_demand_units": H1, "out_share": None},
}  # fmt: skip


@pytest.fixture
def lived(warehouse: Warehouse, tmp_path: Path) -> Warehouse:
    """All files, W1's snapshot corrected a day later, P2's late day of dispensing withdrawn a day after that."""
    ids = [_load(warehouse, tmp_path, n, source, text, FIRST) for n, (source, text) in enumerate(SENT)]
    _load(warehouse, tmp_path, len(SENT), "stock", AGAIN, CORRECTED)
    undo.withdraw(warehouse, ids[-1], author="x", reason="y", at=WITHDRAWN)
    return warehouse


def _load(wh: Warehouse, folder: Path, number: int, source: str, text: str, at: datetime) -> str:
    path = folder / f"{number}.csv"
    path.write_text(text, encoding="utf-8")
    return flow.load(wh, source, [path], received_at=at)[0].delivery_id


def test_every_figure_is_the_one_on_paper_whenever_it_is_asked(lived: Warehouse) -> None:
    for known_at in (WITHDRAWN, FIRST, CORRECTED, FIRST):
        flow.picture(lived, DAY, known_at)
        query = "select * from analyst.situation_history where known_at = :at and as_of = :day"
        rows = {(row["county_code"], row["medicine_id"]): row
                for row in lived.read(query, at=known_at, day=DAY).iter_rows(named=True)}  # fmt: skip
        for (moment, area), figures in PAPER.items():
            if moment == known_at:
                for name, figure in figures.items():
                    wanted = pytest.approx(figure, rel=1e-11) if isinstance(figure, float) else figure
                    assert rows[area, "G0001"][name] == wanted, (moment, area, name)


def test_a_family_is_its_packages_in_mg(lived: Warehouse) -> None:
    flow.picture(lived, DAY, FIRST)
    query = "select * from analyst.situation where medicine_id = 'SJ01CA04_oral_solid' and county_code = '99'"
    row = lived.read(query).row(0, named=True)
    assert row["stock_units"] == 87 * 10_000 + 2 * 50_000
    assert row["trailing_demand_units"] == pytest.approx(500 * (P1 + P2 + H1), rel=1e-11)
    assert row["reserve_units"] == 10 * 10_000
