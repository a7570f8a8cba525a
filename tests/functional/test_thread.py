"""The whole loop on a small nation: deliveries to a figure, an alert and a mail; the truth beside it agrees."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import polars as pl
import pytest

from medsupply import desk, flow
from medsupply.alerts.sink import sink
from medsupply.days import end_of_day
from medsupply.forecast.scenario import Scenario
from medsupply.simulate import Manifest, simulate
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.hashing import warehouse_hash

SUBSCRIBER = "paivystys@fimea.example"


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return simulate(tmp_path_factory.mktemp("nation"), preset="small", seed=3)


@pytest.fixture
def lived(nation: Manifest, warehouse: Warehouse) -> Iterator[tuple[Warehouse, Manifest, datetime]]:
    """A warehouse that has loaded the nation and made the picture of its last day."""
    known = end_of_day(nation.last_day) + timedelta(hours=6)
    for source, path, received_at in nation.arrivals().select("source", "path", "received_at").iter_rows():
        flow.load(warehouse, source, [nation.folder / path], received_at=received_at)
    desk.subscribe(warehouse, SUBSCRIBER, language="fi", role="fimea", at=known)
    flow.run(warehouse, nation.last_day, known, workers=0)
    yield warehouse, nation, known


def test_from_deliveries_to_a_mail_as_it_arrived(lived: tuple[Warehouse, Manifest, datetime], tmp_path: Path) -> None:
    wh, nation, known = lived
    _figures_agree_with_the_truth(wh, nation)
    flow.digest(wh, nation.last_day, at=known)
    queued = wh.read("select count(*) as n from analyst.notifications where status = 'queued'").item()
    with sink(tmp_path / "mails") as url:
        sent = flow.send(wh, clock=lambda: known + timedelta(minutes=1), drain=True, smtp_url=url)
    arrived = [_read(path) for path in sorted((tmp_path / "mails").glob("*.eml"))]
    assert sent.sent == len(arrived) == queued > 0
    assert {mail["To"] for mail in arrived} == {SUBSCRIBER}
    assert {mail["Content-Language"] for mail in arrived} == {"fi"}
    assert all(mail["Auto-Submitted"] == "auto-generated" and mail["Message-ID"] for mail in arrived)
    assert wh.read("select count(*) as n from analyst.notifications where status = 'sent'").item() == queued
    _again_changes_nothing(wh, nation, known)
    _what_ifs_go_on_from_the_day(wh, nation, known)


def _what_ifs_go_on_from_the_day(wh: Warehouse, nation: Manifest, known: datetime) -> None:
    """An unchanged day is not simulated again; a what-if starts from it, moves the right way and stores nothing."""
    rows = "select count(*) as n, max(known_at) as at from forecast.run_out"
    before = wh.read(rows).row(0)
    flow.forecast_run_out(wh, nation.last_day, known + timedelta(minutes=5))
    assert wh.read(rows).row(0) == before
    medicine = wh.read(
        "select medicine_id from analyst.run_out join analyst.medicines using (medicine_id)"
        " where critical and county_code = '99' and horizon_days = 84 and p < 0.9 order by medicine_id limit 1"
    ).item()
    found = flow.what_if(wh, nation.last_day, known, medicine, Scenario(delay_days=56, demand_percent=100.0))
    assert found.filter(pl.col("horizon_days") == 84).select(pl.col("p_changed") > pl.col("p")).item()
    stored = wh.read(
        "select p from analyst.run_out where medicine_id = :id and county_code = '99' order by horizon_days",
        id=medicine,
    )
    plain = flow.what_if(wh, nation.last_day, known, medicine, Scenario())
    assert (plain["p"] - stored["p"]).abs().max() < 0.1
    assert wh.read(rows).row(0) == before


def _figures_agree_with_the_truth(wh: Warehouse, nation: Manifest) -> None:
    """Packs of the wholesalers on the last day, as the view says and as the nation truly had them."""
    delivered = pl.read_csv(
        nation.folder / "inbox" / "stock" / f"stock-{nation.last_day}.csv.gz", separator=";", infer_schema=False
    )
    wholesale = delivered.filter(pl.col("holder_id").str.starts_with("W") & (pl.col("vnr") != ""))
    expected = wholesale.group_by("vnr").agg(pl.col("packs").cast(pl.Float64).sum()).sort("vnr")
    found = wh.read(
        "select vnr, sum(packs) as packs from analyst.stock_daily where day = :day and holder_type = 'wholesaler'"
        " and packs > 0 group by vnr order by vnr",
        day=nation.last_day,
    )
    assert found.height > 0
    assert found["vnr"].to_list() == expected.filter(pl.col("packs") > 0)["vnr"].to_list()
    assert found["packs"].to_list() == expected.filter(pl.col("packs") > 0)["packs"].to_list()


def _again_changes_nothing(wh: Warehouse, nation: Manifest, known: datetime) -> None:
    before = warehouse_hash(wh)
    flow.run(wh, nation.last_day, known, workers=0)
    flow.digest(wh, nation.last_day, at=known)
    after = warehouse_hash(wh)
    assert [view for view in before.views if before.views[view] != after.views[view]] == []


def _read(path: Path) -> EmailMessage:
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_an_empty_warehouse_has_a_picture_without_rows(warehouse: Warehouse) -> None:
    day = date(2026, 1, 5)
    situation = flow.picture(warehouse, day, end_of_day(day))
    assert situation.is_empty()
    assert "0 alert changes" in flow.evaluate(warehouse, day, end_of_day(day))
