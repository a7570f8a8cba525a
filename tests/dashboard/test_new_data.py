"""A dashboard that runs shows what comes in: a picture, a delivery, a release, a forecast; no restart."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import NOW, Open
from filled import DAYS, LAST, fill, moment
from streamlit.testing.v1 import AppTest
from test_pages import shown

from medsupply.dashboard import asking
from medsupply.dashboard.wording import counted
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse
from medsupply.words import numbers as write

NEXT = LAST + timedelta(days=1)
# The newest day again as the picture of the day after.
NEW_PICTURE = f"""
    INSERT INTO picture.pictures (as_of, known_at, stage, rules_version, rows, content)
        SELECT '{NEXT}', '{moment(NEXT)}', stage, rules_version, rows, content FROM picture.pictures
        WHERE as_of = '{LAST}' AND stage <> 'demand'
"""
NEWS = {
    "picture": NEW_PICTURE,
    "delivery": f"""INSERT INTO ops.deliveries SELECT (jsonb_populate_record(d, jsonb_build_object('delivery_id', 'new',
        'received_at', '{NOW}'))).* FROM ops.deliveries d WHERE delivery_id = 'stock-0'""",
    "late delivery of the past": """INSERT INTO ops.deliveries SELECT (jsonb_populate_record(d, jsonb_build_object(
        'delivery_id', 'old', 'received_at', '2020-01-01'))).* FROM ops.deliveries d WHERE delivery_id = 'stock-0'""",
    "release of a delivery": f"UPDATE ops.deliveries SET released_at = '{NOW}' WHERE delivery_id = 'stock-2'",
    "release from quarantine": "UPDATE ops.deliveries SET parts = parts + 1 WHERE delivery_id = 'stock-1'",
    "withdrawal": f"UPDATE ops.deliveries SET withdrawn_at = '{NOW}' WHERE delivery_id = 'stock-3'",
    "forecast": f"UPDATE forecast.runs SET known_at = '{NOW}'",
    "score": f"UPDATE forecast.scores SET known_at = '{NOW}'",
}


@pytest.fixture
def changing(fresh_settings: Settings, open_empty: Open) -> Settings:
    with Warehouse.open(fresh_settings) as wh:
        fill(wh)
    return fresh_settings


def happens(settings: Settings, query: str) -> None:
    with Warehouse.open(settings) as wh, wh.transaction() as connection:
        connection.exec_driver_sql(query)


@pytest.fixture(autouse=True)
def nobody_looked() -> None:
    """What a test before this one found is of another database."""
    seconds_pass()


def seconds_pass() -> None:
    """What the last seconds found is forgotten."""
    asking._newest.clear()


@pytest.mark.parametrize("news", NEWS)
def test_what_comes_in_makes_another_version(changing: Settings, news: str) -> None:
    asking.look_again()
    before = asking.version()
    asking.look_again()
    assert asking.version() == before, "nothing new, nothing read again"
    happens(changing, NEWS[news])
    assert asking.version() == before, "a view keeps to what it has begun with"
    seconds_pass()
    asking.look_again()
    assert asking.version() != before


def test_users_who_look_in_the_same_seconds_ask_the_database_once(changing: Settings) -> None:
    asking.look_again()
    before = asking.version()
    happens(changing, NEWS["picture"])
    asking.look_again()
    assert asking.version() == before
    assert timedelta(0) < asking.LOOKS_EVERY <= timedelta(seconds=10)


def days(at: AppTest) -> list[str]:
    return list(next(one for one in at.selectbox if one.key == "day_fi").options)


def test_a_new_picture_shows_at_the_next_view_of_the_same_process(changing: Settings, open_empty: Open) -> None:
    at = open_empty("situation", "fi")
    assert days(at)[0] == write.day("fi", LAST) and len(days(at)) == len(DAYS)
    happens(changing, NEW_PICTURE)
    seconds_pass()
    assert days(at.run())[0] == write.day("fi", NEXT)
    assert days(open_empty("situation", "fi"))[0] == write.day("fi", NEXT), "and in a new session"


def test_a_new_delivery_shows_at_the_next_view_of_the_same_process(changing: Settings, open_empty: Open) -> None:
    at = open_empty("deliveries", "en")
    assert counted("en", "quarantine.sentence", 3) in shown(at)
    happens(changing, f"UPDATE ops.quarantine SET released_at = '{NOW}' WHERE line = 2")
    happens(changing, NEWS["release from quarantine"])
    seconds_pass()
    assert counted("en", "quarantine.sentence", 2) in shown(at.run())


def test_no_cached_function_leaves_an_argument_out_of_its_key(repository: Path) -> None:
    """Streamlit leaves a name with an underscore out; such an argument changes nothing."""
    for path in (repository / "medsupply" / "dashboard").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            cached = isinstance(node, ast.FunctionDef) and any("cache_" in ast.dump(d) for d in node.decorator_list)
            if isinstance(node, ast.FunctionDef) and cached:
                assert not [one.arg for one in node.args.args if one.arg.startswith("_")], f"{path.name}: {node.name}"
