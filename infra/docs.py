"""Makes the generated pages of docs/ again; ``--check`` only says which are not current (exit code 1)."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import typer

from medsupply import settings
from medsupply.cli import app
from medsupply.picture.figures import figures_page
from medsupply.sources.catalogue import SOURCES
from medsupply.sources.reasons import REASONS
from medsupply.sources.rules import Known, rules_of
from medsupply.tables.dictionary import contract_page, contracts, dictionary

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


def source_page(name: str) -> str:
    """One page for the senders of a source, from its contract and its entry in the catalogue."""
    source = SOURCES[name]
    kinds = {
        "snapshot": "A file holds complete snapshots: a later one for the same holder and day replaces it whole.",
        "days": "A file holds rows of reporters and days: a later row with the same key replaces the older one.",
        "full_list": "A file is a full list: it replaces the last one whole"
        + (f" (within the same {source.scope[0]})." if source.scope else "."),
        "events": "A file holds events: a later row with the same key replaces the older one, the others stay.",
    }
    known = Known(holders=["H1"], articles=["A1"])
    own = {code for code, _, _ in rules_of(source, known)} | {"wrong_number_of_fields", "conflicting_key"}
    reasons = [f"| `{code}` | {REASONS[code].meaning} | {REASONS[code].what_to_do} |" for code in sorted(own)]
    header = source.separator.join(source.contract.column_names())
    return "\n".join([
        f"# {name}: {source.title}", "",
        f"From {source.publisher}; {source.rhythm}. Licence: {source.licence}.", "", kinds[str(source.kind)], "",
        f"Send `.csv`, `.csv.gz` or `.parquet` to `inbox/{name}/`, any file name. CSV: `{source.separator}` between"
        f" fields, a header, UTF-8 (else {source.encoding}), decimal point or comma, days as YYYY-MM-DD.", "",
        "```text", header, "```", "", "## Columns", "", *contract_page(name), "",
        f"Key of a row: {', '.join(f'`{column}`' for column in source.row_key)}.", "",
        "## What waits in quarantine", "",
        "Besides what does not fit its type (`not_a_number`, `not_a_day`, `not_in_list`, `missing_value`):", "",
        "| code | what is wrong | what to do |", "|---|---|---|", *reasons, "",
        "A file that cannot be read at all, lacks a column or holds anything personal is refused whole.", "",
    ])  # fmt: skip


PAGES: dict[str, Callable[[], str]] = {
    **{f"sources/{name}.md": partial(source_page, name) for name in SOURCES},
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
        (ROOT / "docs" / name).parent.mkdir(exist_ok=True)
        (ROOT / "docs" / name).write_text(NOTE + make(), encoding="utf-8")


if __name__ == "__main__":
    main()
