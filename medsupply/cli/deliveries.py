"""Commands for deliveries: load, inbox, quarantine, withdraw, report, rebuild."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from medsupply.cli import common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medsupply.warehouse.loading.intake import Verdict

quarantine = typer.Typer(help="Rows that were not accepted: list, show, release.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.command()(load)
    app.command()(inbox)
    app.command()(withdraw)
    app.command()(rebuild)
    app.command()(compact)
    app.command()(retain)
    app.command("report")(report)
    app.add_typer(quarantine, name="quarantine")


def load(
    source: str = typer.Argument(help="Source, for instance stock. 'medsupply dictionary --sources' lists them."),
    files: list[Path] = typer.Argument(help="Files: .csv, .csv.gz, .txt or .parquet."),
    received_at: str = common.RECEIVED_AT,
    sender: str = typer.Option(None, help="Who sent it, for the record."),
) -> None:
    """Check and store the given files. Exit code 1 when some rows or files were not accepted."""
    from medsupply import flow

    with common.warehouse() as wh:
        moment = common.parse_moment(received_at)
        verdicts = flow.load(wh, source, files, received_at=moment, sender=sender, progress=_progress(len(files)))
    _tell(verdicts)


def inbox(
    folder: Path = typer.Argument(None, help="Folder with one folder per source. Default: MEDSUPPLY_HOME/inbox."),
    received_at: str = common.RECEIVED_AT,
    settle: float = typer.Option(2.0, help="Seconds a file must have been unchanged before it is taken."),
) -> None:
    """Check and store all that waits in the inbox, then move it to .done. Exit code 1 as for load.

    What holds anything personal is deleted from the inbox, not moved.
    """
    from medsupply import flow

    with common.warehouse() as wh:
        moment = common.parse_moment(received_at)
        _tell(flow.inbox(wh, folder, received_at=moment, settle=settle, progress=common.Progress("deliveries")))


def withdraw(
    delivery_id: str = typer.Argument(help="Delivery, as analyst.deliveries names it."),
    author: str = typer.Option(..., help="Who withdraws it."),
    reason: str = typer.Option(..., help="Why."),
    received_at: str = common.RECEIVED_AT,
) -> None:
    """Withdraw a whole delivery. Its rows stop counting from that moment on; the trace stays."""
    from medsupply import desk

    with common.warehouse() as wh:
        desk.withdraw(wh, delivery_id, author=author, reason=reason, at=common.parse_moment(received_at))
    typer.echo(f"{delivery_id} is withdrawn.")


def rebuild() -> None:
    """Make the warehouse again from the archive alone: deliveries, record, reference."""
    from medsupply import desk

    with common.warehouse() as wh:
        typer.echo(f"{desk.rebuild(wh, progress=common.Progress('deliveries'))} deliveries were read again.")


def compact(received_at: str = common.AT) -> None:
    """Write closed days of the record as one file each and sweep what is not needed; daily, as the DAG does."""
    from medsupply import flow

    with common.warehouse() as wh:
        told = flow.compact(wh, at=common.parse_moment(received_at), progress=common.Progress("days"))
    typer.echo(told)


def retain(
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would go."),
    received_at: str = common.AT,
    form: str = typer.Option("table", "--format", help="table, csv or json."),
) -> None:
    """Delete what is older than the settings MEDSUPPLY_KEEP_... say; archive and record never."""
    from medsupply import flow

    with common.warehouse() as wh:
        common.show(flow.retain(wh, at=common.parse_moment(received_at), dry_run=dry_run), form)


def report(
    delivery_id: str = typer.Argument(help="Delivery, as analyst.deliveries names it."),
    language: str = typer.Option(None, help="fi, sv or en. Default: MEDSUPPLY_LANGUAGE."),
    as_csv: bool = typer.Option(False, "--csv", help="The rows that were not taken, as CSV."),
) -> None:
    """What was taken of a delivery, what not and why, in words for its sender."""
    from medsupply import desk

    with common.warehouse() as wh:
        typer.echo(desk.sender_report(wh, delivery_id, language or common.settings().language, as_csv=as_csv))


@quarantine.command("list")
def quarantine_list(
    form: str = typer.Option("table", "--format", help="table, csv or json."),
) -> None:
    """Rows waiting in quarantine, by delivery and reason."""
    with common.warehouse() as wh:
        found = wh.read(
            "select delivery_id, source, reason_code, count(*) as rows, min(line) as first_line"
            " from analyst.quarantine where released_at is null group by 1, 2, 3 order by 1, 2, 3"
        )
    common.show(found, form)


@quarantine.command("show")
def quarantine_show(
    delivery_id: str, form: str = typer.Option("table", "--format", help="table, csv or json.")
) -> None:
    """The rows of one delivery that were not accepted: line, field, reason, original text."""
    with common.warehouse() as wh:
        found = wh.read("select * from analyst.quarantine where delivery_id = :id order by line", id=delivery_id)
    common.show(found, form)


@quarantine.command("release")
def quarantine_release(
    delivery_id: str,
    line: list[int] = typer.Option(None, help="Line to release; repeat it. None: all whose reason is gone."),
    author: str = typer.Option(..., help="Who decides."),
    reason: str = typer.Option(..., help="Why."),
    received_at: str = common.RECEIVED_AT,
) -> None:
    """Release rows (or a held snapshot or list) of a delivery by decision of a person."""
    from medsupply import desk

    with common.warehouse() as wh:
        at = common.parse_moment(received_at)
        released = desk.release(wh, delivery_id, lines=line or None, author=author, reason=reason, at=at)
    typer.echo(f"{released} released.")


@quarantine.command("unmapped")
def quarantine_unmapped(form: str = typer.Option("table", "--format", help="table, csv or json.")) -> None:
    """Packages that were accepted though no list names them, the largest volume first."""
    from medsupply import desk

    with common.warehouse() as wh:
        common.show(desk.unmapped(wh), form)


def _progress(files: int) -> common.Progress | None:
    return common.Progress("files") if files > 3 else None


def _tell(verdicts: Sequence[Verdict]) -> None:
    """One line per delivery and an exit code: duplicates are no failure, they store nothing."""
    for verdict in verdicts:
        typer.echo(str(verdict))
    if not verdicts:
        typer.echo("Nothing was waiting.")
    if any(verdict.verdict not in ("accepted", "duplicate") for verdict in verdicts):
        raise typer.Exit(1)
