"""Commands for analysts: sql, export, dictionary."""

from __future__ import annotations

from pathlib import Path

import typer

from medsupply.cli import common
from medsupply.errors import InputError


def add_to(app: typer.Typer) -> None:
    app.command()(sql)
    app.command()(export)
    app.command()(dictionary)


def sql(
    query: str = typer.Argument(help='For instance "select * from analyst.situation limit 5".'),
    form: str = typer.Option("table", "--format", help="table, csv or json."),
) -> None:
    """Run a query on the analyst views, as the analyst role (read only)."""
    with common.warehouse("medsupply_analyst") as wh:
        found = wh.read(query)
    common.show(found, form)


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
