"""Makes the generated pages of docs/ again; ``--check`` only says which are not current (exit code 1)."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path

import click
import typer

from medsupply import settings
from medsupply.cli import app
from medsupply.picture.figures import figures_page
from medsupply.tables.dictionary import contracts, dictionary

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Made by infra/docs.py; change the source, not this page. -->\n\n"


def cli_page() -> str:
    """Help of every command, as the command line prints it."""
    root = typer.main.get_command(app)
    parts = ["# The command line\n", "```text", _help(root, "medsupply"), "```\n"]
    for name, command in _commands(root, "medsupply"):
        parts += [f"## {name}\n", "```text", _help(command, name), "```\n"]
    return "\n".join(parts)


def _commands(group: click.Command, path: str) -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    for name, command in sorted(getattr(group, "commands", {}).items()):
        found += [(f"{path} {name}", command), *_commands(command, f"{path} {name}")]
    return found


def _help(command: click.Command, name: str) -> str:
    with click.Context(command, info_name=name, terminal_width=100, max_content_width=100) as context:
        return command.get_help(context).rstrip()


def settings_page() -> str:
    """Every environment variable; each secret also as <NAME>_FILE."""
    rows = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in settings.VARIABLES.items())
    return (
        "# Settings\n\nAll settings are environment variables. Each can also be given as `<NAME>_FILE`, a file that "
        "holds the value, as secrets should be. Both at once is an error.\n\n"
        f"| variable | meaning |\n|---|---|\n{rows}\n"
    )


def dags_page() -> str:
    """The DAGs, from their own docstrings."""
    parts = ["# DAGs\n"]
    for path in sorted((ROOT / "dags").glob("*.py")):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        parts.append(f"## {path.stem}\n\n{text}\n")
    return "\n".join(parts)


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "settings.md": settings_page,
    "dags.md": dags_page,
    "dictionary.md": dictionary,
    "contracts.md": contracts,
    "figures.md": figures_page,
}


def outdated() -> list[str]:
    """Pages whose text is not what their source says now."""
    found = []
    for name, make in PAGES.items():
        path = ROOT / "docs" / name
        if not path.exists() or path.read_text(encoding="utf-8") != NOTE + make():
            found.append(name)
    return found


def main() -> None:
    if "--check" in sys.argv:
        late = outdated()
        if late:
            print(f"Not current: {', '.join(late)}. Run make docs.")
        sys.exit(bool(late))
    for name, make in PAGES.items():
        (ROOT / "docs" / name).write_text(NOTE + make(), encoding="utf-8")


if __name__ == "__main__":
    main()
