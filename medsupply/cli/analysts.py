"""Commands for analysts: sql, export of views and of site rows, dictionary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from medsupply.cli import common
from medsupply.errors import InputError


class _Exports(TyperGroup):
    """``medsupply export situation --out ...``: what names no command is the name of a view."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = args[:1] and args[0] in {*self.commands, *ctx.help_option_names}
        return super().parse_args(ctx, args if named else ["view", *args])


exports = typer.Typer(
    cls=_Exports, help="Write a view to a file ('medsupply export situation --out FILE'), or rows of single sites."
)


def add_to(app: typer.Typer) -> None:
    app.command()(sql)
    app.add_typer(exports, name="export")
    app.command()(dictionary)


def sql(
    query: str = typer.Argument(help='For instance "select * from analyst.situation limit 5".'),
    form: str = typer.Option("table", "--format", help="table, csv or json."),
) -> None:
    """Run a query on the analyst views, as the analyst role (read only)."""
    with common.warehouse("medsupply_analyst") as wh:
        found = wh.read(query)
    common.show(found, form)


@exports.command("view")
def export(
    view: str = typer.Argument(help="View of the analyst schema, for instance situation."),
    out: Path = typer.Option(..., "--out", help="File to write: .csv, .parquet or .json."),
    as_of: str = typer.Option(None, "--as-of", help="Only this report day, where the view has one."),
    companies: bool = typer.Option(
        False, "--companies", help="Figures of single companies too: only for readers who may see them."
    ),
) -> None:
    """Write a view to a file. Text cells that a spreadsheet would run as a formula are made harmless."""
    from medsupply import desk

    with common.warehouse("medsupply_analyst") as wh:
        rows = desk.export(wh, view, out, as_of=common.parse_day(as_of) if as_of else None, companies=companies)
    typer.echo(f"{rows} rows are in {out}.")


@exports.command("site-rows")
def site_rows(
    source: str = typer.Option(..., "--source", help="stock or dispensing."),
    day: str = typer.Option(..., "--day", help="Report day, YYYY-MM-DD."),
    to: str = typer.Option(None, "--to", help="Last report day, at most 31 days in all. Default: the same day."),
    known_at: str = common.KNOWN_AT,
    out: Path = typer.Option(..., "--out", help="File to write: .parquet."),
    who: str = typer.Option(..., "--who", help="Who takes them, for the audit."),
    why: str = typer.Option(..., "--why", help="What for, for the audit."),
) -> None:
    """Write the rows of single sites that stand, for a named person and purpose; each export is audited.

    Without the state reserve and without counts of dispensings. Runs as the operator, never as the analyst role.
    """
    from medsupply import desk

    first = common.parse_day(day)
    last = common.parse_day(to) if to else first
    moment = common.parse_moment(known_at, day_means_end=True)
    with common.warehouse() as wh:
        rows = desk.export_site_rows(wh, source, first, last, out, known_at=moment, who=who, why=why, at=common.now())
    typer.echo(f"{rows} rows are in {out}.")


def dictionary(
    sources: bool = typer.Option(False, "--sources", help="The input contracts instead of the warehouse."),
    out: Path = typer.Option(None, "--out", help="Write it to a file."),
) -> None:
    """The data dictionary: every view, table and column with type, unit and meaning."""
    from medsupply.tables.dictionary import contracts, dictionary

    text = contracts() if sources else dictionary()
    if out is None:
        typer.echo(text)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error.strerror})", "Choose another file") from error
