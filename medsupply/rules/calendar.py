"""The calendar of deliveries from its rules file: who must deliver, until when, how late is late."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from importlib.resources import files
from typing import Any

from medsupply.days import HELSINKI, is_open, open_days_between
from medsupply.errors import InputError


@dataclass(frozen=True)
class Duty:
    """What one source asks of a holder; see calendar.toml for the meaning of each value."""

    days: str
    cutoff_hour: int
    late_open_days: int
    heard_of_days: int
    holder_types: tuple[str, ...]

    def expects(self, day: date) -> bool:
        """Whether ``day`` is to be delivered."""
        if self.days == "weekdays":
            return is_open(day) and day.weekday() < 5
        return self.days == "all" or is_open(day)

    def due_at(self, day: date) -> datetime:
        """Until when ``day`` is to be delivered: an hour of the next open day."""
        after = day + timedelta(days=1)
        while not is_open(after):
            after += timedelta(days=1)
        return datetime.combine(after, time(self.cutoff_hour), HELSINKI)

    def is_missing(self, day: date, at: datetime) -> bool:
        """Whether what has not come by ``at`` is not carried any more."""
        return open_days_between(day, at.astimezone(HELSINKI).date()) > self.late_open_days


@dataclass(frozen=True)
class Calendar:
    """The duties by source, and those of holders that agreed something else."""

    version: str
    sources: Mapping[str, Duty]
    holders: Mapping[tuple[str, str], Duty]

    def duty(self, source: str, holder_id: str) -> Duty:
        return self.holders.get((holder_id, source), self.sources[source])


def load_calendar() -> Calendar:
    """The calendar in force."""
    return parse_calendar((files("medsupply.rules") / "calendar.toml").read_text(encoding="utf-8"))


def parse_calendar(text: str) -> Calendar:
    """The calendar that ``text`` (TOML) describes. Raises InputError for a value that is none."""
    raw = tomllib.loads(text)
    sources = {source: _duty(source, values) for source, values in raw["source"].items()}
    holders = {
        (holder, source): _duty(f"{holder}.{source}", values, sources[source])
        for holder, own in raw.get("holder", {}).items()
        for source, values in own.items()
    }
    return Calendar(raw["version"], sources, holders)


def _duty(where: str, values: Mapping[str, Any], base: Duty | None = None) -> Duty:
    given = {**values, **({"holder_types": tuple(values["holder_types"])} if "holder_types" in values else {})}
    duty = replace(base, **given) if base else Duty(**given)
    if duty.days not in ("all", "open", "weekdays") or not 0 <= duty.cutoff_hour <= 23 or duty.late_open_days < 0:
        raise InputError(f"calendar.toml: {where} has days, cutoff_hour or late_open_days that are none", "Correct it")
    return duty
