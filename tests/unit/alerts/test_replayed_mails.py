"""Mails that a replay counts: of openings, rises, ends and holds, to those who would have been told."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

from medsupply.alerts.folding import RULES, folded
from medsupply.alerts.recipients import Subscription
from medsupply.alerts.replayed_mails import Mails, mails_of
from medsupply.rules import load_rules

START = date(2026, 1, 1)
CALM: dict[str, Any] = {
    "county_code": "99", "level": "normal", "reasons": [], "run_out_p56": 0.01, "stock_units": 900.0,
    "floor_units": 70.0, "reporting_share": 1.0, "reporting_threshold": 0.8, "state": "reported", "atc": "J01CA04",
    "form_class": "oral",
}  # fmt: skip
SHORT = {"level": "elevated", "reasons": ["run_out_p56"], "run_out_p56": 0.6}
GONE = {"level": "severe", "reasons": ["stock_at_floor"], "run_out_p56": 1.0, "stock_units": 0.0}
ALL = Subscription("all@example.org", "fi", None, "elevated")


def played(days: list[dict[str, dict[str, Any]]], *lines: Subscription) -> Mails:
    """``days``: what is not calm, by family; ten families stand in every picture."""
    rows = [
        {**CALM, "as_of": START + timedelta(days=number), "medicine_id": f"S{one}", "members": f"S{one}-1|S{one}-2",
         **changes.get(f"S{one}", {})}
        for number, changes in enumerate(days) for one in range(10)
    ]  # fmt: skip
    frame = pl.DataFrame(rows)
    return mails_of(folded(frame, RULES, {}), frame, lines, load_rules().hold)


def test_an_opening_a_rise_and_an_end_are_a_mail_each() -> None:
    days = [{}, {"S1": SHORT}, {"S1": GONE}, *[{}] * 8]
    assert played(days, ALL) == Mails(openings=2, ends=1)


def test_who_was_not_told_hears_no_end_and_who_wants_the_digest_gets_none() -> None:
    days = [{}, {"S1": SHORT}, *[{}] * 8]
    severe, digest = (
        Subscription("b@example.org", "fi", None, "severe"),
        Subscription("c@example.org", "fi", None, "watch", digest=True),
    )
    assert played(days, severe, digest) == Mails()


def test_a_subscription_to_one_medicine_of_a_family_counts() -> None:
    one = Subscription("b@example.org", "fi", None, "elevated", medicine_id="S1-2")
    days = [{}, {"S1": SHORT, "S2": SHORT}, *[{}] * 8]
    assert played(days, one) == Mails(openings=1, ends=1)


def test_what_flaps_is_told_once_and_then_by_the_digest() -> None:
    up, down = {"S1": {**SHORT, "reasons": ["notice_covers_all_28"], "run_out_p56": 0.01}}, {}
    days: list[dict[str, dict[str, Any]]] = [{}]
    for _ in range(4):
        days += [up, down, down, down]
    assert played(days, ALL) == Mails(openings=3, ends=2), "the third opening says so, and the fourth is the digest's"


def test_a_wave_is_held_and_counted() -> None:
    limits = load_rules().hold
    families = 200
    rows = [
        {**CALM, **(SHORT if number and one < limits.products + 1 else {}), "as_of": START + timedelta(days=number),
         "medicine_id": f"S{one}", "members": None}
        for number in range(2) for one in range(families)
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema_overrides={"members": pl.String})
    found = mails_of(folded(frame, RULES, {}), frame, [ALL], limits)
    assert found == Mails(openings=limits.products + 1, holds=1, held=1)
