"""Rules played on the past, before they change: mails per official and week, precision, recall, lead. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from medsupply.alerts.absence import completed
from medsupply.alerts.episodes import Episode
from medsupply.alerts.folding import IMMEDIATE, RULES, folded
from medsupply.alerts.recipients import Subscription, grouped
from medsupply.alerts.scores import Truth, score
from medsupply.areas import COUNTRY


@dataclass(frozen=True)
class Replay:
    """What a rules file would have done. ``scores``: a row of ``alerts.score`` for run_out, all medicines."""

    version: str
    days: int
    episodes: tuple[Episode, ...]
    mails: int
    officials: int
    scores: dict[str, object]

    @property
    def mails_per_official_and_week(self) -> float:
        return self.mails / self.officials / (self.days / 7) if self.officials and self.days else 0.0

    def __str__(self) -> str:
        told = self.scores
        figures = (
            f"{name.replace('_', ' ')} {_short(told[name])}" for name in ("recall", "precision", "median_lead_days")
        )
        return (
            f"rules {self.version}: {len(self.episodes)} episodes in {self.days} days,"
            f" {self.mails_per_official_and_week:.2f} mails per official and week; run_out: {', '.join(figures)},"
            f" {told['true_episodes']} true, {told['false_episodes']} false, {told['averted']} averted"
        )


def replay(
    situations: pl.DataFrame, known: Sequence[Truth], subscriptions: Sequence[Subscription], *, version: str
) -> Replay:
    """Play the alert rules on ``situations``: judged rows of families on all days, with atc and form_class."""
    episodes = folded(completed(situations), RULES, {})
    days = sorted(situations["as_of"].unique().to_list())
    last = days[-1] if days else date.min
    national = [one for one in episodes if one.county_code == COUNTRY]
    return Replay(
        version,
        len(days),
        tuple(sorted(episodes, key=lambda one: (one.opened_on, one.alert_id))),
        _mails(episodes, situations, subscriptions),
        len({line.address.lower() for line in subscriptions}),
        next(row for row in score("run_out", national, known, last) if row["grouping"] == "all"),
    )


def _mails(episodes: Sequence[Episode], situations: pl.DataFrame, subscriptions: Sequence[Subscription]) -> int:
    """Immediate mails of openings and rises: one per address, family and day."""
    about = {row["medicine_id"]: row for row in situations.unique("medicine_id").iter_rows(named=True)}
    by_day: dict[date, list[dict[str, str | None]]] = defaultdict(list)
    for one in episodes:
        if one.rule not in IMMEDIATE:
            continue
        medicine = about[one.medicine_id]
        for change in one.transitions:
            if change.up:
                item = {"medicine_id": one.medicine_id, "county_code": one.county_code, "level": change.level,
                        "atc": medicine.get("atc"), "form_class": medicine.get("form_class")}  # fmt: skip
                by_day[change.on].append(item)
    return sum(len(grouped(items, subscriptions)) for items in by_day.values())


def _short(value: object) -> str:
    return "unknown" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
