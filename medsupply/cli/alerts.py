"""Commands for alerts: evaluate, send, digest, acknowledge, silence, release, requeue, why, replay, watch."""

from __future__ import annotations

from pathlib import Path

import typer

from medsupply.cli import common, subscriptions

alerts = typer.Typer(
    help="Alerts: evaluate, send, digest, subscriptions, and why a mail went out.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    subscriptions.add_to(alerts)
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
        done = flow.send(wh, clock=common.now, drain=drain)
    typer.echo(done)
    if done.stopped:
        raise typer.Exit(5)


@alerts.command()
def digest(
    as_of: str = common.AS_OF, weekly: bool = typer.Option(False, "--weekly", help="The week, with the scores.")
) -> None:
    """Queue the digest of a report day, also on a quiet one."""
    from medsupply import flow

    with common.warehouse() as wh:
        typer.echo(flow.digest(wh, common.parse_day(as_of), at=common.now(), weekly=weekly))


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
def silence(
    author: str = typer.Option(..., help="Who silences."),
    reason: str = typer.Option(..., help="Why."),
    until: str = typer.Option(..., help="Day (its end) or moment, at most 30 days away."),
    medicine: str = typer.Option(None, help="Family id."),
    county: str = typer.Option(None, help="Area code."),
    rule: str = typer.Option(None, help="Rule, for instance run_out."),
) -> None:
    """No mails on what matches until an end; the alert stays on the page, and is told then if it is still open.

    Where one is open now, the silence holds up to its level: what rises above it is told.
    """
    from medsupply import desk

    with common.warehouse() as wh:
        end = common.parse_moment(until, day_means_end=True)
        found = desk.silence(
            wh, author=author, reason=reason, at=common.now(), until=end, medicine_id=medicine, county_code=county,
            rule=rule,
        )  # fmt: skip
    typer.echo(f"Silenced until {until} ({found}).")


@alerts.command("silences")
def list_silences() -> None:
    """Silences that hold now."""
    from medsupply import desk

    with common.warehouse() as wh:
        for row in desk.silences(wh, at=common.now()).iter_rows(named=True):
            scope = ", ".join(row[name] or "all" for name in ("medicine_id", "county_code", "rule"))
            upto = f" up to {row['level']}" if row["level"] else ""
            typer.echo(
                f"{row['silence_id']}  {scope}{upto}  until {row['ends_at']:%Y-%m-%d %H:%M} UTC"
                f"  {row['author']}: {row['reason']}"
            )


@alerts.command()
def end_silence(
    silence_id: str,
    author: str = typer.Option(..., help="Who ends it."),
    reason: str = typer.Option(..., help="Why."),
) -> None:
    """End a silence now; what is still open is told by the next evaluation."""
    from medsupply import desk

    with common.warehouse() as wh:
        desk.end_silence(wh, silence_id, author=author, reason=reason, at=common.now())
    typer.echo(f"{silence_id} has ended.")


@alerts.command()
def release_hold(author: str = typer.Option(..., help="Who releases."), reason: str = typer.Option(...)) -> None:
    """Release alerts that are held since too many opened in one evaluation."""
    from medsupply import desk

    with common.warehouse() as wh:
        typer.echo(desk.release_hold(wh, author=author, reason=reason, at=common.now()))


@alerts.command()
def requeue(
    author: str = typer.Option(..., help="Who queues them again."),
    reason: str = typer.Option(..., help="Why, for instance what was mended."),
    to: str = typer.Option(None, "--to", help="Mails to this address."),
    message_id: list[str] = typer.Option([], "--id", help="Message-ID, also where a newer mail tells it; repeatable."),
    since: str = typer.Option(None, "--since", help="Failed at or after this moment, or from this day on."),
    until: str = typer.Option(None, "--until", help="Failed at or before this moment, or until the end of this day."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be queued, and change nothing."),
) -> None:
    """Queue failed mails again, when what made them fail is mended; each keeps its Message-ID."""
    from medsupply import desk

    start = common.parse_start(since) if since else None
    end = common.parse_moment(until, day_means_end=True) if until else None
    wanted = desk.Requeued(to, message_id, start, end)
    with common.warehouse() as wh:
        for line in desk.requeue(wh, wanted, author=author, reason=reason, at=common.now(), dry_run=dry_run):
            typer.echo(line)


@alerts.command()
def why(
    medicine: str = typer.Argument(help="Medicine or family id."),
    on: str = typer.Option(None, "--on", help="Report day. Default: the newest."),
    county: str = typer.Option("99", help="Area code."),
    recipient: str = typer.Option(None, "--to", help="Address: tell of its mails only, or why it got none."),
) -> None:
    """Why a mail did or did not go out, from stored facts."""
    from medsupply import desk

    with common.warehouse() as wh:
        day = common.parse_day(on) if on else None
        typer.echo(desk.why(wh, medicine, on=day, county=county, recipient=recipient))


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
