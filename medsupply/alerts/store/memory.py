"""What earlier evaluations left: episodes with their transitions, and what was told of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

import polars as pl
import sqlalchemy as sa

from medsupply.alerts.episodes import Episode, Transition
from medsupply.alerts.telling import Told
from medsupply.tables.alerts import EVENT, STATE
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.reading import read_frame

# Alert, report day, transition, level after it, reasons.
Event = tuple[str, date, str, str | None, tuple[str, ...]]


class Known(NamedTuple):
    """An event that was stored: which of its day and transition, and whether it stands."""

    version: int
    stands: bool


# The medicines of each family, joined by |.
MEMBERS = (
    "select family_id, string_agg(medicine_id, '|' order by medicine_id) as members from picture.medicines"
    " where grain = 'medicine' group by family_id"
)


def stored_episodes(connection: sa.Connection) -> list[Episode]:
    """Every episode as the last evaluation left it."""
    transitions: dict[str, list[Transition]] = defaultdict(list)
    query = (
        'SELECT alert_id, "on", transition, level, reasons FROM alerts.event WHERE withdrawn_at IS NULL ORDER BY "on"'
    )
    for row in connection.execute(sa.text(query)):
        transitions[row.alert_id].append(Transition(row.on, row.transition, row.level, tuple(row.reasons or ())))
    states = connection.execute(sa.select(STATE.sql)).mappings()
    return [
        Episode(
            rule=row["rule"],
            medicine_id=row["medicine_id"],
            county_code=row["county_code"],
            number=row["episode"],
            opened_on=row["opened_on"],
            level=row["level"],
            opening_p56=row["opening_p56"],
            changed_on=row["changed_on"],
            reasons=tuple(row["reasons"] or ()),
            closed_on=row["closed_on"],
            quiet=row["quiet"],
            lower=row["lower"] or 0,
            last_stock=row["last_stock"],
            flapping=row["flapping"],
            transitions=tuple(transitions[row["alert_id"]]),
        )
        for row in states
    ]


def spoken_of(connection: sa.Connection) -> set[str]:
    """Alerts that a mail or a person has named: their numbers stay theirs."""
    query = "SELECT unnest(alert_ids) FROM alerts.outbox UNION SELECT alert_id FROM alerts.acknowledgement"
    return set(connection.execute(sa.text(query)).scalars())


def told_of(connection: sa.Connection) -> dict[str, Told]:
    """What has been told of each episode."""
    rows = connection.execute(sa.text("SELECT alert_id, told, told_closed, held, told_flapping_on FROM alerts.state"))
    return {row.alert_id: Told(row.told, bool(row.told_closed), bool(row.held), row.told_flapping_on) for row in rows}


def known_events(connection: sa.Connection) -> dict[Event, Known]:
    """Every event that was ever stored."""
    rows = connection.execute(
        sa.text('SELECT alert_id, "on", transition, level, reasons, version, withdrawn_at FROM alerts.event')
    )
    return {
        (row.alert_id, row.on, row.transition, row.level, tuple(row.reasons or ())): Known(
            row.version, row.withdrawn_at is None
        )
        for row in rows
    }


def store(
    connection: sa.Connection, episodes: Sequence[Episode], told: Mapping[str, Told], at: datetime, version: str
) -> list[tuple[Episode, Transition]]:
    """Write states and events; returns what is new. Events are added or withdrawn, never changed."""
    connection.execute(sa.delete(STATE.sql))
    rows = [_state(one, told.get(one.alert_id, Told())) for one in episodes]
    bulk.copy(connection, STATE, pl.DataFrame(rows, schema=STATE.dtypes()))
    known = known_events(connection)
    folded = {
        (one.alert_id, t.on, t.transition, t.level, t.reasons): (one, t) for one in episodes for t in one.transitions
    }
    new = {key: pair for key, pair in folded.items() if key not in known}
    last = _last_versions(known)
    events = [_event(*pair, at, version, last[key[:3]] + 1) for key, pair in new.items()]
    bulk.copy(connection, EVENT, pl.DataFrame(events, schema=EVENT.dtypes()))
    _set_withdrawn(connection, [(key, one) for key, one in known.items() if one.stands and key not in folded], at)
    _set_withdrawn(connection, [(key, one) for key, one in known.items() if not one.stands and key in folded], None)
    return list(new.values())


def _last_versions(known: Mapping[Event, Known]) -> dict[tuple[str, date, str], int]:
    """The highest version of each day and transition of an alert; 0 where there is none."""
    found: dict[tuple[str, date, str], int] = defaultdict(int)
    for key, one in known.items():
        found[key[:3]] = max(found[key[:3]], one.version)
    return found


def _set_withdrawn(connection: sa.Connection, events: Sequence[tuple[Event, Known]], at: datetime | None) -> None:
    query = sa.text(
        "UPDATE alerts.event SET withdrawn_at = CAST(:at AS timestamptz)"
        ' WHERE alert_id = :id AND "on" = :on AND transition = :what AND version = :version'
    )
    values = [{"at": at, "id": key[0], "on": key[1], "what": key[2], "version": one.version} for key, one in events]
    if values:
        connection.execute(query, values)


def _state(one: Episode, told: Told) -> dict[str, object]:
    return {
        "alert_id": one.alert_id,
        "rule": one.rule,
        "medicine_id": one.medicine_id,
        "county_code": one.county_code,
        "episode": one.number,
        "level": one.level,
        "state": one.state,
        "opened_on": one.opened_on,
        "changed_on": one.changed_on,
        "closed_on": one.closed_on,
        "opening_p56": one.opening_p56,
        "quiet": one.quiet,
        "lower": one.lower,
        "last_stock": one.last_stock,
        "flapping": one.flapping,
        "reasons": list(one.reasons),
        "told": told.level,
        "told_closed": told.closed,
        "held": told.held,
        "told_flapping_on": told.flapping_on,
    }


def _event(one: Episode, what: Transition, at: datetime, rules_version: str, version: int) -> dict[str, object]:
    return {
        "alert_id": one.alert_id,
        "on": what.on,
        "transition": what.transition,
        "version": version,
        "level": what.level,
        "known_at": at,
        "rules_version": rules_version,
        "reasons": list(what.reasons),
        "withdrawn_at": None,
    }


def families(connection: sa.Connection) -> dict[str, dict[str, object]]:
    """Names, ATC code, form class and members (its medicines, joined by |) of each family."""
    query = (
        "select m.medicine_id, m.atc, m.form_class, m.name_fi, m.name_sv, m.name_en, f.members from picture.medicines m"  # noqa: S608
        f" left join ({MEMBERS}) f on f.family_id = m.medicine_id where m.grain = 'family'"
    )
    return {row["medicine_id"]: row for row in read_frame(connection, query, {}).iter_rows(named=True)}
