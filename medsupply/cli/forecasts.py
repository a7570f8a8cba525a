"""Commands for forecasts: forecast, backtest, simulate."""

from __future__ import annotations

from pathlib import Path

import typer

from medsupply.cli import common

backtest = typer.Typer(help="Backtests that leave files anyone can score.", no_args_is_help=True)

DATA = typer.Option(..., "--data", help="File or folder with the data.", exists=True)
ORIGIN = typer.Option(..., "--origin", help="Last period that may be read, YYYY-MM-DD; repeat it.")
HORIZON = typer.Option(..., "--horizon", help="Periods ahead.", min=1)
OUT = typer.Option(..., "--out", help="Folder for forecasts.parquet or run_out.parquet.")


def add_to(app: typer.Typer) -> None:
    app.command()(forecast)
    app.command()(what_if)
    app.command()(simulate)
    app.add_typer(backtest, name="backtest")


def forecast(as_of: str = common.AS_OF, known_at: str = common.KNOWN_AT) -> None:
    """Demand for the next 26 weeks where a week is newly complete, then run-out from the stock of the day."""
    from medsupply import flow

    with common.warehouse() as wh:
        moment = common.parse_moment(known_at, day_means_end=True)
        workers = common.settings().workers
        done = flow.forecast(
            wh, common.parse_day(as_of), moment, workers=workers, progress=common.Progress("forecasts")
        )
    typer.echo(done)


def what_if(
    medicine_id: str = typer.Argument(help="Critical medicine or family, as in analyst.medicines."),
    as_of: str = common.AS_OF,
    known_at: str = common.KNOWN_AT,
    delay: int = typer.Option(0, help="Days by which every order comes later."),
    demand: float = typer.Option(0.0, help="Per cent by which demand changes."),
    notice: int = typer.Option(0, help="Days by which shortage notices last longer."),
    reserve: float = typer.Option(0.0, help="Per cent of the reserve that is released."),
    holder_out: list[str] = typer.Option([], help="Holder whose stock cannot be reached; repeat it."),
    form: str = typer.Option("table", "--format", help="table, csv or json."),
) -> None:
    """Run-out of a critical medicine in the country as it is, and with something changed; nothing is stored."""
    from medsupply import flow
    from medsupply.forecast.scenario import Scenario

    scenario = Scenario(delay, demand, tuple(holder_out), notice, reserve)
    with common.warehouse(role="dashboard") as wh:
        moment = common.parse_moment(known_at, day_means_end=True)
        common.show(flow.what_if(wh, common.parse_day(as_of), moment, medicine_id, scenario), form)


def simulate(
    out: Path = typer.Argument(help="Folder to write; deliveries go to OUT/inbox, the truth to OUT/truth."),
    preset: str = typer.Option("demo", help="demo, small, proof, national or mornings."),
    family: str = typer.Option("a", help="Family of laws: a, b or c."),
    seed: int = typer.Option(1, help="Same seed, same bytes."),
    days: int = typer.Option(None, help="Days of stock history instead of the preset's."),
    history_days: int = typer.Option(None, help="Days of dispensing instead of the preset's."),
    medicines: int = typer.Option(None, help="Medicines instead of the preset's."),
    pharmacies: int = typer.Option(None, help="Pharmacies instead of the preset's."),
    hospitals: int = typer.Option(None, help="Hospital pharmacies instead of the preset's."),
    file_form: str = typer.Option(None, "--form", help="Form of daily files: csv.gz, csv or parquet."),
    residuals: Path = typer.Option(None, help="Weekly series whose residuals family b draws from."),
    end: str = typer.Option(None, help="Last day, YYYY-MM-DD, instead of the preset's."),
    planted: bool = typer.Option(None, "--planted/--clean", help="Plant shortages, changes, silence and dirt, or not."),
    oracle: bool = typer.Option(False, help="Also oracle.parquet: the true probability of running out."),
    daily_paths: int = typer.Option(0, help="Continuations of an oracle of every day, for alerts; 0: none."),
) -> None:
    """Write the deliveries of a simulated nation, with the truth beside them."""
    from medsupply.simulate import simulate as simulate_nation

    made = simulate_nation(
        out,
        preset=preset,
        family=family,
        seed=seed,
        days=days,
        history_days=history_days,
        medicines=medicines,
        pharmacies=pharmacies,
        hospitals=hospitals,
        form=file_form,
        residuals=residuals,
        end=common.parse_day(end) if end else None,
        planted=planted,
        oracle=oracle,
        daily_paths=daily_paths,
        progress=common.Progress("days"),
    )
    typer.echo(made)


def _backtest(kind: str, data: Path, origins: list[str], horizon: int, out: Path) -> None:
    from medsupply.forecast.backtest import run

    days = [common.parse_day(origin) for origin in origins]
    written = run(kind, data, days, horizon, out, progress=common.Progress(kind), workers=common.settings().workers)
    typer.echo(f"{written} is written.")


@backtest.command()
def kela(data: Path = DATA, origin: list[str] = ORIGIN, horizon: int = HORIZON, out: Path = OUT) -> None:
    """Weekly purchases per substance from Kela's files."""
    _backtest("kela", data, origin, horizon, out)


@backtest.command()
def series(data: Path = DATA, origin: list[str] = ORIGIN, horizon: int = HORIZON, out: Path = OUT) -> None:
    """Any long Parquet or CSV of unique_id, ds, y; weekly or monthly."""
    _backtest("series", data, origin, horizon, out)


@backtest.command()
def civ(data: Path = DATA, origin: list[str] = ORIGIN, horizon: int = HORIZON, out: Path = OUT) -> None:
    """Real stock-outs: monthly stock, receipts and distribution per site and product."""
    _backtest("civ", data, origin, horizon, out)


@backtest.command()
def uk(data: Path = DATA, origin: list[str] = ORIGIN, horizon: int = HORIZON, out: Path = OUT) -> None:
    """Price concessions of English generics: monthly prescribing, price and concessions per product."""
    _backtest("uk", data, origin, horizon, out)


@backtest.command()
def nation(data: Path = DATA, origin: list[str] = ORIGIN, horizon: int = HORIZON, out: Path = OUT) -> None:
    """A simulated nation: probability of running out against its oracle."""
    _backtest("nation", data, origin, horizon, out)
