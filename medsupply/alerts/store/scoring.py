"""Scores of past alerts from what is stored: pictures as known seven days later, episodes of the country."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import polars as pl
import sqlalchemy as sa

from medsupply.alerts.folding import RULES
from medsupply.alerts.replay import Replay, replay
from medsupply.alerts.scores import Truth, score, truths
from medsupply.alerts.store import memory
from medsupply.alerts.store.past import UNSURE
from medsupply.alerts.store.writing import subscriptions
from medsupply.areas import COUNTRY
from medsupply.errors import InputError
from medsupply.rules import Rules
from medsupply.tables.alerts import SCORE
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.reading import read_frame

# Rules about data, the storage duty and what has run out already foretell no run-out.
SCORED = tuple(rule.name for rule in RULES if rule.name not in ("data_missing", "obligation", "stock_zero"))
ROW = ["as_of", "medicine_id", "county_code"]
_HISTORY = """
    SELECT DISTINCT ON (s.as_of, s.medicine_id) s.as_of, s.medicine_id, s.critical_class, s.stock_units,
           s.floor_units, s.trailing_demand_units, s.reporting_share
    FROM picture.situation s
    WHERE s.county_code = '99' AND s.grain = 'family' AND s.as_of <= :as_of AND s.stock_units IS NOT NULL
      AND s.known_at <= LEAST(CAST(:known_at AS timestamptz), (s.as_of + 8)::timestamp AT TIME ZONE 'Europe/Helsinki')
    ORDER BY s.as_of, s.medicine_id, s.known_at DESC
"""
_ANNOUNCED = """
    SELECT p.family_id AS medicine_id, s.announced_on, s.expected_on, sum(s.packs * p.family_units_per_pack) AS units
    FROM core.supply s JOIN picture.packages p ON p.vnr = s.vnr
    JOIN core.holders h ON h.holder_id = s.holder_id AND h.known_to IS NULL
    WHERE s.known_to IS NULL AND p.family_id IS NOT NULL AND p.family_units_per_pack IS NOT NULL
      AND h.holder_type::text IN ('wholesaler', 'mah', 'thl')
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


def score_alerts(connection: sa.Connection, as_of: date, known_at: datetime) -> int:
    """Score the alerts of the country up to a report day; returns the rows written."""
    known = known_truths(connection, as_of, known_at)
    stored = memory.stored_episodes(connection)
    episodes = [one for one in stored if one.county_code == COUNTRY and one.opened_on <= as_of]
    rows = [row for rule in SCORED for row in score(rule, episodes, known, as_of)] if known else []
    frame = pl.DataFrame(rows, schema=SCORE.dtypes())
    return bulk.replace(connection, SCORE, frame, as_of=as_of)


def known_truths(connection: sa.Connection, as_of: date, known_at: datetime) -> list[Truth]:
    """What became of each family, as known seven days after each day."""
    history = read_frame(connection, _HISTORY, {"as_of": as_of, "known_at": known_at})
    return truths(history, read_frame(connection, _ANNOUNCED, {}))


def replay_rules(wh: Warehouse, rules_: Rules, judge: Callable[[date, datetime], pl.DataFrame]) -> Replay:
    """Play ``rules_`` on every evaluated day; ``judge`` gives the situation of a day under them."""
    with wh.transaction() as connection:
        query = "select as_of, known_at from alerts.evaluations order by as_of"
        days = [(row.as_of, row.known_at) for row in connection.execute(sa.text(query))]
        lines = subscriptions(connection)
        known = known_truths(connection, *days[-1]) if days else []
        form = read_frame(
            connection,
            f"select m.medicine_id, m.form_class, f.members from picture.medicines m left join ({memory.MEMBERS}) f"  # noqa: S608
            " on f.family_id = m.medicine_id",
            {},
        )
        unsure = read_frame(connection, UNSURE, {})
    if not days:
        raise InputError("No report day has been evaluated", "Run medsupply alerts evaluate first")
    judged = [judge(as_of, known_at).filter(pl.col("grain") == "family") for as_of, known_at in days]
    frame = pl.concat(judged).join(form, on="medicine_id", how="left").join(unsure, on=ROW, how="left")
    frame = frame.with_columns(reporting_threshold=pl.lit(rules_.picture.reporting_threshold))
    return replay(frame, known, lines, rules_)
