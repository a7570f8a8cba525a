"""Commands for the service: demo, serve, up, down, check, migrate."""

from __future__ import annotations

from pathlib import Path

import typer

from medsupply.cli import common


def add_to(app: typer.Typer) -> None:
    app.command()(demo)
    app.command()(serve)
    app.command()(up)
    app.command()(down)
    app.command()(check)
    app.command()(migrate)


def demo(
    real: Path = typer.Option(None, "--real", help="Folder with the published files, instead of a simulated nation."),
    no_serve: bool = typer.Option(False, "--no-serve", help="Do everything but serve the dashboard."),
    port: int = typer.Option(8501, help="Port of the dashboard."),
) -> None:
    """From nothing to a dashboard: simulate or read, load, picture, forecast, alert, mail, serve."""
    from medsupply import demo as demo_

    here = common.settings()
    with common.warehouse() as wh:
        if real:
            demo_.real(wh, real, tell=typer.echo)
        else:
            demo_.simulated(wh, tell=typer.echo)
    if no_serve:
        typer.echo("Done. 'medsupply serve' shows it in the browser.")
        return
    demo_.serve(here, port, tell=typer.echo)


def serve(
    port: int = typer.Option(8501, help="Port."), host: str = typer.Option("127.0.0.1", help="Address to listen on.")
) -> None:
    """Serve the dashboard until it is stopped."""
    from medsupply import demo as demo_

    with common.warehouse():
        pass
    demo_.serve(common.settings(), port, host=host, tell=typer.echo)


def up() -> None:
    """Start the embedded database when it does not run, bring it to the newest version, say how to reach it."""
    from medsupply.warehouse.database.urls import analyst_url

    with common.warehouse() as wh:
        typer.echo(f"The warehouse is up. Analysts: psql '{analyst_url(wh.settings)}'")


def down() -> None:
    """Stop the embedded database."""
    from medsupply.warehouse.database import server

    stopped = server.down(common.settings())
    typer.echo("The embedded database is stopped." if stopped else "The embedded database was not running.")


def check(
    hash_: bool = typer.Option(False, "--hash", help="Only the hash of all analyst views, without wall-clock columns."),
    by_view: bool = typer.Option(False, "--by-view", help="With --hash: one line per view."),
) -> None:
    """Whether the warehouse is whole: equations, migrations, disk, connection strings. Exit code 1 when not."""
    from medsupply.warehouse import health
    from medsupply.warehouse.database.hashing import warehouse_hash

    with common.warehouse() as wh:
        if hash_:
            hashes = warehouse_hash(wh)
            for view, digest in sorted(hashes.views.items()) if by_view else ():
                typer.echo(f"{digest}  {view}")
            typer.echo(hashes.total)
            return
        found = health.check(wh)
    common.show(found)
    if not found["ok"].all():
        raise typer.Exit(1)


def migrate() -> None:
    """Bring the warehouse to the newest version; views and grants are made again."""
    with common.warehouse() as wh:
        version = wh.read("select version_num from ops.alembic_version")
        typer.echo(f"The warehouse is at {version.item()}.")
