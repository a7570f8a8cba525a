"""Evaluate a report day: state, events and outbox in one transaction.

The states are a fold over all evaluated days, so that evaluating twice, or past days in any order, gives the same
episodes. A new day goes on from the states that are stored; a day evaluated again folds what did not end before it.
With the day that is asked for go the days before it that were left out, or whose picture late files have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from medsupply.alerts.absence import first_seen
from medsupply.alerts.episodes import RANK, Episode, Transition
from medsupply.alerts.folding import IMMEDIATE, RULES, SERVICE, Key, folded, kept
from medsupply.alerts.naming import Named, in_order, named, scope
from medsupply.alerts.store import memory, past
from medsupply.alerts.store.scoring import score_alerts
from medsupply.alerts.store.writing import write_held, write_notices
from medsupply.alerts.telling import Telling, release, tell
from medsupply.rules import Rules
from medsupply.tables.alerts import EVALUATIONS
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse

LOCK = "select pg_advisory_xact_lock(hashtext('alerts'))"
_NEWEST_DAY = "select as_of, known_at from alerts.evaluations order by as_of desc limit 1"
_PICTURE = (
    "select as_of, known_at, content from picture.pictures"
    " where stage = 'judged' and as_of = :as_of and known_at <= :known_at order by known_at desc limit 1"
)
# Days since the first evaluated one, before :as_of, that were not evaluated or whose picture says something else since.
_LEFT_OUT = """
    SELECT p.as_of, p.known_at, p.content, e.as_of IS NULL AS left_out FROM (
        SELECT DISTINCT ON (as_of) as_of, known_at, content FROM picture.pictures
        WHERE stage = 'judged' AND as_of < :as_of AND known_at <= :known_at ORDER BY as_of, known_at DESC) p
    LEFT JOIN alerts.evaluations e USING (as_of)
    WHERE p.as_of >= (SELECT min(as_of) FROM alerts.evaluations)
      AND (e.as_of IS NULL OR p.known_at >= e.known_at AND p.content IS DISTINCT FROM e.content)
    ORDER BY p.as_of
