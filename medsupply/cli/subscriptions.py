"""Commands for who gets which mails: subscribe, unsubscribe, list, and the duty rota."""

from __future__ import annotations

import typer

from medsupply.cli import common

duty = typer.Typer(help="Who is on duty outside office hours, by rota.", no_args_is_help=True)


def add_to(alerts: typer.Typer) -> None:
    alerts.command()(subscribe)
    alerts.command()(unsubscribe)
    alerts.command()(subscriptions)
    alerts.add_typer(duty, name="duty")


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
    office_hours: bool = typer.Option(
        False, "--office-hours", help="Weekdays 8-16; outside them a severe alert goes to who is on duty."
    ),
    rota: str = typer.Option(None, help="Rota that is asked outside office hours. Default: the role with its area."),
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
            office_hours=office_hours,
            rota=rota,
            at=common.now(),
        )
    typer.echo(told)


def unsubscribe(address: str = typer.Argument(help="Mail address.")) -> None:
    """End all subscriptions of an address."""
    from medsupply import desk

    with common.warehouse() as wh:
        typer.echo(f"{desk.unsubscribe(wh, address, at=common.now())} subscriptions of {address} have ended.")


def subscriptions(address: str = typer.Argument(None, help="Only this address.")) -> None:
    """Who gets which mails."""
    from medsupply import desk

    with common.warehouse() as wh:
        for line in desk.subscriptions_told(wh, address):
            typer.echo(line)


@duty.command()
def add(
    rota: str = typer.Argument(help="Rota, for instance fimea or county-21."),
    address: str = typer.Argument(help="Who is on duty."),
    start: str = typer.Option(..., "--from", help="Day or moment, for instance 2026-12-01T16:00."),
    end: str = typer.Option(..., "--until", help="Day (its end) or moment."),
    author: str = typer.Option(..., help="Who says so."),
) -> None:
    """Put an address on duty: it gets the severe alerts of the rota outside office hours."""
    from medsupply import desk

    with common.warehouse() as wh:
        first, last = common.parse_moment(start), common.parse_moment(end, day_means_end=True)
        desk.put_on_duty(wh, rota, address, start=first, end=last, author=author, at=common.now())
    typer.echo(f"{address} is on duty in {rota} from {start} until {end}.")


@duty.command("list")
def list_duties() -> None:
    """Duties that go on or come."""
    from medsupply import desk

    with common.warehouse() as wh:
        for row in desk.duties(wh, at=common.now()).iter_rows(named=True):
            span = f"{row['starts_at']:%Y-%m-%d %H:%M} to {row['ends_at']:%Y-%m-%d %H:%M} UTC"
            typer.echo(f"{row['duty_id']}  {row['rota']}  {row['address']}  {span}")


@duty.command("end")
def end_duty(duty_id: str, author: str = typer.Option(..., help="Who says so.")) -> None:
    """End a duty now."""
    from medsupply import desk

    with common.warehouse() as wh:
        desk.end_duty(wh, duty_id, author=author, at=common.now())
    typer.echo(f"{duty_id} has ended.")
