"""Commands for alerts: evaluate, send, digest, subscribe, acknowledge, silence, why, replay, watch."""

from __future__ import annotations

from pathlib import Path

import typer

from medsupply.cli import common

alerts = typer.Typer(
    help="Alerts: evaluate, send, digest, subscriptions, and why a mail went out.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(alerts, name="alerts")


@alerts.command()
def evaluate(as_of: str = common.AS_OF, known_at: str = common.KNOWN_AT) -> None:
    """Open, raise, ease and close alerts on one report day. Twice changes nothing."""
    from medsupply import flow

    with common.warehouse() as wh:
        moment = common.parse_moment(known_at, day_means_end=True)
        typer.echo(flow.evaluate(wh, common.parse_day(as_of), moment))


@alerts.command()
def send(drain: bool = typer.Option(False, "--drain", help="Go on until nothing is queued.")) -> None:
    """Hand over the mails that are due."""
    from medsupply import flow

    with common.warehouse() as wh:
        typer.echo(flow.send(wh, clock=common.now, drain=drain))


@alerts.command()
def digest(
    as_of: str = common.AS_OF, weekly: bool = typer.Option(False, "--weekly", help="The week, with the scores.")
) -> None:
    """Queue the digest of a report day, also on a quiet one."""
    from medsupply import flow

    with common.warehouse() as wh:
        typer.echo(flow.digest(wh, common.parse_day(as_of), at=common.now(), weekly=weekly))


@alerts.command()
def subscribe(
    address: str = typer.Argument(help="Mail address."),
    level: str = typer.Option(None, help="Lowest level: watch, elevated or severe."),
    atc: str = typer.Option(None, help="ATC prefix, for instance J01."),
    medicine: str = typer.Option(None, help="Medicine or family id."),
    county: str = typer.Option(None, help="Area code: 01-21, 90, 91, Y1-Y5, 99."),
    language: str = typer.Option(None, help="fi, sv or en. Default: MEDSUPPLY_LANGUAGE."),
    role: str = typer.Option(None, help="fimea, stm, nesa, thl, yta, county or hospital_pharmacist."),
    digest: bool = typer.Option(False, "--digest", help="One mail a day instead of at once."),
    deputy: str = typer.Option(None, help="Address that is asked when nobody acknowledges, or mail is refused."),
) -> None:
    """Subscribe an address; as an operator's decision it counts as confirmed."""
    from medsupply import desk

    with common.warehouse() as wh:
        told = desk.subscribe(
            wh,
            address,
            level=level,
            atc=atc,
            medicine=medicine,
            county=county,
            language=language or common.settings().language,
            role=role,
            digest=digest,
            deputy=deputy,
            at=common.now(),
        )
    typer.echo(told)


@alerts.command()
def acknowledge(
    alert_id: str,
    owner: str = typer.Option(..., help="Who takes it."),
    note: str = typer.Option(..., help="What is being done."),
) -> None:
    """Acknowledge an alert with owner and note; it runs out after seven days or when the level rises."""
    from medsupply import desk

    with common.warehouse() as wh:
        desk.acknowledge(wh, alert_id, owner=owner, note=note, at=common.now())
    typer.echo(f"{alert_id} is acknowledged by {owner}.")


@alerts.command()
def release_hold(author: str = typer.Option(..., help="Who releases."), reason: str = typer.Option(...)) -> None:
    """Release alerts that are held since too many opened in one evaluation."""
    from medsupply import desk

    with common.warehouse() as wh:
        typer.echo(desk.release_hold(wh, author=author, reason=reason, at=common.now()))


@alerts.command()
def why(
    medicine: str = typer.Argument(help="Medicine or family id."),
    on: str = typer.Option(None, "--on", help="Report day. Default: the newest."),
    county: str = typer.Option("99", help="Area code."),
) -> None:
    """Why a mail did or did not go out, from stored facts."""
    from medsupply import desk

    with common.warehouse() as wh:
        typer.echo(desk.why(wh, medicine, on=common.parse_day(on) if on else None, county=county))


@alerts.command()
def replay(rules: Path = typer.Option(..., "--rules", help="Rules file to try on the past.", exists=True)) -> None:
    """What alerts a rules file would have given: mails per official and week, precision, recall, lead."""
    from medsupply import flow

    with common.warehouse() as wh:
        typer.echo(flow.replay(wh, rules))


@alerts.command()
def watch() -> None:
    """Look whether deliveries, pictures, evaluation and sender are alive; mail operations when not (exit code 1)."""
    from medsupply import desk

    late = desk.watch(common.settings(), at=common.now())
    for line in late:
        typer.echo(line)
    if late:
        raise typer.Exit(1)
    typer.echo("All is well.")
