"""What the commands share: settings and warehouse from the environment, moments from text, tables on the screen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import typer

from medsupply.errors import InputError
from medsupply.settings import Settings

if TYPE_CHECKING:
    import polars as pl

    from medsupply.warehouse.database.connection import Warehouse

AS_OF = typer.Option(..., "--as-of", help="Report day, YYYY-MM-DD.")
KNOWN_AT = typer.Option(
    None, "--known-at", help="As known on this moment (ISO, UTC unless an offset is given; a day means its end)."
)
RECEIVED_AT = typer.Option(
    None, "--received-at", help="Moment of receipt (ISO, UTC unless an offset is given). Default: now."
)

AT = typer.Option(None, "--at", help="Moment of which this is done (ISO, UTC unless an offset is given). Default: now.")


def settings() -> Settings:
    return Settings.from_environ(os.environ)


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def warehouse(role: str = "owner") -> Iterator[Warehouse]:
    """The warehouse that the environment names, open as ``role``."""
    from medsupply.warehouse.database.connection import Warehouse

    opened = Warehouse.open(settings(), role=role)
    try:
        yield opened
    finally:
        opened.close()


def parse_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text!r} is no day", "Write it as YYYY-MM-DD, for instance 2026-03-31") from error


def parse_moment(text: str | None, *, day_means_end: bool = False) -> datetime:
    """``text`` as a moment in UTC; nothing means now, a bare day its end or its beginning."""
    from medsupply.days import end_of_day

    if text is None:
        return now()
    if day_means_end and len(text) == len("2026-03-31"):
        return end_of_day(parse_day(text))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text!r} is no moment", "Write it as 2026-03-31T06:00:00Z") from error
    return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)


def parse_start(text: str) -> datetime:
    """``text`` as the moment at which something begins: a bare day where it begins in Helsinki."""
    from medsupply.days import end_of_day

    if len(text) == len("2026-03-31"):
        return end_of_day(parse_day(text) - timedelta(days=1)) + timedelta(microseconds=1)
    return parse_moment(text)


def show(frame: pl.DataFrame, form: str = "table") -> None:
    """Print ``frame`` as a table, CSV or JSON."""
    typer.echo(render(frame, form))


def render(frame: pl.DataFrame, form: str) -> str:
    import polars as pl

    if form == "json":
        return frame.write_json()
    if form == "csv":
        flat = frame.with_columns(pl.col(pl.List(pl.String)).list.join(", "))
        return flat.write_csv().rstrip("\n")
    if form != "table":
        raise InputError(f"{form!r} is no format", "Use table, csv or json")
    with pl.Config(
        tbl_rows=-1,
        tbl_cols=-1,
        tbl_width_chars=10_000,
        fmt_str_lengths=200,
        fmt_table_cell_list_len=-1,
        tbl_hide_column_data_types=True,
        tbl_formatting="UTF8_HORIZONTAL_ONLY",
    ):
        return str(frame)


class Progress:
    """Progress on standard error: one line that is rewritten on a terminal, plain lines elsewhere."""

    def __init__(self, title: str) -> None:
        self.title = title

    def __call__(self, done: int, total: int, what: str = "") -> None:
        import sys

        line = f"{self.title}: {done}/{total} {what}".rstrip()
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{line[:118]:<118}" + ("\n" if done >= total else ""))
            sys.stderr.flush()
        elif done >= total or done % max(total // 10, 1) == 0:
            sys.stderr.write(f"{line}\n")
