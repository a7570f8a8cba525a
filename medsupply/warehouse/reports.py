"""What operators and analysts take out: packages that no list names, and views as files."""

from __future__ import annotations

from datetime import date

import polars as pl

from medsupply.errors import InputError
from medsupply.warehouse.database.connection import Warehouse

REPORT_DAYS = ("as_of", "day")
_UNMAPPED = """
    WITH newest AS (SELECT max(day) AS day FROM analyst.stock_daily), moved AS (
        SELECT s.vnr, s.packs AS in_stock, 0.0 AS dispensed FROM analyst.stock_daily s JOIN newest USING (day)
        WHERE s.state = 'unmapped'
        UNION ALL
        SELECT d.vnr, 0.0, d.packs FROM analyst.dispensing_daily d CROSS JOIN newest
        WHERE d.medicine_id IS NULL AND d.day > coalesce(newest.day, d.day) - 84
    )
    SELECT vnr, sum(in_stock) AS packs_in_stock, sum(dispensed) AS packs_dispensed_84_days FROM moved
    WHERE vnr NOT IN (SELECT vnr FROM analyst.packages WHERE medicine_id IS NOT NULL)
    GROUP BY vnr ORDER BY sum(in_stock) + sum(dispensed) DESC, vnr
"""


def unmapped(wh: Warehouse) -> pl.DataFrame:
    """Packages that were accepted though no list names them, the largest volume first: ``vnr`` and its packs."""
    return wh.read(_UNMAPPED)


def harmless(rows: pl.DataFrame) -> pl.DataFrame:
    """Text that a spreadsheet would run as a formula gets an apostrophe."""
    texts = [name for name, dtype in rows.schema.items() if dtype == pl.String]
    risky = r"^[=+\-@\t\r]"
    return rows.with_columns(
        pl.when(pl.col(name).str.contains(risky)).then(pl.lit("'") + pl.col(name)).otherwise(pl.col(name)).alias(name)
        for name in texts
    )


def export(wh: Warehouse, view: str, on: date | None = None) -> pl.DataFrame:
    """The rows of a view of ``analyst``, with harmless texts; ``on``: of one report day.

    Raises InputError for an unknown view, or a day where the view has none."""
    known = wh.read(
        "select table_name as view, array_agg(column_name::text) as columns from information_schema.columns"
        " where table_schema = 'analyst' group by 1 order by 1"
    )
    columns = dict(known.iter_rows())
    if view not in columns:
        raise InputError(f"analyst has no view {view!r}", f"Use one of {', '.join(columns)}")
    if on is None:
        return harmless(wh.read(f"select * from analyst.{view}"))  # noqa: S608  one of the views
    day = next((name for name in REPORT_DAYS if name in columns[view]), None)
    if day is None:
        raise InputError(f"analyst.{view} has no report day", "Leave --as-of out")
    return harmless(wh.read(f"select * from analyst.{view} where {day} = :day", day=on))  # noqa: S608
