"""What the pages tell of past forecasts and of deliveries that are expected."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from medsupply.areas import COUNTRY
from medsupply.tables import forecast


def scores(last: date, at: datetime) -> list[dict[str, Any]]:
    weeks = [
        {"kind": "demand", "measure": "units", "origin": date(2025, 12, 28), "known_at": at,
         "grouping": "all", "horizon": ahead, "metric": metric, "value": value, "pairs": 300}
        for ahead in (1, 4, 8, 13)
        for metric, value in (("cover80", 0.79), ("mase", 0.81))
    ]  # fmt: skip
    days = [
        {"kind": "run_out", "measure": "probability", "origin": date(2025, 12, 14), "known_at": at,
         "grouping": "all", "horizon": ahead, "metric": "brier", "value": ahead / 1000, "pairs": 312}
        for ahead in forecast.HORIZON_DAYS
    ]  # fmt: skip
    bins = [
        {"kind": "run_out", "measure": "probability", "origin": date(2025, 12, 14), "known_at": at,
         "grouping": "all", "horizon": ahead, "metric": f"{what}_{tenth}", "value": value + tenth / 10, "pairs": 30}
        for ahead in forecast.HORIZON_DAYS
        for tenth in (0, 4, 9)
        for what, value in (("mean_p", 0.05), ("rate", 0.02))
    ]  # fmt: skip
    scores = weeks + days + bins
    # Every grouping that the steps may write, so that none can be without its words.
    others = [*forecast.GROUPINGS[1:], f"{forecast.CLASS} 1"]
    bought = [{**weeks[0], "measure": "purchases", "horizon": 1, "metric": metric, "value": 0.9, "grouping": group}
              for metric in ("wape", "cover_high") for group in (forecast.COUNTRYWIDE, forecast.COUNTIES)]  # fmt: skip
    return [*scores, *bought, *({**row, "grouping": group} for row in scores for group in others)]


def substitutions(last: date, at: datetime) -> list[dict[str, Any]]:
    return [{"measure": "units", "cutoff": last - timedelta(days=last.weekday() + 1), "known_at": at,
             "medicine_id": f"G{number:04d}", "county_code": COUNTRY, "wanted": "combined", "used": "intermittent",
             "reason": "intermittent"} for number in range(3)]  # fmt: skip


def expected_days(last: date, at: datetime) -> list[dict[str, Any]]:
    return [{"source": "stock", "day": last, "expected": 19, "received": 17, "received_late": 0, "late": 1,
             "missing": 1, "not_due": 1, "unexpected": 0, "calendar_version": "1",
             "known_at": at}]  # fmt: skip
