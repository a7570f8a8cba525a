"""The command line: the edge that reads environment and clock and calls ``medsupply.flow``.

Heavy imports stand inside the commands, so that ``medsupply --help`` answers at once.
"""

from __future__ import annotations

import sys
import traceback

import typer

from medsupply.cli import alerts, analysts, deliveries, forecasts, pictures, service
from medsupply.errors import MedsupplyError

EXIT_UNEXPECTED = 70

app = typer.Typer(
    name="medsupply",
    help="The national medication situation picture: deliveries in, run-out probability and actionable alerts out.",
    epilog="Exit codes: 0 done; 1 done, but some rows or files were not accepted; 2 and up could not run "
    "(2 input or settings, 3 warehouse, 4 forecast, 5 mail, 70 unexpected).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (deliveries, pictures, forecasts, alerts, analysts, service):
    module.add_to(app)


@app.callback(invoke_without_command=True)
def options(
    version: bool = typer.Option(False, "--version", help="Show the version and stop.", is_eager=True),
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Show what happens, and the traceback of an error."),
) -> None:
    """The national medication situation picture."""
    from medsupply import __version__, logs

    logs.configure(verbose=verbose)
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line; every error is one sentence with what to do, on standard error."""
    arguments, verbose = _verbose_anywhere(sys.argv[1:])
    try:
        code = app(["--verbose", *arguments] if verbose else arguments, standalone_mode=False)
    except MedsupplyError as error:
        code = _fail(str(error), error.exit_code, verbose)
    except typer.Abort:
        code = _fail("Stopped.", 130, False)
    except typer.TyperException as error:
        code = _misused(error)
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    except Exception as error:  # noqa: BLE001 - the last net: one sentence instead of a wall of text
        reason = f"Something unexpected happened ({type(error).__name__}: {error})."
        code = _fail(f"{reason} Run it again with --verbose and report what it shows.", EXIT_UNEXPECTED, verbose)
    sys.exit(code if isinstance(code, int) else 0)


def _verbose_anywhere(arguments: list[str]) -> tuple[list[str], bool]:
    """--verbose is accepted after the command too, since it is added when something went wrong."""
    kept = [argument for argument in arguments if argument != "--verbose"]
    return kept, len(kept) < len(arguments)


def _misused(error: typer.TyperException) -> int:
    """A wrong option or argument: what is wrong, and where the help is."""
    show = getattr(error, "show", None)  # those that know their command show its usage
    if show is None:
        return _fail(error.format_message(), error.exit_code, False)
    show()
    return error.exit_code


def _fail(message: str, code: int, verbose: bool) -> int:
    if verbose:
        traceback.print_exc()
    typer.echo(f"medsupply: {message}", err=True)
    return code
