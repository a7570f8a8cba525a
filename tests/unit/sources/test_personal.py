"""Nothing personal: every code is found in odd places, and nothing else is taken for one."""

from __future__ import annotations

import gzip
import io
import random
from datetime import date, timedelta

import polars as pl
import pytest
from made import HEADER, parsed, stock

from medsupply.errors import DeliveryRefused
from medsupply.sources.personal import CENTURIES, CHECK, holds_code

SIGNS = {century: [sign for sign, start in CENTURIES.items() if start == century] for century in (1800, 1900, 2000)}


def code(chance: random.Random) -> str:
    day = date(1850, 1, 1) + timedelta(days=chance.randrange(64_000))
    number = f"{chance.randrange(2, 1000):03d}"
    sign = chance.choice(SIGNS[day.year // 100 * 100])
    return f"{day:%d%m%y}{sign}{number}{CHECK[int(f'{day:%d%m%y}{number}') % 31]}"


def test_ten_thousand_codes_in_odd_places() -> None:
    chance = random.Random(4)
    places = ["{}", "hetu{}", "{}kpl", "x {} y", "({})", "L-{}/2", '"{}"', "{};", "ä{}ö", "a\u00a0{}"]
    missed = [
        text
        for number in range(10_000)
        if not holds_code(
            text := chance.choice(places).format(code(chance).lower() if number % 3 == 0 else code(chance))
        )
    ]
    assert missed == []


@pytest.mark.parametrize(
    "text", ["131052-308U", "310290-123A", "2026-03-02", "000000-0000", "131052-308T5", "9131052-308T", "290223-123A"]
)
def test_what_is_none(text: str) -> None:
    assert not holds_code(text)


def test_the_known_example() -> None:
    assert holds_code("131052-308T") and holds_code("131052\u2013308t")


def refused(data: bytes, source: str = "stock") -> str:
    with pytest.raises(DeliveryRefused) as caught:
        parsed(data, source)
    assert "308T" not in str(caught.value)
    return caught.value.code


PERSONAL = "131052-308T"
PLACES: dict[str, bytes] = {
    "in a field": stock(f"H1;2026-03-02;012345;{PERSONAL};;1;;"),
    "in an extra column": stock(f"H1;2026-03-02;012345;;;1;;;{PERSONAL}", header=HEADER + ";note"),
    "in the header": stock("H1;2026-03-02;012345;;;1;;;x", header=f"{HEADER};{PERSONAL}"),
    "in a ragged line": stock(f"{PERSONAL}"),
    "without a header": f"H1;{PERSONAL};x\n".encode(),
    "in a web page": f"<html>{PERSONAL}</html>".encode(),
    "in unreadable bytes": b"\xff\xfe\xfa" + PERSONAL.encode("utf-16-le"),
    "in UTF-16": (HEADER + "\n" + PERSONAL).encode("utf-16"),
    "in gzip": gzip.compress(stock(PERSONAL)),
    "in broken gzip": gzip.compress(stock(PERSONAL * 3))[:-6],
    "in another kind": b"PK\x03\x04" + PERSONAL.encode(),
    "in two columns of one name": stock(f"{PERSONAL}", header=HEADER + ";lot"),
}


@pytest.mark.parametrize("place", PLACES)
def test_refused_whole_wherever_it_stands(place: str) -> None:
    assert refused(PLACES[place]) == "personal_code"


@pytest.mark.parametrize("values", [[PERSONAL], [[PERSONAL]], [PERSONAL.encode()], [{"a": PERSONAL}]])
def test_in_a_parquet_column(values: list[object]) -> None:
    buffer = io.BytesIO()
    columns = {name: ["H1"] for name in HEADER.split(";")} | {"note": values}
    pl.DataFrame(columns).write_parquet(buffer)
    assert refused(buffer.getvalue()) == "personal_code"


@pytest.mark.parametrize("column", ["hetu", "Henkilötunnus", "SSN", "potilas_id", "etunimi", "person_ssn", "email"])
def test_columns_of_persons(column: str) -> None:
    assert refused(stock("H1;2026-03-02;012345;;;1;;;", header=f"{HEADER};{column}")) == "personal_column"
