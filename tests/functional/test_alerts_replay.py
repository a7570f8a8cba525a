"""Rules played on the past: those in force give what was stored, another file the same each time it is asked."""

from __future__ import annotations

from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from test_written import Life
from written import HOLDERS, LAST, STOCK, Written, morning, nation

from medsupply import desk, flow
from medsupply.alerts.folding import RULES
from medsupply.alerts.replay import Replay
from medsupply.errors import InputError
from medsupply.rules import load_rules
from medsupply.warehouse.database.connection import Warehouse

DAYS = [LAST - timedelta(days=number) for number in range(9, -1, -1)]
CURRENT = Path(str(files("medsupply.rules") / "current.toml"))
NAMES = [rule.name for rule in RULES]
SCORED = ("true_episodes", "false_episodes", "averted", "left_out", "events", "warned", "recall", "precision")


@pytest.fixture
def lived(warehouse: Warehouse, tmp_path: Path) -> Warehouse:
    """Ten days, each judged and evaluated on its evening; from the fourth on morphine is all but gone."""
    found = nation(3)
    for day in DAYS[3:]:
        rows = [f"{holder};{day};100004;L0;2027-12-31;{int(holder == 'P1')};" for holder in HOLDERS]
        text = "\n".join([STOCK, *rows]) + "\n"
        found.deliveries.append(Written("stock", f"gone-{day}.csv", text, morning(day + timedelta(days=1), 18)))
    found.deliveries.sort(key=lambda one: one.received_at)
    life = Life(warehouse, found, tmp_path)
    life.until(morning(DAYS[0], 20))
    desk.subscribe(warehouse, "duty@fimea.example", language="en", role="fimea", at=morning(DAYS[0], 20))
    for day in DAYS:
        at = morning(day + timedelta(days=1), 20)
        life.until(at)
        flow.picture(warehouse, day, at)
        flow.evaluate(warehouse, day, at)
    return warehouse


def other_rules(folder: Path) -> Path:
    """A file under which little stock alone alarms nobody."""
    text = CURRENT.read_text(encoding="utf-8").replace("stock_at_floor = true", "stock_at_floor = false")
    text = text.replace("severe_out_share = 0.5", "severe_out_share = 1.0").replace('.1"', '.trial"')
    path = folder / "trial.toml"
    path.write_text(text, encoding="utf-8")
    return path


def content(done: Replay) -> list[tuple[object, ...]]:
    return sorted(
        (one.rule, one.medicine_id, one.county_code, one.number, one.opened_on, one.level, one.changed_on, one.state)
        for one in done.episodes
    )


def test_the_rules_in_force_give_what_is_stored(lived: Warehouse) -> None:
    done = flow.replay(lived, CURRENT)
    names = "rule, medicine_id, county_code, episode, opened_on, level, changed_on, state"
    stored = lived.read(f"select {names} from alerts.state where rule = any(:rules)", rules=NAMES)
    assert content(done) == sorted(stored.rows()) and stored.height > 3
    score = lived.read(
        "select * from alerts.score where rule = 'run_out' and grouping = 'all' and as_of = :day", day=LAST
    ).row(0, named=True)
    assert {name: done.scores[name] for name in SCORED} == {name: score[name] for name in SCORED}
    mails = dict(lived.read("select kind, count(*) as n from alerts.outbox group by kind").iter_rows())
    assert (done.days, done.officials, done.told.held) == (len(DAYS), 1, 0)
    assert {"alert": done.told.openings, "resolved": done.told.ends} == {"alert": 0, "resolved": 0} | mails
    assert done.mails > 0


def test_two_files_are_each_repeatable_and_change_nothing(lived: Warehouse, tmp_path: Path) -> None:
    before = lived.read("select * from alerts.state order by alert_id")
    trial = other_rules(tmp_path)
    first, second = flow.replay(lived, CURRENT), flow.replay(lived, trial)
    assert (flow.replay(lived, CURRENT), flow.replay(lived, trial)) == (first, second)
    assert second.version != first.version and content(second) != content(first)
    assert second.mails < first.mails
    assert lived.read("select * from alerts.state order by alert_id").equals(before)


@pytest.mark.parametrize("change", ["floor_days_country = 60", "floor_days_area = 2", 'usable_reserve = ["thl"]'])
def test_what_was_measured_is_not_tried_on_levels(lived: Warehouse, tmp_path: Path, change: str) -> None:
    name = change.split(" ")[0]
    lines = [change if line.startswith(f"{name} =") else line for line in CURRENT.read_text().splitlines()]
    (tmp_path / "trial.toml").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match=rf"picture\.{name} is .*, and stored pictures were measured with"):
        flow.replay(lived, tmp_path / "trial.toml")
    with pytest.raises(InputError, match=name):
        flow.levels_under(lived, LAST, load_rules(tmp_path / "trial.toml"))
