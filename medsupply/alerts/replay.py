"""Rules played on the past, before they change: mails per official and week, precision, recall, lead. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from medsupply.alerts.absence import completed
from medsupply.alerts.episodes import Episode
from medsupply.alerts.folding import RULES, folded
from medsupply.alerts.recipients import Subscription
from medsupply.alerts.replayed_mails import Mails, mails_of
from medsupply.alerts.scores import Truth, score
from medsupply.areas import COUNTRY
from medsupply.rules import Rules


@dataclass(frozen=True)
class Replay:
    """What a rules file would have done. ``scores``: a row of ``alerts.score`` for run_out, all medicines;
    ``officials``: addresses with a subscription that mails at once."""

    version: str
    days: int
    episodes: tuple[Episode, ...]
    told: Mails
    officials: int
    scores: dict[str, object]

    @property
    def mails(self) -> int:
        return self.told.openings + self.told.ends + self.told.holds

    @property
    def mails_per_official_and_week(self) -> float:
        return self.mails / self.officials / (self.days / 7) if self.officials and self.days else 0.0

    def __str__(self) -> str:
        scored = self.scores
        figures = (
            f"{name.replace('_', ' ')} {_short(scored[name])}" for name in ("recall", "precision", "median_lead_days")
        )
        return (
            f"rules {self.version}: {len(self.episodes)} episodes in {self.days} days,"
            f" {self.mails_per_official_and_week:.2f} mails per official and week ({self.told.openings} of openings and"
            f" rises, {self.told.ends} of ends, {self.told.holds} of {self.told.held} holds); run_out:"
            f" {', '.join(figures)}, {scored['true_episodes']} true, {scored['false_episodes']} false,"
            f" {scored['averted']} averted"
        )


def replay(
    situations: pl.DataFrame, known: Sequence[Truth], subscriptions: Sequence[Subscription], rules_: Rules
) -> Replay:
    """Play the alert rules on ``situations``: judged rows of families on all days, with atc, form_class, members (its
    medicines, joined by |) and reporting_threshold."""
    episodes = folded(completed(situations), RULES, {})
    days = sorted(situations["as_of"].unique().to_list())
    last = days[-1] if days else date.min
    national = [one for one in episodes if one.county_code == COUNTRY]
    return Replay(
        rules_.version,
        len(days),
        tuple(sorted(episodes, key=lambda one: (one.opened_on, one.alert_id))),
        mails_of(episodes, situations, subscriptions, rules_.hold),
        len({line.address.lower() for line in subscriptions if not line.digest}),
        next(row for row in score("run_out", national, known, last) if row["grouping"] == "all"),
    )


def _short(value: object) -> str:
    return "unknown" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
