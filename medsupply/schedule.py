"""What the DAGs need, without Airflow: names of assets, the report day and moment of a run, an open warehouse.

This is the edge of the DAGs: environment and clock are read here, as the command line does for a person.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from medsupply.days import HELSINKI
from medsupply.settings import Settings

if TYPE_CHECKING:
    from medsupply.warehouse.database.connection import Warehouse

WAREHOUSE = "medsupply://warehouse"
PICTURE = "medsupply://picture"
FORECASTS = "medsupply://forecasts"

TIMEZONE = "Europe/Helsinki"
WEEK_ENDS = 7
"""ISO weekday whose report day brings the weekly summary."""
DEFAULT_ARGS: dict[str, Any] = {
    "owner": "medsupply",
    "retries": 3,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(minutes=30),
}
# A run may be asked for another day or moment; left empty, the clock decides.
PARAMS: dict[str, Any] = {"as_of": "", "known_at": ""}


def settings() -> Settings:
    return Settings.from_environ(os.environ)


def now() -> datetime:
    return datetime.now(UTC)


def known_at(params: Mapping[str, Any]) -> datetime:
    """The moment of a run: its parameter, else now."""
    text = params.get("known_at")
    return datetime.fromisoformat(text).astimezone(UTC) if text else now()


def as_of(params: Mapping[str, Any]) -> date:
    """The report day of a run: its parameter, else the day before the run's moment in Helsinki."""
    text = params.get("as_of")
    return date.fromisoformat(text) if text else known_at(params).astimezone(HELSINKI).date() - timedelta(days=1)


@contextmanager
def warehouse() -> Iterator[Warehouse]:
    """The warehouse that the environment of this worker names."""
    from medsupply.warehouse.database.connection import Warehouse

    opened = Warehouse.open(settings())
    try:
        yield opened
    finally:
        opened.close()