"""


def evaluate(wh: Warehouse, as_of: date, known_at: datetime, rules_: Rules) -> str:
    """Evaluate the picture of ``as_of`` known at ``known_at``, and those before it that changed since they were;
    says what changed. Twice changes nothing."""
    with wh.transaction() as connection:
        connection.execute(sa.text(LOCK))
        day = {"as_of": as_of, "known_at": known_at}
        picture = connection.execute(sa.text(_PICTURE), day).first()
        if picture is None:
            return f"no picture of {as_of} is known, nothing is evaluated"
        first = connection.execute(sa.text("select count(*) from alerts.evaluations")).scalar_one() == 0
        again = connection.execute(sa.text(_LEFT_OUT), day).all()
        kinds = [_register(connection, one, rules_) for one in (*again, picture)]
        kind = "past" if again else kinds[-1]
        first_day = again[0].as_of if again else as_of
        naming = _episodes(connection, first_day, kind, rules_.picture.reporting_threshold)
        telling = _tell(connection, as_of, naming, rules_, first=first, at=known_at)
        new = memory.store(connection, naming.episodes, telling.told, picture.known_at, rules_.version)
        if telling.held:
            _hold(connection, as_of)
            write_held(connection, wh.settings, as_of, picture.known_at, telling.waiting)
        mails = write_notices(connection, wh.settings, telling.notices, rules_)
        if kind != "same":
            _score(connection, [*(one.as_of for one in again if one.left_out), as_of], known_at, past=kind == "past")
    return _summary(new, telling, mails, len(again))


def _score(connection: sa.Connection, days: Sequence[date], known_at: datetime, *, past: bool) -> None:
    """Score the alerts up to each of ``days``, and after a change of the ``past`` up to the newest: its scores are
    those that people read, and they know of the past as it is told now."""
    for day in days:
        score_alerts(connection, day, known_at)
    newest = connection.execute(sa.text(_NEWEST_DAY)).one()
    if past and newest.as_of not in days:
        score_alerts(connection, newest.as_of, max(newest.known_at, known_at))


def release_held(connection: sa.Connection, wh: Warehouse, rules_: Rules, at: datetime) -> int:
    """Write the mails of held alerts, as they stand now, but of silenced ones; returns how many were queued."""
    episodes = memory.stored_episodes(connection)
    telling = release(episodes, memory.told_of(connection), _silenced(connection, at))
    memory.store(connection, episodes, telling.told, _newest(connection), rules_.version)
    return write_notices(connection, wh.settings, telling.notices, rules_)


def _summary(new: Sequence[tuple[Episode, Transition]], telling: Telling, mails: int, again: int) -> str:
    opened = sum(1 for _, what in new if what.transition == "opened")
    held = ", openings held for a person" if telling.held else ""
    days = f", {again} earlier {'day' if again == 1 else 'days'} evaluated with it" if again else ""
    return f"{len(new)} alert changes ({opened} opened), {mails} mails queued{held}{days}"


def _register(connection: sa.Connection, picture: sa.Row[Any], rules_: Rules) -> str:
    """Note the day as evaluated; says whether it is ``new``, the ``same`` as before, or changes the ``past``.

    A picture may be made again under the same moment: only the same content is the same.
    """
    as_of = picture.as_of
    query = "select known_at, content, held, released_at from alerts.evaluations where as_of = :as_of"
    before = connection.execute(sa.text(query), {"as_of": as_of}).first()
    if before is not None and before.known_at > picture.known_at:
        return "same"  # what was known later stands, in whatever order days are evaluated
    newest = connection.execute(sa.text("select max(as_of) from alerts.evaluations")).scalar_one()
    row = {
        "as_of": as_of,
        "known_at": picture.known_at,
        "content": picture.content,
        "rules_version": rules_.version,
        "held": bool(before.held) if before else False,
        "released_at": before.released_at if before else None,
    }
    bulk.upsert(connection, EVALUATIONS, pl.DataFrame([row], schema=EVALUATIONS.dtypes()))
    if before is not None:
        return "same" if (before.known_at, before.content) == (picture.known_at, picture.content) else "past"
    return "new" if newest is None or as_of > newest else "past"


def _episodes(connection: sa.Connection, first: date, kind: str, enough: float) -> Named:
    """Every episode of every rule and scope after this evaluation of days from ``first`` on, by the numbers that
    readers know."""
    stored = memory.stored_episodes(connection)
    if kind == "same":
        found = stored
    else:
        about_service = {rule.name for rule in SERVICE}
        pictures = in_order(one for one in stored if one.rule not in about_service)
        service = in_order(one for one in stored if one.rule in about_service)
        fold = _folded_on if kind == "new" else _folded_again
        found = fold(connection, first, enough, pictures, service)
    ordered = sorted(found, key=lambda one: (one.opened_on, *scope(one)))
    return named(ordered, stored, memory.spoken_of(connection))


Lines = Mapping[Key, Sequence[Episode]]


def _folded_on(connection: sa.Connection, as_of: date, enough: float, pictures: Lines, service: Lines) -> list[Episode]:
    """The stored episodes gone on with one new day."""
    rows = past.rows_of_day(connection, as_of, enough)
    day = pl.DataFrame({"as_of": [as_of]})
    rows = past.with_absences(connection, rows, _open_scopes(pictures), day, enough)
    return folded(rows, RULES, pictures) + folded(past.service_rows(connection, as_of), SERVICE, service)


def _folded_again(
    connection: sa.Connection, first: date, enough: float, pictures: Lines, service: Lines
) -> list[Episode]:
    """The episodes that ended before ``first``, and all others folded again: of what is over a day costs nothing."""
    stays, of_service = kept(pictures.items(), first), kept(service.items(), first)
    rows = past.rows_since(connection, first, enough)
    days = past.evaluated_days(connection, stays.earliest)
    rows = past.with_absences(connection, rows, first_seen(rows), days, enough)
    found = folded(rows, RULES, stays.episodes, stays.start)
    return found + folded(
        past.service_rows(connection, of_service.earliest), SERVICE, of_service.episodes, of_service.start
    )


def _open_scopes(episodes: Mapping[Key, Sequence[Episode]]) -> pl.DataFrame:
    """Medicines and areas with an open alert, and since when; as of ``first_seen``."""
    schema = {"medicine_id": pl.String, "county_code": pl.String, "as_of": pl.Date}
    last = [line[-1] for line in episodes.values()]
    rows = [(one.medicine_id, one.county_code, one.opened_on) for one in last if one.closed_on is None]
    return first_seen(pl.DataFrame(rows, schema=schema, orient="row"))


def _tell(
    connection: sa.Connection,
    as_of: date,
    naming: Named,
    rules_: Rules,
    *,
    first: bool,
    at: datetime,
) -> Telling:
    known = memory.told_of(connection)
    query = "select count(distinct medicine_id) from picture.situation where as_of = :as_of and grain = 'family'"
    watched = connection.execute(sa.text(query), {"as_of": as_of}).scalar_one()
    return tell(
        naming.episodes,
        {now: known[was] for now, was in naming.was.items()},
        gone=[(one, known[one.alert_id]) for one in naming.gone],
        immediate=IMMEDIATE,
        silenced=_silenced(connection, max(at, _newest(connection))),
        watched=watched,
        limits=rules_.hold,
        first=first,
    )


def _newest(connection: sa.Connection) -> datetime:
    """The moment of the newest picture that was evaluated."""
    found: datetime = connection.execute(sa.text("select max(known_at) from alerts.evaluations")).scalar_one()
    return found


def _silenced(connection: sa.Connection, at: datetime) -> Callable[[Episode], bool]:
    """Whether an alert is silenced at ``at``."""
    query = "select medicine_id, county_code, rule, level from alerts.silence where starts_at <= :at and ends_at > :at"
    silences = connection.execute(sa.text(query), {"at": at}).all()

    def silenced(one: Episode) -> bool:
        here = (one.medicine_id, one.county_code, one.rule)
        return any(
            all(want in (None, is_) for want, is_ in zip(scope, here, strict=True))
            and (level is None or RANK.get(one.level or "", 0) <= RANK[level])
            for *scope, level in silences
        )

    return silenced


def _hold(connection: sa.Connection, as_of: date) -> None:
    query = "update alerts.evaluations set held = true, released_at = null where as_of = :as_of"
    connection.execute(sa.text(query), {"as_of": as_of})
