"""What persons ask and decide: subscriptions, acknowledgements, releases, withdrawals, why, exports, the watchdog."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from medsupply.alerts import desk as alerts_desk
from medsupply.alerts import subscriptions, watchdog
from medsupply.alerts import why as why_
from medsupply.alerts.store import queued_again
from medsupply.alerts.store import rota as rota_
from medsupply.errors import InputError
from medsupply.picture.disclosure import leaving
from medsupply.rules import load_rules
from medsupply.warehouse import reports, site_export
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.loading import sender_report as sender_report_
from medsupply.warehouse.loading import undo

rebuild = undo.rebuild
release = undo.release
requeue = queued_again.requeue
Requeued = queued_again.Wanted
sender_report = sender_report_.sender_report
silence = alerts_desk.silence
silences = alerts_desk.silences
end_silence = alerts_desk.end_silence
duties = rota_.duties
export_site_rows = site_export.export_site_rows
end_duty = rota_.end_duty
put_on_duty = rota_.put_on_duty
subscriptions_told = subscriptions.told
unsubscribe = subscriptions.end
watch = watchdog.watch
unmapped = reports.unmapped
withdraw = undo.withdraw
why = why_.why


def subscribe(wh: Warehouse, address: str, *, at: datetime, confirmed: bool = True, **wanted: Any) -> str:
    """Subscribe an address; an operator's decision counts as confirmed, an address's own must be confirmed by mail.

    ``wanted``: language and the arguments of :func:`medsupply.alerts.recipients.subscriptions_of`.
    """
    number = subscriptions.subscribe(wh, address, at=at, confirmed=confirmed, **wanted)
    return f"{address} is subscribed to {number} kinds of alerts" + ("" if confirmed else ", once it confirms")


def subscribe_all(wh: Warehouse, wanted: Sequence[Mapping[str, Any]], *, at: datetime) -> None:
    """Subscribe several addresses, as an operator."""
    for line in wanted:
        subscribe(wh, at=at, **line)


def acknowledge(wh: Warehouse, alert_id: str, *, owner: str, note: str, at: datetime) -> None:
    """Take an alert on, with owner and note."""
    alerts_desk.acknowledge(wh, alert_id, owner=owner, note=note, at=at, rules=load_rules())


def release_hold(wh: Warehouse, *, author: str, reason: str, at: datetime) -> str:
    """Release the mails of evaluations in which too much changed at once."""
    queued = alerts_desk.release_hold(wh, author=author, reason=reason, at=at, rules=load_rules())
    return f"{queued} mails queued"


def is_loaded(wh: Warehouse, source: str, path: Path, since: datetime | None = None) -> bool:
    """Whether the very bytes of a file came already; with ``since`` only at that moment or later: a list that is
    published again unchanged comes again."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    query = "select count(*) as n from ops.deliveries where source = :source and sha256 = :sha"
    if since is not None:
        query += " and received_at >= :since"
    return bool(wh.read(query, source=source, sha=digest, since=since).item())


def report_loads(wh: Warehouse, *, since: datetime) -> int:
    """Deliveries that are newer than the newest picture: whether anything is to be measured."""
    query = (
        "select count(*) as n from ops.deliveries where verdict in ('accepted', 'partly', 'held') and received_at >"
        " coalesce((select max(known_at) from picture.pictures where stage = 'measured' and known_at < :since),"
        " '-infinity')"
    )
    return int(wh.read(query, since=since).item())


def export(wh: Warehouse, view: str, out: Path, *, as_of: date | None = None, companies: bool = False) -> int:
    """Write a view to .csv, .parquet or .json; returns its rows.

    A file leaves the house: there are no figures of a single company in it unless ``companies``.
    """
    frame = reports.export(wh, view, as_of)
    if not companies:
        frame = leaving(view, frame)
    try:
        _write(frame, out)
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error.strerror})", "Choose another file") from error
    return frame.height


def _write(frame: pl.DataFrame, out: Path) -> None:
    if out.suffix == ".csv":
        flat = frame.with_columns(pl.col(pl.List(pl.String)).list.join(", "))
        out.write_text(flat.write_csv(separator=";"), encoding="utf-8")
    elif out.suffix == ".parquet":
        frame.write_parquet(out)
    elif out.suffix == ".json":
        frame.write_json(out)
    else:
        raise InputError(f"{out.name} has no known ending", "Use .csv, .parquet or .json")
