"""Commands for the picture and the whole day: run, picture, rules."""

from __future__ import annotations

from pathlib import Path

import typer

from medsupply.cli import common

rules = typer.Typer(help="The rules file: thresholds of levels and alerts.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.command()(run)
    app.command()(picture)
    app.command()(backfill)
    app.command()(changes)
    app.add_typer(rules, name="rules")


def run(
    as_of: str = common.AS_OF,
    known_at: str = common.KNOWN_AT,
    folder: Path = typer.Option(None, "--inbox", help="Inbox. Default: MEDSUPPLY_HOME/inbox."),
) -> None:
    """A whole day: inbox, measure, forecast, judge, evaluate. Sends nothing."""
    from medsupply import flow

    with common.warehouse() as wh:
        moment = common.parse_moment(known_at, day_means_end=True)
        result = flow.run(
            wh, common.parse_day(as_of), moment, folder=folder, workers=common.settings().workers, always=bool(known_at)
        )
    for verdict in result.verdicts:
        typer.echo(str(verdict))
    typer.echo(result.summary)
    if any(verdict.verdict not in ("accepted", "duplicate") for verdict in result.verdicts):
        raise typer.Exit(1)


def picture(as_of: str = common.AS_OF, known_at: str = common.KNOWN_AT) -> None:
    """Measure and judge one report day with the newest forecast known."""
    from medsupply import flow

    with common.warehouse() as wh:
        moment = common.parse_moment(known_at, day_means_end=True)
        situation = flow.picture(wh, common.parse_day(as_of), moment, always=bool(known_at))
    typer.echo(flow.summary(situation))


def backfill(
    first: str = typer.Argument(help="First report day, YYYY-MM-DD."),
    last: str = typer.Argument(help="Last report day, YYYY-MM-DD."),
    known_at: str = common.KNOWN_AT,
) -> None:
    """Make the pictures of past report days, several side by side (MEDSUPPLY_WORKERS), as known at one moment."""
    from medsupply import flow

    days = [common.parse_day(day) for day in flow.days_between(first, last)]
    with common.warehouse() as wh:
        flow.backfill(wh, days, common.parse_moment(known_at, day_means_end=True), workers=common.settings().workers)
    typer.echo(f"{len(days)} pictures, {first} to {last}.")


def changes(
    earlier: str = typer.Argument(help="Report day, YYYY-MM-DD."),
    later: str = typer.Argument(help="Report day, YYYY-MM-DD."),
    county: str = typer.Option("99", help="Area code."),
    form: str = typer.Option("table", "--format", help="table, csv or json."),
) -> None:
    """What changed between two pictures, and why."""
    from medsupply import flow

    with common.warehouse() as wh:
        found = flow.changes(wh, common.parse_day(earlier), common.parse_day(later), county)
    common.show(found, form)


@rules.command("check")
def rules_check(file: Path = typer.Argument(None, help="Rules file. Default: the one in force.")) -> None:
    """Read a rules file as the service does and say what it is."""
    from medsupply.rules import load_rules

    found = load_rules(file)
    typer.echo(f"{found.version} by {found.author}, review by {found.review_by}: {found.reason}")


@rules.command("diff")
def rules_diff(
    file: Path = typer.Argument(help="The new rules file."),
    as_of: str = typer.Option(None, "--as-of", help="Also: which levels would change on this report day."),
) -> None:
    """What a new rules file changes: its values and, on a picture, the levels."""
    from medsupply import flow
    from medsupply.rules import diff_rules, load_rules

    for key, before, after in diff_rules(load_rules(None), load_rules(file)):
        typer.echo(f"{key}: {before} -> {after}")
    if as_of:
        with common.warehouse() as wh:
            common.show(flow.levels_under(wh, common.parse_day(as_of), load_rules(file)))
