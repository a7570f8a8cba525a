"""Streamlit's own command in this process, ended by Ctrl-C as a service is: with a word and no error."""

from __future__ import annotations

import sys

import click
from streamlit.web import cli


def main() -> None:
    """``python -m medsupply.dashboard.serving run app.py ...``: as ``streamlit run``."""
    try:
        cli.main(standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        sys.stdout.write("Stopped. The database goes on; 'medsupply down' stops it.\n")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
