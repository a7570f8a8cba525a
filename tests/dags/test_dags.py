"""The DAGs: they import, keep the house rules, and each one runs for real on a small nation."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from medsupply import desk
from medsupply.days import end_of_day
from medsupply.settings import Settings
from medsupply.simulate import simulate
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.server import down

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "functional"))
DAGS = ROOT / "dags"
EXPECTED = {
    "load_sources",
    "update_picture",
    "update_forecasts",
    "send_alerts",
    "watch_freshness",
    "backfill_pictures",
    "compact_record",
}
RUNNER = ROOT / "infra" / "run_dags.py"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home with a small nation waiting in its inbox; its server is stopped at the end."""
    folder = Path(tempfile.mkdtemp(prefix="medsupply-dags-"))
    folder.chmod(0o711)
    nation = simulate(folder / "nation", preset="small", seed=2)
    for source, path, _ in nation.arrivals().iter_rows():
        target = folder / "inbox" / source / Path(path).name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / "nation" / path, target)
    yield folder
    down(Settings.from_environ({"MEDSUPPLY_HOME": str(folder)}))
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def ran(home: Path) -> tuple[str, Warehouse]:
    """Every DAG run once, in the order of the flow; what the runner said, and the warehouse it left."""
    last = simulate(home / "nation", preset="small", seed=2).last_day
    known = end_of_day(last) + timedelta(hours=6)
    days = [
        "--as-of",
        str(last),
        "--known-at",
        known.isoformat(),
        "--from",
        str(last - timedelta(days=1)),
        "--to",
        str(last),
    ]
    names = [
        "load_sources",
        "update_picture",
        "update_forecasts",
        "send_alerts",
        "watch_freshness",
        "backfill_pictures",
        "compact_record",
    ]
    done = subprocess.run(
        [sys.executable, str(RUNNER), *days, *names],
        env={**os.environ, "MEDSUPPLY_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout, Warehouse.open(Settings.from_environ({"MEDSUPPLY_HOME": str(home)}))


def test_the_dag_folder_holds_what_is_expected() -> None:
    assert {path.stem for path in DAGS.glob("*.py")} == EXPECTED


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_house_rules(name: str) -> None:
    text = (DAGS / f"{name}.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len((ast.get_docstring(tree) or "").split()) > 10, "the docstring is the DAG's page"
    for wanted in ("default_args=schedule.DEFAULT_ARGS", "catchup=False", "doc_md=__doc__", "tags=["):
        assert wanted in text, f"{name} lacks {wanted}"
    heavy = [
        node for node in tree.body if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("medsupply.")
    ]
    assert not heavy, "only medsupply.schedule is imported when a DAG file is parsed"


def test_every_dag_ran_for_real(ran: tuple[str, Warehouse]) -> None:
    told, _ = ran
    assert {line.split(":")[0] for line in told.splitlines() if line.endswith(": success")} == EXPECTED


def test_the_inbox_is_empty_and_everything_is_stored(ran: tuple[str, Warehouse], home: Path) -> None:
    _, wh = ran
    waiting = [path for path in (home / "inbox").glob("*/*") if path.is_file()]
    assert waiting == []
    files = simulate(home / "nation", preset="small", seed=2).arrivals()
    assert wh.read("select count(*) as n from analyst.deliveries").item() == files.height
    assert wh.read("select bool_and(equations_hold) as ok from analyst.deliveries").item() is True


def test_the_picture_has_levels_and_forecasts(ran: tuple[str, Warehouse]) -> None:
    _, wh = ran
    found = wh.read("select level, run_out_p84 from analyst.situation where county_code = '99' and grain = 'family'")
    assert found.height > 0
    assert found["run_out_p84"].null_count() < found.height
    assert set(found["level"].drop_nulls()) <= {"severe", "elevated", "watch", "normal", "unknown"}
    assert wh.read("select count(*) as n from analyst.demand_forecast").item() > 0


def test_running_again_changes_nothing(ran: tuple[str, Warehouse], home: Path) -> None:
    from medsupply.warehouse.database.hashing import warehouse_hash

    _, wh = ran
    before = warehouse_hash(wh)
    last = simulate(home / "nation", preset="small", seed=2).last_day
    known = end_of_day(last) + timedelta(hours=6)
    done = subprocess.run(
        [
            sys.executable,
            str(RUNNER),
            "--as-of",
            str(last),
            "--known-at",
            known.isoformat(),
            "update_picture",
            "send_alerts",
        ],
        env={**os.environ, "MEDSUPPLY_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    after = warehouse_hash(wh)
    changed = [view for view in before.views if before.views[view] != after.views[view]]
    assert changed == []


def test_parsing_is_quick(home: Path) -> None:
    """No heavy import at the top of a DAG file: polars and Prophet come inside the tasks."""
    code = "import sys, medsupply.schedule; print([m for m in ('polars', 'prophet', 'sqlalchemy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_send_alerts_killed_in_mid_run_and_started_again(ran: tuple[str, Warehouse], home: Path) -> None:
    """Killed between the relay's answer and its mark: nothing is lost, nothing is new, one repetition, same id."""
    from hostile_relay import Relay, running

    warehouse, relay = ran[1], Relay()
    last = simulate(home / "nation", preset="small", seed=2).last_day
    known = end_of_day(last) + timedelta(hours=6)
    for role in ("fimea", "stm", "nesa"):
        desk.subscribe(warehouse, f"{role}@example.org", language="en", role=role, at=known)
    command = [sys.executable, str(RUNNER), "--as-of", str(last), "--known-at", known.isoformat(), "send_alerts"]
    with running(relay) as url:
        environment = {**os.environ, "MEDSUPPLY_HOME": str(home), "MEDSUPPLY_SMTP_URL": url}
        killed = {**environment, "MEDSUPPLY_FAILPOINT": "handed_over"}
        first = subprocess.run(command, env=killed, capture_output=True, text=True, check=False)
        queued = warehouse.read("select message_id from alerts.outbox order by 1")
        assert first.returncode != 0 and len(relay.taken) == 1, first.stdout[-1000:] + first.stderr[-1000:]
        again = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert again.returncode == 0, again.stdout[-2000:] + again.stderr[-2000:]
    assert warehouse.read("select message_id from alerts.outbox order by 1").equals(queued)
    assert set(relay.ids) == set(queued["message_id"]) and len(queued) >= 3
    assert len(relay.ids) == len(queued) + 1
    assert warehouse.read("select distinct status from alerts.outbox")["status"].to_list() == ["sent"]
