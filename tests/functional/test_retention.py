"""What retention deletes, what it leaves, and that each deletion is counted: also when it is killed in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from medsupply.errors import InputError, SettingsError
from medsupply.settings import Settings
from medsupply.tables.alerts import OUTBOX, STATE
from medsupply.tables.forecast import DEMAND
from medsupply.tables.picture import STOCK_DAILY
from medsupply.warehouse import pictures
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.hashing import warehouse_hash
from medsupply.warehouse.loading import inbox, intake, proof, undo
from medsupply.warehouse.loading.failpoints import RETAINING
from medsupply.warehouse.loading.sender_report import sender_report
from medsupply.warehouse.retention import retain
from medsupply.warehouse.storage import record
from medsupply.warehouse.storage.store import open_store

AT = datetime(2026, 1, 5, 6, tzinfo=UTC)
MUCH_LATER = AT + timedelta(days=500)
HOLDERS = "holder_id;holder_type;name;county_code;valid_from\nA;pharmacy;A;01;2020-01-01\n"
STOCK = "holder_id;counted_on;vnr;packs\nA;2026-01-04;000001;5\nA;2026-01-04;000002;many\nB;2026-01-04;000001;1\n"


def delivered(wh: Warehouse, at: datetime = AT) -> list[intake.Verdict]:
    texts = {"holders": HOLDERS, "stock": STOCK, "supply": "not a delivery"}
    for source, text in texts.items():
        place = wh.settings.inbox / source
        place.mkdir(parents=True, exist_ok=True)
        (place / "one.csv").write_text(text)
    return inbox.take(wh, wh.settings.inbox, received_at=at)


def done(wh: Warehouse) -> list[str]:
    return sorted(path.parent.parent.name for path in wh.settings.inbox.glob("*/.done/*"))


def told(wh: Warehouse, at: datetime, *, dry_run: bool = False) -> dict[str, int]:
    found = retain(wh, at=at, dry_run=dry_run)
    return {kind: rows for kind, rows in found.select("kind", "rows").iter_rows() if rows}


def trace(wh: Warehouse) -> list[tuple[object, ...]]:
    return list(wh.read("select kind, rows, finished_at is not null from analyst.retention order by at, kind").rows())


def test_loaded_files_go_once_the_archive_has_them(warehouse: Warehouse) -> None:
    delivered(warehouse)
    store = open_store(warehouse.settings.archive_url)
    (warehouse.settings.inbox / "stock" / ".done" / "of an operator").write_text("never loaded")
    sha = warehouse.read("select sha256 from ops.deliveries where source = 'supply'").item()
    lost = store.get(record.raw_name("supply", sha))
    store.delete(record.raw_name("supply", sha))
    assert told(warehouse, AT + timedelta(days=30)) == {}
    month = AT + timedelta(days=31)
    dry = retain(warehouse, at=month, dry_run=True)
    assert done(warehouse) == ["holders", "stock", "stock", "supply"] and trace(warehouse) == []
    assert dry.filter(pl.col("rows") > 0).select("rows", "bytes", "oldest").rows() == [(2, len(HOLDERS + STOCK), AT)]
    assert retain(warehouse, at=month).equals(dry)
    assert done(warehouse) == ["stock", "supply"] and told(warehouse, month) == {}
    store.put(record.raw_name("supply", sha), lost)
    assert told(warehouse, month) == {"done_files": 1} and done(warehouse) == ["stock"]
    assert trace(warehouse) == [("done_files", 3, True)]


def test_texts_of_quarantine_go_and_a_rebuild_forgets_them_too(warehouse: Warehouse, other_settings: Settings) -> None:
    stock = next(one for one in delivered(warehouse) if one.source == "stock")
    assert told(warehouse, MUCH_LATER) == {"done_files": 3, "quarantine_texts": 2}
    rows = warehouse.read("select line, reason_code, original from analyst.quarantine order by line").rows()
    assert rows == [(3, "not_a_number", None), (4, "unknown_holder", None)]
    assert "3" in sender_report(warehouse, stock.delivery_id, "en", as_csv=False)
    assert "not_a_number" in sender_report(warehouse, stock.delivery_id, "en", as_csv=True)
    assert proof.broken(warehouse).is_empty()
    path = warehouse.settings.home / "holders.csv"
    path.write_text(HOLDERS + "B;pharmacy;B;01;2020-01-01\n")
    intake.load(warehouse, "holders", [path], received_at=MUCH_LATER + timedelta(days=1))
    assert warehouse.read("select rows_accepted as n from ops.deliveries where source = 'stock'").item() == 2
    before = warehouse_hash(warehouse).views
    undo.rebuild(warehouse)
    assert warehouse_hash(warehouse).views == before
    with Warehouse.open(replace(other_settings, archive_url=warehouse.settings.archive_url)) as other:
        undo.rebuild(other)
        views = warehouse_hash(other).views
        assert {name for name in views if views[name] != before[name]} == {"retention"}
        assert trace(other) == [("quarantine_texts", 2, True)]


def test_old_paths_of_forecasts_go(warehouse: Warehouse) -> None:
    store = open_store(warehouse.settings.archive_url)
    names = [f"forecast/{place}" for place in ("units/2025-10-05.a.0-1.parquet", "country/2025-10-06.x.npz")]
    for name in (*names, "forecast/units/2026-01-04.a.0-1.parquet", "forecast/units/undated"):
        store.put(name, b"12345")
    found = retain(warehouse, at=AT).filter(pl.col("rows") > 0)
    assert found.select("kind", "rows", "bytes").rows() == [("forecast_paths", 2, 10)]
    assert list(store.names("forecast")) == ["forecast/units/2026-01-04.a.0-1.parquet", "forecast/units/undated"]


def test_old_quantiles_go_by_whole_months(warehouse: Warehouse) -> None:
    rows = [
        {"measure": "units", "cutoff": day, "known_at": AT, "medicine_id": "G1", "county_code": "99",
         "week": day, "horizon": 1} | {name: 1.0 for name in DEMAND.columns if name[0] == "q" or name == "mean"}
        for day in (date(2026, 1, 4), date(2026, 1, 25), date(2026, 2, 1))
    ]  # fmt: skip
    with warehouse.transaction() as connection:
        bulk.copy(connection, DEMAND, pl.DataFrame(rows, schema_overrides={"known_at": pl.Datetime("us", "UTC")}))
    at = datetime(2026, 2, 20, tzinfo=UTC) + timedelta(days=400)
    assert told(warehouse, at) == {"forecast_quantiles": 2}
    assert warehouse.read("select cutoff from analyst.demand_forecast").item() == date(2026, 2, 1)
    assert told(warehouse, at) == {}


def sums(packs: float) -> pl.DataFrame:
    row = {"day": date(2026, 1, 4), "county_code": "01", "holder_type": "pharmacy", "vnr": "000001",
           "medicine_id": "G1", "packs": packs, "state": "reported", "holders": 1}  # fmt: skip
    return STOCK_DAILY.conform(pl.DataFrame([row | {"known_at": None}]))


def test_sums_of_replaced_versions_go_and_are_not_taken_for_nothing(warehouse: Warehouse) -> None:
    day, moments = date(2026, 1, 4), [AT, AT + timedelta(days=1), AT + timedelta(days=2)]
    for packs, moment in enumerate(moments):
        pictures.store(warehouse, "measured", day, moment, {STOCK_DAILY: sums(packs)})
    assert told(warehouse, datetime(2027, 3, 20, tzinfo=UTC)) == {"replaced_sums": 2}

    def packs_at(moment: datetime) -> float:
        return float(pictures.stored(warehouse, STOCK_DAILY, "measured", day, moment)["packs"].item())

    assert packs_at(moments[2]) == 2
    assert warehouse.read("select packs from analyst.stock_daily").item() == 2
    for moment in moments[:2]:
        with pytest.raises(InputError, match=r"deleted by retention.*medsupply picture --as-of 2026-01-04"):
            packs_at(moment)
    pictures.store(warehouse, "measured", day, moments[0], {STOCK_DAILY: sums(0)})
    assert packs_at(moments[0]) == 0 and packs_at(moments[2]) == 2


def test_texts_of_mails_go_when_their_alert_is_closed(warehouse: Warehouse) -> None:
    def mail(name: str, status: str = "sent", about: str = "closed") -> dict[str, object]:
        return {
            "message_id": name, "alert_id": about, "alert_ids": [about], "recipient": "a@example.org",
            "language": "fi", "kind": "alert", "subject": "s", "body_text": "abc", "body_html": "<p>", "status": status,
            "created_at": AT, "due_at": AT, "attempts": 1,
        }  # fmt: skip

    mails = [mail("old"), mail("queued", "queued"), mail("still", about="open")]
    state = {"rule": "run_out", "medicine_id": "S1", "county_code": "99", "episode": 1, "state": "open",
             "opened_on": AT.date(), "changed_on": AT.date(), "quiet": 0, "flapping": False, "reasons": []}  # fmt: skip
    closed = state | {"alert_id": "closed", "closed_on": AT.date()}
    with warehouse.transaction() as connection:
        for one in mails:
            connection.execute(sa.insert(OUTBOX.sql), [one])
        for one in (state | {"alert_id": "open"}, closed):
            connection.execute(sa.insert(STATE.sql), [one])
    found = retain(warehouse, at=MUCH_LATER).filter(pl.col("rows") > 0)
    assert found.select("kind", "rows", "bytes").rows() == [("mail_texts", 1, 6)]
    left = warehouse.read("select message_id, body_text, subject from alerts.outbox order by 1").rows()
    assert left == [("old", None, "s"), ("queued", "abc", "s"), ("still", "abc", "s")]
    assert warehouse.read("select count(*) as n from analyst.notifications").item() == 3


def test_zero_is_for_ever_and_what_is_read_still_may_not_go(fresh_settings: Settings) -> None:
    kept = {name: 0 for name in Settings.__dataclass_fields__ if name.startswith("keep_")}
    with Warehouse.open(replace(fresh_settings, **kept)) as wh:  # type: ignore[arg-type]
        delivered(wh)
        assert told(wh, MUCH_LATER) == {}
    assert Settings.from_environ({"MEDSUPPLY_KEEP_MAILS_DAYS": "0"}).keep_mails_days == 0
    with pytest.raises(SettingsError, match="Write 240 or more, 0 for ever"):
        Settings.from_environ({"MEDSUPPLY_KEEP_QUANTILES_DAYS": "100"})


RUN = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.retention import retain
settings = Settings(home=Path(sys.argv[1]), database_url=sys.argv[2], archive_url=sys.argv[3])
with Warehouse.open(settings) as warehouse:
    retain(warehouse, at=datetime.fromisoformat(sys.argv[4]))
"""


def run(settings: Settings, at: datetime, point: str = "") -> int:
    arguments = [str(settings.home), settings.database_url, settings.archive_url, at.isoformat()]
    environ = {**os.environ, "MEDSUPPLY_FAILPOINT": point}
    return subprocess.run([sys.executable, "-c", RUN, *arguments], env=environ, timeout=120, check=False).returncode


@pytest.mark.parametrize("point", RETAINING)
def test_killed_in_it_the_next_run_ends_it_with_the_same_counts(fresh_settings: Settings, point: str) -> None:
    with Warehouse.open(fresh_settings) as wh:
        delivered(wh)
        assert run(fresh_settings, MUCH_LATER, point) == -signal.SIGKILL
        assert trace(wh) == [("done_files", 3, False)]
        assert run(fresh_settings, MUCH_LATER + timedelta(hours=1)) == 0
        assert trace(wh) == [("done_files", 3, True), ("quarantine_texts", 2, True)]
        assert done(wh) == [] and not Path(wh.settings.inbox / "stock" / "one.csv").exists()
        before = warehouse_hash(wh).views
        undo.rebuild(wh)
        assert warehouse_hash(wh).views == before
