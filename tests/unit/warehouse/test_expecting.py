"""The calendar of deliveries: who is expected, received, late or missing, on open days, holidays and weekends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from medsupply.alerts.store.signs import signs
from medsupply.errors import InputError
from medsupply.rules.calendar import Calendar, load_calendar, parse_calendar
from medsupply.warehouse import health
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.loading import expecting, intake, undo

MONDAY = date(2026, 3, 2)
SATURDAY, SUNDAY = date(2026, 3, 7), date(2026, 3, 8)
EARLY = datetime(2026, 3, 1, tzinfo=UTC)
OWN = """
version = "test"
[source.stock]
days = "open"
cutoff_hour = 10
late_open_days = 3
heard_of_days = 0
holder_types = ["pharmacy", "wholesaler"]
[source.dispensing]
days = "all"
cutoff_hour = 10
late_open_days = 3
heard_of_days = 84
holder_types = ["pharmacy"]
[holder.W.stock]
days = "weekdays"
cutoff_hour = 14
"""


def at(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def test_the_calendar_in_force_can_be_read() -> None:
    calendar = load_calendar()
    assert set(calendar.sources) == {"stock", "dispensing"} and calendar.version


@pytest.mark.parametrize("wrong", ['days = "sometimes"', "cutoff_hour = 24", "late_open_days = -1"])
def test_a_value_that_is_none_is_refused(wrong: str) -> None:
    name = wrong.split(" ")[0]
    lines = [wrong if line.startswith(name) else line for line in OWN.splitlines()]
    with pytest.raises(InputError, match=r"calendar\.toml"):
        parse_calendar("\n".join(lines))


def test_cut_offs_wait_for_the_next_open_day() -> None:
    stock, other = parse_calendar(OWN).sources["stock"], parse_calendar(OWN).holders["W", "stock"]
    assert stock.due_at(MONDAY).astimezone(UTC) == at(MONDAY + timedelta(days=1), 8)
    assert stock.due_at(SATURDAY).astimezone(UTC) == at(date(2026, 3, 9), 8)
    assert stock.due_at(date(2026, 12, 23)).astimezone(UTC) == at(date(2026, 12, 28), 8)  # Christmas and a Sunday
    assert other.due_at(MONDAY).astimezone(UTC) == at(MONDAY + timedelta(days=1), 12)
    assert [stock.expects(day) for day in (MONDAY, SATURDAY, SUNDAY, date(2026, 12, 25))] == [True, True, False, False]
    assert not other.expects(SATURDAY)


@pytest.fixture
def calendar() -> Calendar:
    return parse_calendar(OWN)


def put(wh: Warehouse, folder: Path, source: str, text: str, received: datetime) -> str:
    path = folder / f"{source}-{len(list(folder.iterdir()))}.csv"
    path.write_text(text)
    return intake.load(wh, source, [path], received_at=received)[0].delivery_id


def stock(*holders: str, day: date = MONDAY) -> str:
    return "holder_id;counted_on;vnr;packs\n" + "".join(f"{one};{day};000001;5\n" for one in holders)


def filled(wh: Warehouse, folder: Path) -> None:
    """Four that must deliver, one that is not listed yet on the day, one of a kind that need not."""
    lines = [f"{one};pharmacy;{one};01;2020-01-01" for one in ("A", "B", "C")]
    lines += ["W;wholesaler;W;90;2020-01-01", "N;pharmacy;N;01;2026-05-01", "S;state_reserve;S;90;2020-01-01"]
    text = "holder_id;holder_type;name;county_code;valid_from\n"
    put(wh, folder, "holders", "\n".join([text.strip(), *lines, ""]), EARLY)


def states(wh: Warehouse, day: date = MONDAY, source: str = "stock") -> dict[str, str]:
    rows = wh.read("select holder_id, state from ops.expected where source = :source and day = :day",
                   source=source, day=day)  # fmt: skip
    return dict(rows.iter_rows())


def totals(wh: Warehouse, day: date = MONDAY) -> dict[str, object]:
    query = "select * from analyst.expected_deliveries where source = 'stock' and day = :day"
    return wh.read(query, day=day).drop("source", "day", "calendar_version", "known_at").row(0, named=True)


def test_received_late_and_missing_by_holder(warehouse: Warehouse, tmp_path: Path, calendar: Calendar) -> None:
    filled(warehouse, tmp_path)
    put(warehouse, tmp_path, "stock", stock("A"), at(MONDAY, 20))
    expecting.expect(warehouse, calendar, as_of=MONDAY, at=at(MONDAY, 21))
    assert states(warehouse) == {"A": "received", "B": "not_due", "C": "not_due", "W": "not_due"}
    put(warehouse, tmp_path, "stock", stock("B"), at(MONDAY + timedelta(days=1), 9))
    expecting.expect(warehouse, calendar, as_of=MONDAY, at=at(MONDAY + timedelta(days=1), 11))
    assert states(warehouse) == {"A": "received", "B": "received_late", "C": "late", "W": "not_due"}
    expecting.expect(warehouse, calendar, as_of=MONDAY, at=at(MONDAY + timedelta(days=3), 12))
    assert states(warehouse)["C"] == "late"
    expecting.expect(warehouse, calendar, as_of=MONDAY, at=at(MONDAY + timedelta(days=4), 12))
    assert states(warehouse) == {"A": "received", "B": "received_late", "C": "missing", "W": "missing"}
    assert totals(warehouse) == {
        "expected": 4, "received": 2, "received_late": 1, "late": 0, "missing": 2, "not_due": 0, "unexpected": 0,
        "equation_holds": True,
    }  # fmt: skip


def test_knowledge_of_an_earlier_moment_does_not_write_over_a_later_one(
    warehouse: Warehouse, tmp_path: Path, calendar: Calendar
) -> None:
    filled(warehouse, tmp_path)
    put(warehouse, tmp_path, "stock", stock("A"), at(MONDAY, 20))
    expecting.expect(warehouse, calendar, as_of=MONDAY, at=at(MONDAY + timedelta(days=5), 9))
    later = states(warehouse)
    expecting.expect(warehouse, calendar, as_of=MONDAY, at=at(MONDAY, 21))
    assert states(warehouse) == later


def test_a_withdrawn_delivery_is_not_received(warehouse: Warehouse, tmp_path: Path, calendar: Calendar) -> None:
    filled(warehouse, tmp_path)
    put(warehouse, tmp_path, "stock", stock("B"), at(MONDAY, 20))
    one = put(warehouse, tmp_path, "stock", stock("A"), at(MONDAY, 20))
    undo.withdraw(warehouse, one, author="x", reason="y", at=at(MONDAY, 21))
    expecting.expect(warehouse, calendar, as_of=MONDAY, at=at(MONDAY + timedelta(days=1), 9))
    assert states(warehouse)["A"] == "late"


def test_a_sunday_asks_for_no_stock_but_for_dispensing(
    warehouse: Warehouse, tmp_path: Path, calendar: Calendar
) -> None:
    filled(warehouse, tmp_path)
    put(warehouse, tmp_path, "stock", stock("A"), at(MONDAY, 20))
    put(warehouse, tmp_path, "stock", stock("B", day=SUNDAY), at(SUNDAY, 20))
    header = "reporter_id;day;county_code;channel;vnr;packs;dispensings\n"
    put(warehouse, tmp_path, "dispensing", f"{header}A;{MONDAY};01;community;;0;0\n", at(MONDAY, 20))
    expecting.expect(warehouse, calendar, as_of=SUNDAY, at=at(date(2026, 3, 9), 12))
    assert states(warehouse, SUNDAY) == {} and totals(warehouse, SUNDAY)["unexpected"] == 1
    assert states(warehouse, SUNDAY, "dispensing") == {"A": "late"}  # only who reports dispensing owes it
    assert "W" not in states(warehouse, SATURDAY) and states(warehouse, SATURDAY)["A"] == "late"


def test_a_false_equation_is_not_stored() -> None:
    rows = pl.DataFrame({"holder_id": ["A", "A"], "state": ["received", "late"]})
    with pytest.raises(AssertionError, match="the calendar counts others"):
        expecting.day_totals(rows, pl.DataFrame({"holder_id": ["A"]}))
    unknown = pl.DataFrame({"holder_id": ["A"], "state": ["odd"]})
    with pytest.raises(AssertionError, match="received"):
        expecting.day_totals(unknown, pl.DataFrame({"holder_id": ["A"]}))


def test_check_tells_a_day_that_does_not_add_up(warehouse: Warehouse, tmp_path: Path, calendar: Calendar) -> None:
    filled(warehouse, tmp_path)
    put(warehouse, tmp_path, "stock", stock("A"), at(MONDAY, 20))
    expecting.expect(warehouse, calendar, as_of=MONDAY, at=at(MONDAY + timedelta(days=1), 9))

    def found() -> bool | None:
        return dict(health.check(warehouse).select("check", "ok").iter_rows())["calendar"]

    assert found() is True
    with warehouse.transaction() as connection:
        connection.exec_driver_sql("update ops.expected_days set missing = missing + 1")
    assert found() is False
    assert any("1 days of expected deliveries do not add up" in str(line) for line in signs(warehouse, EARLY))
